#!/usr/bin/env bash
# Measures the program beside its references and prints the table; raw figures go to
# target/bench.json. Words choose rows: `integration/bench.sh large`. Needs OpenSSH's server and client.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo run --release --locked --quiet --package testbed --bin bench -- "$@"
