#!/usr/bin/env bash
# Builds the packages, and uses them as an administrator does: on an empty Debian, started by its own systemd,
# with brokers and SFTP servers of the testbed. Ends with what was seen, what was not as it should be, and
# what could not be tried here.
#
# Needs root on Debian or Ubuntu, and an archive to make an empty system from; installs debootstrap,
# systemd-container and rpm when they are missing. PROGRAM=FILE takes a program of the release that was built
# before, PROFILE=dev the one that tests have: both save the release's building. OLDER=FILE.deb upgrades from that package; without it
# the older version is this program under a lower number.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$PWD/target/packages
root=$work/root
packages=$PWD/target/package
rpms=$work/rpm-root
seen=0
wrong=()
untried=()

say() { printf '\n== %s\n' "$*"; }
not_tried() { untried+=("$*"); printf '   not tried: %s\n' "$*"; }
# What must hold, in words, and the command that shows it.
expect() {
    local words=$1 said
    shift
    if said=$("$@" 2>&1); then
        seen=$((seen + 1))
        printf '   %s\n' "$words"
    else
        wrong+=("$words")
        printf ' ! %s\n%s\n' "$words" "$(sed 's/^/     /' <<< "$said")"
    fi
}

[ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || { echo "needs root on Debian or Ubuntu" >&2; exit 2; }
missing=()
for tool in debootstrap:debootstrap systemd-nspawn:systemd-container rpm:rpm cpio:cpio strip:binutils; do
    command -v "${tool%%:*}" > /dev/null || missing+=("${tool##*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
    say "Installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi

if [ -n "${PROGRAM-}" ]; then
    # `target/package` goes, and so would a program in it.
    case "$(realpath "$PROGRAM")" in
        "$packages"/*) echo "PROGRAM must not be in $packages: that is made anew" >&2; exit 2 ;;
    esac
    PROGRAM=$(realpath "$PROGRAM")
    export PROGRAM
fi
mkdir -p "$work"
rm -rf "$packages" "$work/kept" "$work"/*.deb
packaging/build.sh
new=$(echo "$packages"/broker-courier_*.deb)
older=${OLDER-}
if [ -z "$older" ]; then
    say "The same program as an older version"
    cp -r "$packages" "$work/kept"
    VERSION=0.0.1 packaging/build.sh deb > /dev/null
    mv "$packages"/broker-courier_0.0.1*.deb "$work/"
    older=$(echo "$work"/broker-courier_0.0.1*.deb)
    rm -rf "$packages"
    mv "$work/kept" "$packages"
    not_tried "an upgrade from another program than this one: OLDER=FILE.deb does"
fi

[ "${PROFILE-}" != dev ] || not_tried "the program of the release"

say "What is in the packages"
unpacked=$work/unpacked
rm -rf "$unpacked"
mkdir -p "$unpacked"/{deb,rpm,tar}
dpkg-deb --extract "$new" "$unpacked/deb"
# Debian's rpm2cpio ends with 1 whatever it did; what it gave is compared below.
(set +o pipefail; cd "$unpacked/rpm" && rpm2cpio "$packages"/*.rpm | cpio --quiet -id)
tar -xf "$packages"/*.tar.gz --strip-components=1 -C "$unpacked/tar"
# Manual pages are compressed, the licence is called otherwise, zsh looks elsewhere: Debian's customs.
names() {
    (cd "$1" && find usr -type f | sed -e 's/\.gz$//' -e 's/vendor-completions/site-functions/' \
        -e '/LICENSE-MIT$/d' -e '/\/copyright$/d' -e '/\/changelog/d' | sort)
}
same() { diff <(names "$unpacked/$1") <(names "$unpacked/$2"); }
expect "the rpm holds what the deb holds" same deb rpm
expect "the tarball holds what the deb holds" same deb tar
stripped() { ! readelf -SW "$1" | grep -qE ' \.(debug_info|symtab) '; }
for kind in deb rpm tar; do
    expect "the program of the $kind is stripped" stripped "$unpacked/$kind/usr/bin/broker-courier"
done
same_build() { # the debug symbols belong to the program
    local id
    id=$(readelf -n "$unpacked/deb/usr/bin/broker-courier" | sed -n 's/.*Build ID: //p')
    [ -n "$id" ] && dpkg-deb --contents "$packages"/broker-courier-dbgsym_*deb | grep -q "${id:2}"
}
expect "the debug symbols are a package of their own, and those of this program" same_build
expect "every command has a manual page" test "$(find "$unpacked/deb/usr/share/man" -name '*.1.gz' | wc -l)" -gt 15
say "An empty Debian"
if [ ! -e "$work/base.tar" ]; then
    read -r archive release < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | head -n 1)
    rm -rf "$root"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates,sudo \
        "${release%%-*}" "$root" "$archive" > "$work/debootstrap.log"
    tar -C "$root" -cf "$work/base.tar" .
fi

say "The rpm, on that system"
# rpm's own database, below an empty Debian; what the package depends on has other names there.
rm -rf "$rpms"
mkdir "$rpms"
tar -C "$rpms" -xf "$work/base.tar"
in_rpms() { rpm --root "$rpms" "$@"; }
expect "rpm has a database of its own there" in_rpms --initdb
expect "the rpm is installed, with its scripts" in_rpms --nodeps --install "$packages"/*.rpm
expect "rpm finds all of it as it was packed" in_rpms --nodeps --verify broker-courier
expect "configurations have a folder that only root reads, there, too" \
    test "$(stat -c '%a %U' "$rpms/etc/broker-courier")" = "700 root"
expect "the program starts there" chroot "$rpms" broker-courier --version
enabled=$rpms/etc/systemd/system/timers.target.wants
chroot "$rpms" systemctl enable --quiet broker-courier.timer broker-courier@rki.timer
expect "its timers can be enabled" test -L "$enabled/broker-courier.timer" -a -L "$enabled/broker-courier@rki.timer"
install -m 600 /dev/null "$rpms/etc/broker-courier/courier.toml"
expect "the same rpm is installed over it" in_rpms --nodeps --upgrade --force "$packages"/*.rpm
expect "timers stay as they are" test -L "$enabled/broker-courier.timer" -a -L "$enabled/broker-courier@rki.timer"
expect "it is removed" in_rpms --nodeps --erase broker-courier
rpm_left() {
    local left
    left=$(cd "$rpms" && find usr etc/systemd -name '*broker-courier*')
    [ -z "$left" ] || { echo "$left"; return 1; }
}
expect "nothing of it is left" rpm_left
expect "the configuration is" test -f "$rpms/etc/broker-courier/courier.toml"
rm -rf "$rpms"
not_tried "the rpm on a system of its own kind, where systemd runs"

machine=
ended() {
    # It is shut down; the servers end with what they read.
    [ -z "$machine" ] || kill "$machine" 2> /dev/null || true
    exec 9>&- || true
    wait
}
trap ended EXIT
rm -rf "$root"
mkdir "$root"
tar -C "$root" -xf "$work/base.tar"
mkdir -p "$root/srv"
cp "$new" "$root/srv/new.deb"
cp "$older" "$root/srv/older.deb"

say "Its systemd, as process 1"
console=$work/console.log
keep=()
[ -d /run/systemd/system ] || keep=(--keep-unit)
systemd-nspawn --quiet --boot --register=no "${keep[@]}" --private-users=no --link-journal=no \
    --directory="$root" --machine=packages --console=pipe < /dev/null > "$console" 2>&1 &
machine=$!
leader=
for _ in $(seq 100); do
    leader=$(pgrep --parent "$machine" --newest systemd || true)
    [ -n "$leader" ] && [ -S "$root/run/systemd/private" ] && break
    kill -0 "$machine" 2> /dev/null || break
    sleep 0.2
done
if [ -z "$leader" ]; then
    tail -n 5 "$console"
    echo "systemd does not start in a container here; nothing of what follows can be tried" >&2
    exit 1
fi
inside() {
    nsenter --target "$leader" --mount --uts --ipc --pid --root --wdns=/ -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive "$@"
}
# systemd answers a little after it has begun.
inside sh -c 'for _ in $(seq 100); do case $(systemctl is-system-running) in running|degraded) exit 0;; esac; sleep 0.2; done; exit 1'
echo "   $(inside systemctl --version | head -n 1), $(inside systemctl is-system-running)"

say "Brokers and SFTP servers"
cargo build --quiet --locked --package testbed --bin bench
# A run that was killed has left it.
rm -f "$work/until-the-end"
mkfifo "$work/until-the-end"
exec 9<> "$work/until-the-end"
# A broker with three results and an SFTP server of its own; the configuration of NAME, as README says it.
serve() {
    local name=$1 said=$work/serve-$1 from file before="$1."
    "${CARGO_TARGET_DIR:-target}/debug/bench" hold 3 1000 0 0 < "$work/until-the-end" 9>&- > "$said" &
    until grep -q ' run$' "$said"; do sleep 0.1; done
    from=$(dirname "$(awk '{print $3}' "$said")")
    local key=$name.key state=broker-courier-$name
    if [ "$name" = courier ]; then before='' key=results.key state=broker-courier; fi
    file=$root/etc/broker-courier/$name.toml
    install -m 600 "$from/rki.key" "$root/etc/broker-courier/$key"
    value() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$from/courier.toml"; }
    value API_KEY > "$root/etc/broker-courier/${before}api-key"
    # Whichever of the two the server takes.
    if [ -n "$(value PASSWORD)" ]; then value PASSWORD > "$root/etc/broker-courier/${before}sftp-password"; fi
    if [ -n "$(value KEY_FILE)" ]; then cat "$(value KEY_FILE)" > "$root/etc/broker-courier/${before}ssh-key"; fi
    sed -e "s|^API_KEY = .*|API_KEY_FILE = \"${before}api-key\"|" \
        -e "s|^PASSWORD = .*|PASSWORD_FILE = \"${before}sftp-password\"|" \
        -e "s|^KEY_FILE = .*|KEY_FILE = \"${before}ssh-key\"|" \
        -e "s|^PATH_ENCRYPTION_KEY = .*|PATH_ENCRYPTION_KEY = \"$key\"|" \
        -e "s|^WORKING_DIR = .*|WORKING_DIR = \"/var/lib/$state\"|" "$from/courier.toml" > "$file"
    chmod 600 "$root"/etc/broker-courier/*
}

say "Installed: the older version"
expect "the older version is installed" inside apt-get install -qq --yes --no-install-recommends /srv/older.deb
nothing_runs() {
    [ -z "$(inside systemctl list-units --all --no-legend 'broker-courier*')" ] &&
        [ "$(inside systemctl is-enabled broker-courier.timer || true)" = disabled ]
}
expect "nothing is started or enabled by that" nothing_runs
expect "configurations have a folder that only root reads" test "$(stat -c '%a %U' "$root/etc/broker-courier")" = "700 root"
expect "manual pages and completions are there" inside test -s /usr/share/man/man1/broker-courier.1.gz \
    -a -s /usr/share/bash-completion/completions/broker-courier
expect "systemd takes the units" inside systemd-analyze verify --man=no broker-courier.service broker-courier.timer
for unit in broker-courier.service broker-courier@rki.service; do
    expect "$unit: $(inside systemd-analyze security --no-pager "$unit" | sed -n 's/.*Overall exposure level.*: \([0-9.]*\).*/\1/p') of 10, at most 1.5" \
        inside systemd-analyze security --threshold=15 --no-pager "$unit"
done

say "An instance, by systemd's own start"
ledger=/var/lib/private/broker-courier-rki
serve rki
courier() { inside broker-courier -c "/etc/broker-courier/$1.toml" "${@:2}"; }
said() { inside journalctl --quiet --no-pager --output=cat "_SYSTEMD_UNIT=$1.service" _COMM=broker-courier; }
expect "every link holds, as the service finds it" inside broker-courier-as rki check
expect "the service runs" inside systemctl start broker-courier@rki
has_results() { courier "$1" status | grep "3 results were delivered"; }
expect "three results were delivered" has_results rki
expect "it says nothing" test -z "$(said broker-courier@rki)"
owned() { [ "$(stat -c '%a %u' "$root$ledger/..")" = "700 0" ] && [ "$(stat -c %u "$root$ledger")" -ge 61184 ]; }
expect "the ledger belongs to a user that is there only while it runs" owned
expect "the ledger is whole" courier rki verify
as_root() { ! courier rki run > "$work/as-root" 2>&1 && grep -q 'broker-courier-as rki run' "$work/as-root"; }
expect "run by root, it names the line that runs it as the service" as_root
expect "that line does" inside broker-courier-as rki run

say "Upgraded"
inside systemctl enable --quiet --now broker-courier@rki.timer
before=$(sha256sum < "$root$ledger/ledger.log")
expect "the new version is installed over it" inside apt-get install -qq --yes --no-install-recommends /srv/new.deb
expect "the ledger is as it was" test "$before" = "$(sha256sum < "$root$ledger/ledger.log")"
expect "its timer is still there" inside systemctl is-active --quiet broker-courier@rki.timer
events() { courier "$1" log --json | wc -l; }
count=$(events rki)
expect "the next run goes on with it" inside systemctl start broker-courier@rki
expect "nothing was delivered twice" test -z "$(courier rki log --since "$count" | grep Upload)"
expect "the ledger is whole, and longer" test "$(courier rki verify > /dev/null && events rki)" -gt "$count"

say "Two instances"
serve dzif
expect "the other one's every link holds" inside broker-courier-as dzif check
expect "its timer is enabled" inside systemctl enable --quiet --now broker-courier@dzif.timer
expect "both at the same time" inside systemctl start broker-courier@rki broker-courier@dzif
expect "its results were delivered" has_results dzif
two_users() { [ "$(stat -c %u "$root$ledger")" != "$(stat -c %u "$root/var/lib/private/broker-courier-dzif")" ]; }
expect "neither can read the other's ledger" two_users
expect "neither is given the other's secrets" test -z "$(inside systemctl cat broker-courier@rki | grep -e '^LoadCredential.*dzif')"
two_timers() { [ "$(inside systemctl list-timers --no-legend 'broker-courier@*' | wc -l)" = 2 ]; }
expect "both timers wait" two_timers
locked() {
    inside flock "$ledger" sleep 5 &
    local holder=$! result=0
    sleep 1
    inside systemctl start broker-courier@rki || result=$?
    wait "$holder"
    said broker-courier@rki | grep -q 'another run' && return "$result"
}
expect "a run that finds another one active (8) is no failed service" locked
rotated() {
    inside broker-courier-as rki rotate-key --why 'yearly, costs $5' "/var/lib/broker-courier-rki/results.key" &&
        sed -i 's|^PATH_ENCRYPTION_KEY = .*|PATH_ENCRYPTION_KEY = "/var/lib/broker-courier-rki/results.key"\nOLD_KEYS = "rki.key"|' \
            "$root/etc/broker-courier/rki.toml" &&
        inside systemctl start broker-courier@rki && courier rki log | grep -q 'costs \$5'
}
expect "the key is changed, as docs/installation.md says" rotated

say "From cron to systemd"
serve courier
inside useradd --system --no-create-home courier
cp -r "$root/etc/broker-courier" "$root/srv/cron"
inside sh -c 'cd /srv/cron && rm -f rki.* dzif.* && install -d -m 700 -o courier /var/lib/broker-courier && chown -R courier /srv/cron'
expect "a run by cron's user" inside runuser -u courier -- broker-courier -c /srv/cron/courier.toml run
count=$(events courier)
expect "the service takes its ledger over" inside systemctl start broker-courier
expect "and goes on with it" test "$(events courier)" -gt "$count"
expect "nothing failed on the way" courier courier verify

say "Removed and purged"
ledgers() { (cd "$root/var/lib/private" && sha256sum broker-courier*/ledger.log && cd "$root/etc" && sha256sum broker-courier/*); }
before=$(ledgers)
expect "it is removed" inside apt-get remove -qq --yes broker-courier
expect "no timer waits any more" test -z "$(inside systemctl list-timers --no-legend 'broker-courier*')"
expect "ledgers, configurations and keys are as they were" test "$before" = "$(ledgers)"
purged() { inside apt-get purge -qq --yes broker-courier > "$work/purge" 2>&1; }
expect "it is purged" purged
expect "it says where ledgers and keys are" grep -q '/etc/broker-courier .*/var/lib/private/broker-courier-rki' "$work/purge"
expect "ledgers, configurations and keys are as they were after that, too" test "$before" = "$(ledgers)"
nothing_left() {
    local left
    left=$(find "$root/usr" "$root/etc/systemd" "$root/var/lib/systemd" "$root/var/lib/dpkg/info" -name '*broker-courier*')
    [ -z "$left" ] || { echo "$left"; return 1; }
}
expect "nothing else is left" nothing_left

say "A container"
if command -v buildah > /dev/null; then
    # The image that it starts from is the empty Debian: no registry is asked.
    image() {
        local base
        images() { buildah --storage-driver=vfs --root "$work/images" --runroot "$work/images-run" "$@"; }
        rm -rf "$work/images" "$work/images-run"
        base=$(images from scratch) &&
            images add --quiet "$base" "$work/base.tar" / &&
            images commit --quiet "$base" debian:bookworm-slim &&
            images build --isolation=chroot --network=host --pull=never \
                --tag broker-courier --file packaging/Containerfile "$packages" &&
            base=$(images from --pull=never broker-courier) &&
            images run --isolation=chroot "$base" -- /usr/bin/broker-courier --version
    }
    expect "the image is built" image
else
    not_tried "the container file: buildah is not installed"
fi

say "In one line each"
echo "$seen held, ${#wrong[@]} did not, ${#untried[@]} not tried"
for words in "${wrong[@]}"; do echo "did not hold: $words"; done
for words in "${untried[@]}"; do echo "not tried: $words"; done
ls -l "$packages" | awk '/deb|rpm|gz|broker-courier$/ {print $5, $9}'
[ ${#wrong[@]} -eq 0 ]
