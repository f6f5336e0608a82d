#!/usr/bin/env bash
# A ledger on two databases under Patroni and etcd, and two hosts with a courier each: the machine of the primary is
# killed, again and again (20 times, or as often as the argument says), while results come and are corrected. What was
# lost, and how long nobody could run. Some 45 seconds a kill; the summary is kept in target/failover.md. Needs Debian's
# packages patroni, etcd-server, postgresql and postgresql-client.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --quiet --package broker-courier --bin broker-courier --package testbed --bin failover
exec "${CARGO_TARGET_DIR:-target}/debug/failover" "$@"
