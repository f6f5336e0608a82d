#!/usr/bin/env python3
"""Tests of verify.py, and of docs/log-format.md, over the logs of ledger/tests/golden and damaged copies of them."""

import glob
import os
import random
import re
import sys

from shapes import Grammar
from verify import Reader, Refused, check_head, contents, read_log, sha256, tree

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DOCUMENT = contents(os.path.join(ROOT, "docs", "log-format.md")).decode()
GRAMMAR = Grammar(DOCUMENT)


def golden(folder):
    paths = sorted(glob.glob(os.path.join(ROOT, "ledger", "tests", "golden", folder, "*.log")))
    assert paths, f"no logs in {folder}"
    return [(os.path.basename(path), contents(path), contents(path[:-3] + "head")) for path in paths]


def check(log, head):
    """Everything that the document says of a log and its head."""
    _, entries = read_log(log)
    check_head(head, entries)
    for number, entry in enumerate(entries, 1):
        try:
            GRAMMAR.payload(Reader(entry[-1]).value())
        except Refused as refused:
            raise Refused(f"entry {number}: {refused}") from refused
    return entries


def refused(log, head):
    try:
        check(log, head)
    except Refused:
        return True
    return False


def flipped(data, bit):
    copy = bytearray(data)
    copy[bit // 8] ^= 1 << bit % 8
    return bytes(copy)


def redacted(logs):
    """Copies with entries left out have every hash of their log; damaged ones are refused, or have another tree."""
    paths = sorted(glob.glob(os.path.join(ROOT, "ledger", "tests", "golden", "redacted", "*.log")))
    assert paths, "no redacted copies"
    chance, damaged = random.Random(7), 0
    for path in paths:
        copy, name = contents(path), os.path.basename(path)
        _, entries = read_log(copy)
        _, whole = read_log(logs[name])
        hashes = [entry[0] for entry in whole]
        assert [entry[0] for entry in entries] == hashes, f"{name}: other hashes"
        assert all(kept[-1] in (None, entry[-1]) for kept, entry in zip(entries, whole)), f"{name}: other payloads"
        assert 0 < sum(entry[-1] is None for entry in entries) < len(entries), f"{name}: nothing was left out"
        for case in range(750):
            other = bytearray(copy)
            at = chance.randrange(len(copy))
            if case % 3 == 0:
                other[at] ^= 1 << chance.randrange(8)
            elif case % 3 == 1:
                del other[at:at + chance.randrange(1, 64)]
            else:
                other[at:at] = copy[chance.randrange(len(copy)):][:48]
            if case % 2 and len(other) >= 32:
                # As somebody would who does it on purpose.
                other[-32:] = sha256(bytes(other[:-32]))
            if bytes(other) == copy:
                continue
            damaged += 1
            try:
                _, read = read_log(bytes(other))
            except Refused:
                continue
            assert case % 2, f"{name}: damage is accepted"
            assert tree([entry[0] for entry in read]) != tree(hashes), f"{name}: a forgery has the same tree"
    return len(paths), damaged


def main():
    vectors = dict((name, (int(count), last)) for name, count, last
                   in re.findall(r"\| `([\w.-]+\.log)` \| (\d+) \| `([0-9a-f]{64})` \|", DOCUMENT))
    assert len(vectors) >= 6, "the document has test vectors"
    logs = golden("v1")
    for name, log, head in logs:
        entries = check(log, head)
        end = (len(entries), entries[-1][0].hex())
        assert vectors.pop(name, end) == end, f"{name}: the document names another end"
    assert not vectors, f"no such logs: {vectors}"

    smallest = dict((name, log) for name, log, _ in logs)["LogCreated.log"]
    dump = re.search(r"```hex\n(.*?)```", DOCUMENT, re.S)[1].splitlines()
    assert bytes.fromhex("".join(line.split("   ")[0] for line in dump)) == smallest, "the log in hexadecimal"

    damaged = 0
    for name, log, head in logs:
        step = 1 if len(log) < 300 else 1009
        copies = [(flipped(log, bit), head) for bit in range(0, len(log) * 8, step)]
        copies += [(log[:cut], head) for cut in range(0, len(log), step)]
        copies += [(log, flipped(head, bit)) for bit in range(0, len(head) * 8, step)]
        for copy in copies:
            assert refused(*copy), f"{name}: damage is accepted"
        damaged += len(copies)

    copies, refusals = redacted(dict((name, log) for name, log, _ in logs))
    newer = golden("newer")
    for name, log, head in newer:
        assert refused(log, head), f"{name}: a newer version's log is accepted"
    print(f"{len(logs)} logs are as the document says; {damaged} damaged copies and {len(newer)} newer logs are refused; "
          f"{copies} redacted copies have what was kept, and {refusals} damaged ones are refused")


if __name__ == "__main__":
    sys.exit(main())
