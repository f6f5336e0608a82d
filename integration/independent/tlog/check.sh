#!/usr/bin/env bash
# What Go's golang.org/x/mod/sumdb says of trees, and of files that are named. Needs Go.
#
#   check.sh                                    the vectors in ledger/tests/data/tlog.txt are Go's
#   check.sh verify VKEY CHECKPOINTS            each checkpoint is signed
#   check.sh prove VKEY FILE.tlog-proof HASH    the entry with this hash is in the tree of the proof's checkpoint
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
go build -C "$here" -o "$folder/tlog" .
case "${1:-}" in
'') "$folder/tlog" record | cmp - "$here/../../../ledger/tests/data/tlog.txt" && echo "the vectors are Go's" ;;
*) "$folder/tlog" "$@" ;;
esac
