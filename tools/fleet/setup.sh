#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Prepare a Debian machine for fleets of containers: install the missing packages, and start a Docker daemon.
# Without root and without sudo that works without a password, the script prints the commands to run.
# Usage: setup.sh            prepare the machine
#        setup.sh python     install the Python packages of requirements-dev.txt into .venv, and touch .venv/made
#        setup.sh stop       stop the Docker daemon if this script has started it
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vigie
pid_file=$cache/dockerd.pid
packages="docker.io mmdebstrap python3-venv openssh-client iptables qemu-user-static binfmt-support chromium gnupg git procps"

say() { echo "setup: $*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# Update the package lists first: old lists name packages that the mirror no longer has. A list that cannot be updated (of a third-party
# source, for example) does not stop the installation.
install_packages() {
    # shellcheck disable=SC2016 # the inner shell expands the variables
    as_root python3 "$here/network.py" "setup: Debian's packages" sh -c 'apt-get --quiet update
        DEBIAN_FRONTEND=noninteractive exec apt-get --quiet -o Acquire::Retries=5 install --yes --no-install-recommends "$@"' apt "$@"
}

may_be_root() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }

# Succeed if a daemon answers; some daemons answer only to root.
docker_runs() { docker info >/dev/null 2>&1 || { may_be_root && as_root docker info >/dev/null 2>&1; }; }

if [ "${1:-}" = stop ]; then
    if [ -e "$pid_file" ] && grep -q dockerd "/proc/$(cat "$pid_file")/comm" 2>/dev/null; then
        as_root kill "$(cat "$pid_file")"
        say "stopped the Docker daemon"
    fi
    rm -f "$pid_file"
    exit
fi

if [ "${1:-}" = python ]; then
    say "Python packages into .venv"
    before=
    [ ! -e .venv/made ] || before=yes
    [ -e .venv/bin/pip ] || python3 -m venv .venv
    code=0
    python3 "$here/network.py" "setup: Python packages" .venv/bin/python -m pip --disable-pip-version-check install \
        --requirement requirements-dev.txt || code=$?
    if [ "$code" = 75 ] && [ -n "$before" ]; then
        say "using the Python packages that were installed before instead"
        exit
    fi
    [ "$code" = 0 ] || exit "$code"
    touch .venv/made
    exit
fi

mkdir -p "$cache"
missing=
for package in $packages; do
    case $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) missing="$missing $package" ;;
    esac
done
# A Docker of another source works as well as Debian's package.
if command -v dockerd >/dev/null || docker info >/dev/null 2>&1; then
    missing=$(echo "$missing" | sed 's/ docker\.io//')
fi
if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null; then
        say "the Debian packages$missing are missing, and this machine has no apt-get: use a Debian machine"
        exit 1
    fi
    if ! may_be_root; then
        say "packages are missing. Run this command, then run make again:"
        say "    sudo apt-get install --no-install-recommends$missing"
        exit 1
    fi
    say "installing$missing"
    # shellcheck disable=SC2086 # the variable is a list of words
    install_packages $missing
fi

if ! docker_runs; then
    if ! may_be_root; then
        say "Docker does not run, or your user cannot use Docker. Run this command, log in again, then run make again:"
        say "    sudo systemctl start docker && sudo usermod --append --groups docker $(id -un)"
        exit 1
    fi
    say "starting the Docker daemon"
    if [ -d /run/systemd/system ]; then
        as_root systemctl start docker
    else
        # Without a service manager, the daemon runs until the machine stops, or until `setup.sh stop`.
        as_root sh -c "setsid dockerd --pidfile '$pid_file' >'$cache/dockerd.log' 2>&1 </dev/null &"
    fi
    tries=0
    until docker_runs; do
        tries=$((tries + 1))
        if [ "$tries" -ge 60 ]; then
            say "the Docker daemon does not start:"
            tail -n 20 "$cache/dockerd.log" >&2 2>/dev/null || as_root journalctl --unit docker --lines 20 --no-pager >&2
            exit 1
        fi
        sleep 0.5
    done
fi

if ! docker info >/dev/null 2>&1; then
    # Membership in the group docker would take effect at the next login, and be permanent.
    say "giving $(id -un) access to the Docker daemon until the daemon restarts"
    command -v setfacl >/dev/null || install_packages acl
    as_root setfacl --modify "user:$(id -un):rw" /run/docker.sock
fi

# The systemd of each host uses five inotify instances. The kernel's default of 128 for each user is enough for 25 hosts; another host
# hangs while it starts.
watchers=/proc/sys/fs/inotify/max_user_instances
if [ "$(cat $watchers)" -lt 1024 ]; then
    if may_be_root && as_root sysctl --quiet fs.inotify.max_user_instances=1024 2>/dev/null; then
        say "raised fs.inotify.max_user_instances to 1024 until the machine restarts"
    else
        say "fs.inotify.max_user_instances is $(cat $watchers), too low for all scenarios. Run: sudo sysctl fs.inotify.max_user_instances=1024"
    fi
fi

# Make programs for ARM run in the containers. Only the tests of mixed fleets need this.
binfmt=/proc/sys/fs/binfmt_misc
if [ ! -e $binfmt/qemu-arm ] && may_be_root; then
    [ -e $binfmt/register ] || as_root mount -t binfmt_misc binfmt_misc $binfmt 2>/dev/null || true
    as_root update-binfmts --enable qemu-arm 2>/dev/null || true
    as_root update-binfmts --enable qemu-aarch64 2>/dev/null || true
fi
[ -e $binfmt/qemu-arm ] || say "programs for ARM do not run on this machine (no binfmt_misc): their tests will be skipped"
