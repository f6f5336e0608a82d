#!/usr/bin/env bash
# A week of runs every quarter of an hour, with one outage of an hour: how many mails cron sends. It takes some
# minutes; `tests/surroundings.rs` has a short one.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --quiet --package broker-courier --bin broker-courier --package testbed --bin week-of-cron
exec "${CARGO_TARGET_DIR:-target}/debug/week-of-cron"
