#!/usr/bin/env bash
# The person on call at three in the morning: bad states, one after the other; what cron's mail said, what a
# person did who read nothing else, and how it ended. The table is kept in target/on-call.md. Words choose
# states: `integration/on-call.sh disk key`. As root with OpenSSH's server all of them can be prepared.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --quiet --package broker-courier --bin broker-courier --package testbed --bin on-call
# Disks of its own are mounted where nobody else sees them.
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
    exec unshare --mount "${CARGO_TARGET_DIR:-target}/debug/on-call" "$@"
fi
exec "${CARGO_TARGET_DIR:-target}/debug/on-call" "$@"
