#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Build the image of the fleet's hosts: Debian with systemd as PID 1, reached by SSH as a real server is.
# Usage: image.sh [SUITE [PACKAGES]]     (default bookworm, and no packages beside the usual; they are separated by commas)
# Prints the image's tag, which is a hash of this recipe: an image that is already there is used again.
set -eu

suite=${1:-bookworm}
packages=${2:-}
kind=${packages:+-$(echo "$packages" | sha256sum | cut -c1-6)}
tag=vigie-host$kind:$suite-$(sha256sum "$0" | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vigie

present() { docker image inspect "$tag" >/dev/null 2>&1; }

if present; then
    echo "$tag"
    exit
fi

# Several hosts may ask for the same image at once: the first one builds it.
mkdir -p "$cache"
exec 9>"$cache/image.lock"
flock 9
if present; then
    echo "$tag"
    exit
fi

mirror=$("$(dirname "$0")/debian_mirror.sh")

# Debian's dynamic armhf and arm64 binaries run under qemu, if their C library is there.
native=$(dpkg --print-architecture)
foreign=
libc=
for arch in arm64 armhf; do
    if [ "$arch" != "$native" ]; then
        foreign=$foreign,$arch
        libc=$libc,libc6:$arch
    fi
done

as_root=
if [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
fi

work=$(mktemp -d "$cache/image.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# Runs in the new system, last.
cat >"$work/customize" <<'END'
set -eu
# Packages that some hosts get later, without a network: see molecule/firewall.
mkdir /var/lib/fleet
cd /var/lib/fleet
apt-get -qq -o APT::Sandbox::User=root download netfilter-persistent iptables-persistent

useradd --create-home --shell /bin/bash ops
# The password is of no use to anyone, but a locked account is refused.
usermod --password '*' ops
echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
chmod 0440 /etc/sudoers.d/ops

# The keys are put in when a container is made.
rm -f /etc/ssh/ssh_host_*
cat >/etc/ssh/sshd_config.d/fleet.conf <<'CONF'
HostKey /etc/ssh/fleet_host_key
AuthorizedKeysFile /etc/ssh/fleet_authorized_keys
PasswordAuthentication no
UseDNS no
CONF

# Containers are thrown away: nothing of the journal need reach the disk, nothing need run by the clock.
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\n' >/etc/systemd/journald.conf.d/fleet.conf
systemctl --quiet set-default multi-user.target
systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer systemd-tmpfiles-clean.timer systemd-update-utmp.service systemd-logind.service getty.target \
    systemd-remount-fs.service dev-hugepages.mount sys-fs-fuse-connections.mount
: >/etc/machine-id

# systemd wants its cgroups writable. Docker mounts a cgroup 2 hierarchy read-only, although the container has a
# namespace of cgroups to itself.
cat >/sbin/fleet-init <<'INIT'
#!/bin/sh
if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
    mount -o remount,rw /sys/fs/cgroup
fi
exec /lib/systemd/systemd
INIT
chmod 0755 /sbin/fleet-init
END

echo "Building $tag (about a minute, once)" >&2
# Security updates and recommended packages are left out on purpose: these hosts live for minutes on a private network.
$as_root mmdebstrap --quiet --variant=minbase --architectures="$native$foreign" --format=tar \
    --include="systemd,systemd-sysv,dbus,openssh-server,sudo,python3,iptables,iproute2,procps,ca-certificates$libc${packages:+,$packages}" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='force-unsafe-io' \
    --customize-hook='chroot "$1" sh -s <'"$work/customize" \
    "$suite" - "$mirror" >"$work/rootfs.tar"

docker import --change 'CMD ["/sbin/fleet-init"]' "$work/rootfs.tar" "$tag" >/dev/null

# Images of former recipes go, unless a container still uses them.
docker image ls --format '{{.Repository}}:{{.Tag}}' "vigie-host$kind" | grep "^vigie-host$kind:$suite-" | grep -vxF "$tag" |
    xargs -r docker image rm >/dev/null 2>&1 || true
echo "$tag"
