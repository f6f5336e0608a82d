#!/usr/bin/env python3
"""Tests of verify.py, and of docs/log-format.md, over the logs of ledger/tests/golden and damaged copies of them."""

import glob
import os
import re
import sys

from shapes import Grammar
from verify import Reader, Refused, check_head, contents, read_log

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

    newer = golden("newer")
    for name, log, head in newer:
        assert refused(log, head), f"{name}: a newer version's log is accepted"
    print(f"{len(logs)} logs are as the document says; {damaged} damaged copies and {len(newer)} newer logs are refused")


if __name__ == "__main__":
    sys.exit(main())
