#!/usr/bin/env bash
# A new administrator on a fresh machine: README's Start, as it is pasted, from nothing to the first result and to
# cron. Prints what each step took, and keeps it in target/new-administrator.md. With `--build`, the build of the
# binary is part of it; otherwise the binary that is built here stands in for it.
#
# The machine is this one's system as it was installed, in a view of its own: what is written goes to memory and
# is gone afterwards, the network is a loopback, root's home is empty. Takes root on Linux.
set -euo pipefail
cd "$(dirname "$0")/.."
tree=$PWD
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
cargo build --locked --quiet --package broker-courier --bin broker-courier --package testbed --bin new-administrator
if [ "$(id -u)" != 0 ] || ! unshare --mount --net true 2>/dev/null; then
    echo "SKIPPED: a view of the machine of its own takes root"
    exit 0
fi
kept=$(mktemp --directory)
trap 'rm -rf "$kept"' EXIT
export tree target kept build=${1:-}
export cargo_home=${CARGO_HOME:-$HOME/.cargo} rustup_home=${RUSTUP_HOME:-$HOME/.rustup}
cargo=$(command -v cargo)
export cargo
unshare --mount --net bash -euo pipefail <<'MACHINE'
memory=$(mktemp --directory)
mount -t tmpfs tmpfs "$memory"
mkdir "$memory"/{upper,work,machine,home}
machine=$memory/machine
mount -t overlay overlay -o "lowerdir=/,upperdir=$memory/upper,workdir=$memory/work" "$machine"
for place in proc dev sys; do mount --rbind "/$place" "$machine/$place"; done
mount --bind "$memory/home" "$machine/root"
mkdir -p "$machine/$kept" && mount --bind "$kept" "$machine/$kept"
ip link set lo up

# What an institution's machine has: names that are known, and an authority that is trusted.
printf '127.0.0.1 localhost broker.example.org sftp.example.org\n' > "$machine/etc/hosts"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=broker.example.org \
    -addext subjectAltName=DNS:broker.example.org -keyout "$machine/root/tls.key" -out "$machine/root/tls.crt" 2>/dev/null
mkdir -p "$machine/etc/ssl/certs"
cat "$machine/root/tls.crt" >> "$machine/etc/ssl/certs/ca-certificates.crt"

# The tree as it was fetched.
mkdir "$machine/root/broker-courier" "$kept/build"
git -C "$tree" archive HEAD | tar -x -C "$machine/root/broker-courier"
if [ "$build" = --build ]; then
    mkdir "$machine/root/broker-courier/target"
    mount --bind "$kept/build" "$machine/root/broker-courier/target"
else
    mkdir -p "$machine/root/broker-courier/target/release"
    cp "$target/debug/broker-courier" "$machine/root/broker-courier/target/release/"
fi
env -i PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$(dirname "$cargo")" HOME=/root \
    CARGO_HOME="$cargo_home" RUSTUP_HOME="$rustup_home" CARGO_NET_OFFLINE=true \
    chroot "$machine" "$target/debug/new-administrator" /root/broker-courier "$kept/new-administrator.md" $build
MACHINE
cp "$kept/new-administrator.md" "$target/"
