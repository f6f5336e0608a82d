#!/usr/bin/env bash
# Records what a terminal shows of a plan, a run and a status, and writes it as docs/recording.svg.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --quiet --package broker-courier --bin broker-courier --package testbed --bin demo
exec python3 integration/recording.py "$(realpath "${CARGO_TARGET_DIR:-target}")/debug" docs/recording.svg
