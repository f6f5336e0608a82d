#!/usr/bin/env bash
# What `watch` takes: from a hospital's `completed` to the final name, one after the other and all at once; memory over
# 10,000 wake-ups (`--wakes N`); a core's time while nothing happens. With `--aktin` against AKTIN's own broker, which
# AKTIN_BROKER_DIST names. It takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --release --quiet --package broker-courier --bin broker-courier --package testbed --bin watch
exec "${CARGO_TARGET_DIR:-target}/release/watch" "$@"
