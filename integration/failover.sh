#!/usr/bin/env bash
# A ledger on two databases under Patroni and etcd, and two hosts with a courier each: the machine of the primary is
# killed, again and again (20 times, or as often as the argument says), while results come and are corrected. What was
# lost, and how long nobody could run. Some 45 seconds a kill; the summary is kept in target/failover.md. Needs Debian's
# packages patroni, etcd-server, postgresql and postgresql-client.
#
# With --alone there is one database without a standby, and either that or a courier is killed at random moments (200
# times, or as often as the argument says): some 3 seconds a kill, in target/kills.md. Needs postgresql alone.
#
# With --watch two hosts watch, and the one that holds the ledger is killed (10 times): half a minute a kill, in
# target/standby.md.
#
# FAILOVER_SEED repeats the moments.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --quiet --package broker-courier --bin broker-courier --package testbed --bin failover
exec "${CARGO_TARGET_DIR:-target}/debug/failover" "$@"
