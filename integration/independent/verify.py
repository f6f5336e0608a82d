#!/usr/bin/env python3
"""Checks a ledger of broker-courier, written from docs/log-format.md alone: standard library, nothing of the program.

python3 verify.py LOG [--head FILE] [--status FILE]... [--key VKEY --checkpoints FILE]
python3 verify.py --key VKEY --proof FILE
python3 verify.py --key VKEY --manifest FILE --files FOLDER
"""

import argparse
import base64
import hashlib
import os
import re
import struct
import sys
import zlib

MAGIC = bytes.fromhex("8942434c0d0a1a0a")
REDACTED = bytes.fromhex("894243520d0a1a0a")
LEFT_OUT = 0xFFFFFFFF


class Refused(Exception):
    """What is wrong, and where."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def require(holds, what):
    if not holds:
        raise Refused(what)


class Reader:
    """MessagePack in the one form that a payload has: maps come as lists of pairs, with their order."""

    SIZED = {0xD9: ("text", 1), 0xDA: ("text", 2), 0xDB: ("text", 4), 0xC4: ("bytes", 1), 0xC5: ("bytes", 2),
             0xC6: ("bytes", 4), 0xDC: ("array", 2), 0xDD: ("array", 4), 0xDE: ("map", 2), 0xDF: ("map", 4)}
    FIXED = [(0x80, 0x8F, "map"), (0x90, 0x9F, "array"), (0xA0, 0xBF, "text")]
    LONGEST_FIXED = {"text": 31, "bytes": -1, "array": 15, "map": 15}

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        piece = self.data[self.at:self.at + count]
        require(len(piece) == count, "the payload ends too early")
        self.at += count
        return piece

    def value(self):
        byte = self.take(1)[0]
        if byte <= 0x7F:
            return byte
        if byte >= 0xE0:
            return byte - 0x100
        if byte == 0xC0:
            return None
        if 0xCC <= byte <= 0xCF:
            size = 1 << byte - 0xCC
            number = int.from_bytes(self.take(size), "big")
            require(number > (0x7F if size == 1 else (1 << 4 * size) - 1), "an integer is longer than need be")
            return number
        if 0xD0 <= byte <= 0xD3:
            size = 1 << byte - 0xD0
            number = int.from_bytes(self.take(size), "big", signed=True)
            require(number < (-0x20 if size == 1 else -(1 << 4 * size - 1)), "an integer is longer than need be")
            return number
        for first, last, kind in self.FIXED:
            if first <= byte <= last:
                return self.sized(kind, byte - first)
        require(byte in self.SIZED, f"a value of type {byte:#x}")
        kind, size = self.SIZED[byte]
        length = int.from_bytes(self.take(size), "big")
        shorter = {1: self.LONGEST_FIXED[kind], 2: 0xFF if kind in ("text", "bytes") else 15, 4: 0xFFFF}[size]
        require(length > shorter, "a length is longer than need be")
        return self.sized(kind, length)

    def sized(self, kind, length):
        if kind == "bytes":
            return self.take(length)
        if kind == "text":
            return self.take(length).decode("utf-8")
        if kind == "array":
            return [self.value() for _ in range(length)]
        pairs = [(self.value(), self.value()) for _ in range(length)]
        keys = [key for key, _ in pairs]
        require(all(isinstance(key, str) for key in keys) and len(set(keys)) == len(keys), "a map's keys")
        return Map(pairs)


class Map(list):
    """Pairs of a map, in their order."""


def payload(data):
    reader = Reader(data)
    try:
        value = reader.value()
    except UnicodeDecodeError as error:
        raise Refused("text that is not UTF-8") from error
    require(reader.at == len(data), "bytes behind the payload's value")
    keys = [key for key, _ in value] if isinstance(value, Map) else None
    require(keys in (["time", "event"], ["time", "event", "salt"]), "no payload")
    (_, time), (_, event), *salt = value
    require(all(isinstance(it, bytes) and len(it) == 16 for _, it in salt), "no salt")
    require(isinstance(time, int) and isinstance(event, Map) and len(event) == 1, "no time, or no event")
    return time, event[0][0], event[0][1]


def read_log(data):
    """The log's id, and of each entry its hash, time, kind, fields and payload; None in place of what a redacted copy
    leaves out."""
    require(len(data) >= 31 and data[:8] in (MAGIC, REDACTED), "no log")
    redacted = data[:8] == REDACTED
    if redacted:
        require(len(data) >= 63 and sha256(data[:-32]) == data[-32:], "the copy is damaged")
        data = data[:-32]
    require(zlib.crc32(data[:27]) == struct.unpack("<I", data[27:31])[0], "the header is damaged")
    require(data[8:11] == b"\x01\x00\x01", "another version or hash")
    log, at, entries = data[11:27], 31, []
    start = MAGIC + data[8:27]
    previous = sha256(start, struct.pack("<I", zlib.crc32(start)))
    while at < len(data):
        place = f"entry {len(entries) + 1}, byte {at}"
        require(at + 48 <= len(data), f"{place}: cut short")
        length, sequence, crc = struct.unpack("<IQI", data[at:at + 16])
        require(zlib.crc32(data[at:at + 12]) == crc, f"{place}: its header is damaged")
        if redacted and length == LEFT_OUT:
            require(sequence == len(entries) + 1 and entries, f"{place}: its sequence number")
            previous, at = data[at + 16:at + 48], at + 48
            entries.append((previous, None, None, None, None))
            continue
        require(sequence == len(entries) + 1 and length <= 64 << 20, f"{place}: its sequence number or length")
        require(at + 48 + length <= len(data), f"{place}: cut short")
        body = data[at + 16:at + 16 + length]
        stored = data[at + 16 + length:at + 48 + length]
        require(sha256(previous, data[at:at + 12], body) == stored, f"{place}: not its hash")
        try:
            time, kind, fields = payload(body)
        except Refused as refused:
            raise Refused(f"{place}: {refused}") from refused
        if not entries:
            require(kind == "LogCreated" and fields[0] == ("log", log), f"{place}: not this log's creation")
        entries.append((stored, time, kind, fields, body))
        previous, at = stored, at + 48 + length
    require(entries, "no first entry")
    return log, entries


def check_head(text, entries):
    found = re.fullmatch(rb"(([1-9][0-9]*) ([0-9a-f]{64})) ([0-9a-f]{8})\n", text)
    require(found and zlib.crc32(found[1]) == int(found[4], 16), "the head is damaged")
    number = int(found[2])
    require(number <= len(entries), f"the log ends before entry {number}, which its head names")
    require(entries[number - 1][0].hex().encode() == found[3], f"entry {number} is not the one that the head names")


def check_status(text, log, entries):
    root = re.match(rb'<status log="([0-9a-f]{32})" sequence="([1-9][0-9]*)" hash="([0-9a-f]{64})"[ >]', text)
    require(root, "no status.xml of a ledger")
    number = int(root[2])
    require(root[1].decode() == log.hex(), "the status.xml is of another log")
    require(number <= len(entries), f"the log ends before entry {number}, which the status.xml names")
    require(entries[number - 1][0].hex().encode() == root[3], f"entry {number} is not the one that status.xml names")
    for _, _, kind, fields, _ in entries:
        if kind == "LedgerPublished" and dict(fields)["through"] == number:
            require(dict(fields)["sha256"] == sha256(text), "the status.xml is not the one that was published")
    return number


def tree(hashes):
    """The root of RFC 6962 over the hashes of entries."""
    if len(hashes) <= 1:
        return sha256(b"\0", hashes[0]) if hashes else sha256()
    left = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\1", tree(hashes[:left]), tree(hashes[left:]))


def included(hash_, index, size, path):
    """The root that a path leads to (RFC 9162, 2.1.3.2)."""
    require(index < size, "no such index")
    part, last = sha256(b"\0", hash_), size - 1
    for sibling in path:
        require(last > 0, "the path is too long")
        if index & 1 or index == last:
            part = sha256(b"\1", sibling, part)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            part = sha256(b"\1", part, sibling)
        index, last = index >> 1, last >> 1
    require(last == 0, "the path is too short")
    return part


# Ed25519 by RFC 8032, for checking alone.
P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
ORDER = 2**252 + 27742317777372353535851937790883648493


def add(one, other):
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % P, (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    require(y < P and (x * x - square) % P == 0 and not (x == 0 and sign), "no point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def signed(public, signature, message):
    base = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    first, second = signature[:32], int.from_bytes(signature[32:], "little")
    require(len(signature) == 64 and second < ORDER, "no signature")
    digest = int.from_bytes(hashlib.sha512(first + public + message).digest(), "little") % ORDER
    left, right = times(second, base), add(point(first), times(digest, point(public)))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


def opened(note, vkey):
    """The signer's name, and the lines that are signed."""
    name, keyid, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    require(key[0] == 1 and sha256(name.encode(), b"\n", key)[:4].hex() == keyid, "no key of Ed25519")
    text, signatures = note.rsplit("\n\n", 1)
    for line in signatures.splitlines():
        signer, signature = line.removeprefix("\u2014 ").split(" ")
        signature = base64.b64decode(signature, validate=True)
        if signer == name and signature[:4].hex() == keyid:
            require(signed(key[1:], signature[4:], text.encode() + b"\n"), "a wrong signature")
            return name, text.split("\n")
    raise Refused("not signed by this key")


def checkpoint(note, vkey):
    """Origin, size and root of a signed checkpoint."""
    name, lines = opened(note, vkey)
    require(len(lines) == 3, "no checkpoint")
    origin, size, root = lines
    require(re.fullmatch(re.escape(name) + "/[0-9a-f]{32}", origin), "the origin is not one of this key")
    return origin, int(size), base64.b64decode(root, validate=True)


def check_manifest(note, vkey, folder):
    """What is wrong with the files of a folder, by a signed manifest; and whose it is, and how many it names."""
    name, (first, ledger, event, _, *lines) = opened(note, vkey)
    origin = ledger.removeprefix("# ledger ")
    require(first == "# broker-courier manifest 1", "no manifest")
    require(re.fullmatch(re.escape(name) + "/[0-9a-f]{32}", origin), "the origin is not one of this key")
    wrong, files = [], [line.split("  ", 1) for line in lines if not line.startswith("# ")]
    for digest, file in files:
        path = os.path.join(folder, os.path.basename(file))
        if not os.path.exists(path):
            wrong.append(f"{file}: missing")
        elif sha256(contents(path)).hex() != digest:
            wrong.append(f"{file}: other bytes")
    return f"{origin}, event {event.split()[2]}", len(files), wrong


def checkpoints(text):
    """The notes of a file of checkpoints: lines, an empty one, lines that sign; between notes an empty one."""
    parts = text.rstrip("\n").split("\n\n")
    require(len(parts) % 2 == 0, "no file of checkpoints")
    return [f"{body}\n\n{signatures}\n" for body, signatures in zip(parts[::2], parts[1::2])]


def check_proof(text, vkey):
    """What a .tlog-proof says of which entry."""
    body, note = text.split("\n\n", 1)
    first, extra, index, *path = body.split("\n")
    require(first == "c2sp.org/tlog-proof@v1" and extra.startswith("extra ") and index.startswith("index "), "no proof")
    extra, index = base64.b64decode(extra[6:], validate=True), int(index[6:])
    previous, body = extra[:32], extra[32:]
    hash_ = sha256(previous, struct.pack("<IQ", len(body), index + 1), body)
    origin, size, root = checkpoint(note, vkey)
    path = [base64.b64decode(part, validate=True) for part in path]
    require(included(hash_, index, size, path) == root, "the entry is not in the tree")
    return origin, size, index + 1, payload(body)


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", nargs="?")
    parser.add_argument("--head")
    parser.add_argument("--status", action="append", default=[])
    parser.add_argument("--key")
    parser.add_argument("--checkpoints")
    parser.add_argument("--proof")
    parser.add_argument("--manifest")
    parser.add_argument("--files", default=".")
    options = parser.parse_args()
    if not options.log and not options.proof and not options.manifest:
        parser.error("nothing to check")
    try:
        if options.proof:
            origin, size, number, (time, kind, _) = check_proof(contents(options.proof).decode(), options.key)
            print(f"{options.proof}: entry {number} of {origin}, signed with {size}: {kind}, time {time}")
            return
        if options.manifest:
            of, count, wrong = check_manifest(contents(options.manifest).decode(), options.key, options.files)
            require(not wrong, "; ".join(wrong))
            print(f"{options.manifest}: by {of}; {count} files are as they were delivered")
            return
        log, entries = read_log(contents(options.log))
        missing = sum(body is None for *_, body in entries)
        seen = f", of which {missing} were left out: only their hashes are here" if missing else ""
        print(f"log {log.hex()}: {len(entries)} entries{seen}, last hash {entries[-1][0].hex()}")
        if options.head:
            check_head(contents(options.head), entries)
            print("head: holds")
        for path in options.status:
            print(f"{path}: names entry {check_status(contents(path), log, entries)} of this log")
        hashes = [entry[0] for entry in entries]
        print(f"tree: {base64.b64encode(tree(hashes)).decode()}")
        for note in checkpoints(contents(options.checkpoints).decode()) if options.checkpoints else []:
            origin, size, root = checkpoint(note, options.key)
            require(origin.endswith(f"/{log.hex()}") and size <= len(hashes), f"checkpoint {size} is of another log")
            require(tree(hashes[:size]) == root, f"checkpoint {size} is of another history")
            print(f"checkpoint of {size}: holds")
    except Refused as refused:
        sys.exit(f"REFUSED: {refused}")


if __name__ == "__main__":
    main()
