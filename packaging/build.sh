#!/usr/bin/env bash
# Builds the packages and leaves them in target/package: `packaging/build.sh [deb] [rpm] [tarball]`, all of
# them without words. The tools that make them are built into target/tools when they are missing.
# VERSION=0.0.9 gives the packages another version than Cargo.toml's; PROGRAM=FILE packages that program, built
# before, with its symbols, and builds none; PROFILE=dev packages the program as tests have it, to try packaging
# itself.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

out=target/package
profile=${PROFILE:-release}
program=${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}/broker-courier
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)}
kinds=("$@")
[ ${#kinds[@]} -gt 0 ] || kinds=(deb rpm tarball)
PATH="$PWD/target/tools/bin:$PATH"

# Of a certain version each: what they put where has changed before.
tool() {
    command -v "$1" >/dev/null && return
    say "Building $1 $2"
    cargo install --quiet --locked --root target/tools --version "$2" "$1"
}

say "The program"
if [ -z "${PROGRAM-}" ]; then
    cargo build --profile "$profile" --locked --package broker-courier
elif ! [ "$PROGRAM" -ef "$program" ]; then
    # Where the packagers look for it.
    install -D -m 755 "$PROGRAM" "$program"
fi

say "Manual pages and completions, by the program itself"
rm -rf "$out/man" "$out/completions"
mkdir -p "$out/man" "$out/completions"
"$program" man "$out/man"
"$program" completions bash > "$out/completions/broker-courier"
"$program" completions zsh > "$out/completions/_broker-courier"
"$program" completions fish > "$out/completions/broker-courier.fish"

# What says where a panic was stands apart: it is four fifths of the file.
strip --strip-unneeded -o "$out/broker-courier" "$program"
echo "$(stat -c %s "$program") bytes, stripped $(stat -c %s "$out/broker-courier")"

for kind in "${kinds[@]}"; do
    say "$kind"
    case "$kind" in
        deb)
            tool cargo-deb 3.8.0
            cargo deb --locked --profile "$profile" --no-build --dbgsym --deb-version "$version-1" --output "$out/"
            ;;
        rpm)
            tool cargo-generate-rpm 0.21.1
            cargo generate-rpm --auto-req auto --set-metadata "version = \"$version\"" --output "$out/"
            ;;
        tarball)
            name=broker-courier-$version-$(uname -m)
            tree=$out/$name
            rm -rf "$tree"
            share=$tree/usr/share
            install -D -m 755 "$out/broker-courier" "$tree/usr/bin/broker-courier"
            install -D -m 755 packaging/broker-courier-as "$tree/usr/sbin/broker-courier-as"
            install -D -m 644 -t "$tree/usr/lib/systemd/system" packaging/systemd/*
            install -D -m 644 -t "$share/man/man1" "$out"/man/*.1
            install -D -m 644 -t "$share/bash-completion/completions" "$out/completions/broker-courier"
            install -D -m 644 -t "$share/zsh/site-functions" "$out/completions/_broker-courier"
            install -D -m 644 -t "$share/fish/vendor_completions.d" "$out/completions/broker-courier.fish"
            install -D -m 644 -t "$share/doc/broker-courier" README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE
            install -D -m 644 -t "$share/doc/broker-courier/docs" docs/*.md docs/*.svg docs/*.png docs/broker-courier.schema.json
            install -D -m 644 -t "$share/doc/broker-courier/examples" packaging/broker-courier.cron \
                docs/broker-courier.example.toml
            install -D -m 644 -t "$share/doc/broker-courier/examples/monitoring" monitoring/*
            install -D -m 644 -t "$share/doc/broker-courier/examples/postgresql" examples/postgresql/*
            # The same tree gives the same bytes.
            tar --create --gzip --file "$out/$name.tar.gz" --directory "$out" --sort=name --owner=0 --group=0 \
                --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}" \
                "$name"
            rm -rf "$tree"
            ;;
        *)
            echo "usage: packaging/build.sh [deb] [rpm] [tarball]" >&2
            exit 2
            ;;
    esac
done

say "Made"
ls -l "$out"/broker-courier{_,-}*
