#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Print the tag of an image for the hosts of a fleet: Debian with systemd as PID 1, and with SSH as on a real host.
# Usage: image.sh [--anew] [SUITE [PACKAGES [ARCHITECTURES]]]
#   SUITE          Debian's release; default bookworm
#   PACKAGES       further packages, separated by commas; default none
#   ARCHITECTURES  foreign architectures whose programs run in the image, separated by commas; default none
#
# An image with further packages is made from the image of the same suite without further packages.
# The tag contains a hash of this recipe. If the image exists, the script uses the image. Otherwise the script builds the image from
# Debian's mirror. If the mirror fails after several tries, the script uses the newest image of an earlier recipe, and a message says so.
# For one hour after such a failure the script does not use the mirror, unless --anew is given.
# Exit code 75: the network failed, and there is no earlier image.
set -eu

anew=
if [ "${1:-}" = --anew ]; then
    anew=1
    shift
fi
suite=${1:-bookworm}
packages=${2:-}
foreign=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
variant=$packages${foreign:+ $foreign}
repository=vigie-host${variant:+-$(echo "$variant" | sha256sum | cut -c1-6)}
tag=$repository:$suite-$(sha256sum "$0" | cut -c1-12)
step="image $repository:$suite"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vigie
failed=$cache/$(echo "$tag" | tr : -).failed

say() { echo "$step: $*" >&2; }
present() { docker image inspect "$tag" >/dev/null 2>&1; }
# Print the images of earlier recipes, the newest first.
earlier() {
    docker image ls --format '{{.CreatedAt}} {{.Repository}}:{{.Tag}}' "$repository" | sort -r | sed 's/.* //' |
        grep "^$repository:$suite-" | grep -vxF "$tag" || true
}

if present; then
    echo "$tag"
    exit
fi

# Foreign architectures are chosen when the system is created, and cannot be added later.
base=
if [ -n "$packages" ] && [ -z "$foreign" ]; then
    base=$(sh "$0" ${anew:+--anew} "$suite")
fi

# Several hosts may need the same image at once: the first process builds the image.
mkdir -p "$cache"
exec 9>"$cache/image.lock"
flock 9
if present; then
    echo "$tag"
    exit
fi

[ -z "$anew" ] || rm -f "$failed"
if [ -n "$(find "$failed" -mmin -60 2>/dev/null)" ]; then
    former=$(earlier | head -n 1)
    if [ -n "$former" ]; then
        say "using the earlier image $former: the network failed in the last hour"
        echo "$former"
        exit
    fi
fi

mirror=$("$here/debian_mirror.sh")

# Dynamically linked programs for another architecture run under qemu if their C library is installed.
native=$(dpkg --print-architecture)
architectures=$native
libc=
for arch in $(echo "$foreign" | tr , ' '); do
    if [ "$arch" != "$native" ]; then
        architectures=$architectures,$arch
        libc=$libc,libc6:$arch
    fi
done

as_root=
if [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
fi

work=$(mktemp -d "$cache/image.XXXXXX")
container=vigie-image-$$
trap 'rm -rf "$work"; [ -z "$base" ] || docker rm --force "$container" >/dev/null 2>&1' EXIT
trap 'exit 1' INT TERM HUP

# mmdebstrap does not read the apt configuration of this machine: pass on the proxy of that configuration.
{
    apt-config dump --format '%F "%v";%n' | grep -iE '^Acquire::(https?|Check-(Date|Valid-Until))(::[^ ]+)? "[^"]' || true
    echo 'Acquire::Retries "5";'
} >"$work/apt.conf"

# The last step of the build runs this script in the new system.
cat >"$work/customize" <<'END'
set -eu
# Packages that some hosts install later, without a network: see molecule/firewall.
mkdir /var/lib/fleet
cd /var/lib/fleet
apt-get -qq -o APT::Sandbox::User=root download netfilter-persistent iptables-persistent
# The hosts do not use the proxy of the machine that builds the image.
rm -f /etc/apt/apt.conf.d/99mmdebstrap

useradd --create-home --shell /bin/bash ops
# No password matches this value. SSH refuses a locked account.
usermod --password '*' ops
echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
chmod 0440 /etc/sudoers.d/ops

# The keys are added when a container is created.
rm -f /etc/ssh/ssh_host_*
cat >/etc/ssh/sshd_config.d/fleet.conf <<'CONF'
HostKey /etc/ssh/fleet_host_key
AuthorizedKeysFile /etc/ssh/fleet_authorized_keys
PasswordAuthentication no
UseDNS no
CONF

# Containers are temporary: keep the journal in memory, and disable timers.
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\n' >/etc/systemd/journald.conf.d/fleet.conf
systemctl --quiet set-default multi-user.target
systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer systemd-tmpfiles-clean.timer systemd-update-utmp.service systemd-logind.service getty.target \
    systemd-remount-fs.service dev-hugepages.mount sys-fs-fuse-connections.mount
: >/etc/machine-id

# systemd needs write access to its cgroups. Docker mounts the cgroup 2 hierarchy read-only, although the container has its own
# namespace of cgroups.
cat >/sbin/fleet-init <<'INIT'
#!/bin/sh
if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
    mount -o remount,rw /sys/fs/cgroup
fi
exec /lib/systemd/systemd
INIT
chmod 0755 /sbin/fleet-init
END

# This script runs in a container of the image without further packages.
cat >"$work/add" <<'END'
set -eu
cp /fleet-image/apt.conf /etc/apt/apt.conf.d/99fleet
# No service starts.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
apt-get update --error-on=any
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
rm -rf /usr/sbin/policy-rc.d /etc/apt/apt.conf.d/99fleet /var/lib/apt/lists/* /var/cache/apt/*
: >/etc/machine-id
END

# Remove the container of an earlier try.
cat >"$work/build" <<END
docker rm --force $container >/dev/null 2>&1
exec docker run --name $container --network host --volume "$work:/fleet-image:ro" $base sh /fleet-image/add $(echo "$packages" | tr , ' ')
END

build() {
    if [ -n "$base" ]; then
        python3 "$here/network.py" "$step" sh "$work/build"
        return
    fi
    # shellcheck disable=SC2086 # the variable $as_root is a list of words
    python3 "$here/network.py" "$step" $as_root mmdebstrap --verbose --variant=minbase --architectures="$architectures" --format=tar \
        --include="systemd,systemd-sysv,dbus,openssh-server,sudo,python3,iptables,iproute2,procps,ca-certificates$libc${packages:+,$packages}" \
        --aptopt="$work/apt.conf" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='force-unsafe-io' \
        --customize-hook='chroot "$1" sh -s <'"$work/customize" \
        "$suite" "$work/rootfs.tar" "$mirror"
}

say "building it from $mirror${base:+ and $base} (about a minute, once)"
began=$(date +%s)
# Security updates and recommended packages are omitted on purpose: these hosts run for minutes in a private network.
code=0
build >&2 9>&- || code=$?

if [ "$code" = 75 ]; then
    former=$(earlier | head -n 1)
    if [ -n "$former" ]; then
        say "using the earlier image $former instead"
        touch "$failed"
        echo "$former"
        exit
    fi
fi
[ "$code" = 0 ] || exit "$code"

if [ -n "$base" ]; then
    docker commit --change 'CMD ["/sbin/fleet-init"]' "$container" "$tag" >/dev/null
else
    docker import --change 'CMD ["/sbin/fleet-init"]' "$work/rootfs.tar" "$tag" >/dev/null
fi
rm -f "$failed"
say "built in $(($(date +%s) - began)) s"

# Remove the images of earlier recipes, except those that a container uses and those of the last day: another checkout may use these.
yesterday=$(($(date +%s) - 86400))
earlier | while read -r former; do
    if [ "$(date -d "$(docker image inspect --format '{{.Created}}' "$former")" +%s)" -lt "$yesterday" ]; then
        docker image rm "$former" >/dev/null 2>&1 || true
    fi
done
echo "$tag"
