#!/usr/bin/env bash
# Fuzzes with libFuzzer, each target for that long: fuzz/run.sh [SECONDS [TARGET...]]
#
# Needs a C++ compiler, and on stable Rust the permission to use an unstable flag, which it gives to
# itself. No sanitizer: the program has no unsafe code, and without one libFuzzer is faster. What it
# finds is left in fuzz/artifacts/TARGET/, what it learns in target/fuzz/corpus/TARGET/; neither is
# committed. Once a defect is mended, its input belongs into fuzz/corpus/TARGET/.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=($(cd fuzz/targets && printf '%s\n' *.rs | sed 's/\.rs$//'))

PATH="$PWD/target/tools/bin:$PATH"
if ! command -v cargo-fuzz >/dev/null; then
    cargo install --quiet --locked --root target/tools cargo-fuzz
fi
cp Cargo.lock fuzz/Cargo.lock
cargo run --quiet --manifest-path fuzz/Cargo.toml --target-dir target --bin seeds -- target/fuzz/seeds

export RUSTC_BOOTSTRAP=1
options=(--fuzz-dir fuzz --target-dir target/fuzz/build --features libfuzzer --sanitizer none)
failed=()
for target in "${targets[@]}"; do
    printf '\n== %s, %s s\n' "$target" "$seconds"
    mkdir -p "target/fuzz/corpus/$target" "fuzz/artifacts/$target"
    cargo fuzz run "${options[@]}" "$target" "target/fuzz/corpus/$target" "target/fuzz/seeds/$target" \
        -- -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        || failed+=("$target")
done

if [ ${#failed[@]} -gt 0 ]; then
    printf '\nFailed: %s. Repeat one with: cargo fuzz run %s TARGET fuzz/artifacts/TARGET/INPUT\n' \
        "${failed[*]}" "${options[*]}"
    exit 1
fi
