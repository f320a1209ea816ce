#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Start one container of a fleet. Create the container if it is missing or has other options, and start it if it is stopped. Print what
# was done; print nothing if the container is running.
# Usage: container.sh host   FLEET NAME ADDRESS IMAGE [ADDRESS6]   a host; returns when the host accepts SSH connections
#        container.sh mirror FLEET ADDRESS IMAGE                   the release mirror, on port 80
set -eu

kind=$1
fleet=$2
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vigie

# start NAME ADDRESS SEED COMMAND...: SEED is a tar file that is unpacked in the container before the container starts.
start() {
    name=$1 address=$2 seed=$3
    shift 3
    container=vigie-$fleet-$name
    # A container with other options is created again.
    spec=$({ echo "$address" "$@"; cat "$seed"; } | sha256sum | cut -c1-16)
    state=$(docker container inspect --format '{{.State.Status}} {{index .Config.Labels "vigie.spec"}}' \
        "$container" 2>/dev/null) || state=missing
    case $state in
        "running $spec") return ;;
        "paused $spec") docker unpause "$container" >/dev/null && echo "$container: continued" && return ;;
        "exited $spec") verb=started ;;
        *)
            verb=made
            docker rm --force --volumes "$container" >/dev/null 2>&1 || true
            docker create --name "$container" --hostname "$name" --label "vigie.fleet=$fleet" --label "vigie.spec=$spec" \
                --network "vigie-$fleet" --network-alias "$name" --ip "$address" "$@" >/dev/null
            docker cp - "$container:/" <"$seed"
            ;;
    esac
    # Close a connection that is kept open to the former container: the next user would find it broken.
    ssh -F "$ssh/config" -O exit "$address" >/dev/null 2>&1 || true
    docker start "$container" >/dev/null
    echo "$container: $verb"
}

ssh=$("$here/keys.sh")
# Docker would create the mounted directory as root.
mkdir -p "$cache/mirror/share"
case $kind in
    host)
        start "$3" "$4" "$ssh/seed.tar" \
            --cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined \
            --security-opt apparmor=unconfined --cgroupns=private --tmpfs /run --tmpfs /tmp:exec \
            --stop-signal SIGRTMIN+3 --volume "$cache/mirror/share:/usr/share/prometheus:ro" ${6:+--ip6 "$6"} "$5"
        # Open the connection that Ansible uses later.
        tries=0
        until error=$(ssh -F "$ssh/config" -o ConnectTimeout=2 -o LogLevel=ERROR "$4" true 2>&1 </dev/null >/dev/null); do
            tries=$((tries + 1))
            # Wait for one minute: the machine may be busy.
            if [ "$tries" -ge 600 ]; then
                echo "vigie-$fleet-$3 ($4) accepts no SSH connection: $error" >&2
                docker exec "vigie-$fleet-$3" systemctl --no-pager status ssh >&2 || true
                if docker exec "vigie-$fleet-$3" journalctl --no-pager 2>/dev/null | grep -q 'inotify.*Too many open files'; then
                    echo "The kernel has no inotify instances left. Run: sudo sysctl fs.inotify.max_user_instances=1024" >&2
                fi
                exit 1
            fi
            sleep 0.1
        done
        ;;
    mirror)
        seed=$(mktemp)
        trap 'rm -f "$seed"' EXIT
        tar -C "$here" --owner=0 --group=0 --mtime=@0 --transform='s,^,srv/,' -cf "$seed" mirror_server.py
        start mirror "$3" "$seed" \
            --init --network-alias elsewhere --volume "$cache/mirror:/srv/mirror:ro" "$4" \
            python3 -u /srv/mirror_server.py --overlay /srv/overlay /srv/mirror
        ;;
    *)
        sed -n 's/^# //p' "$0" >&2
        exit 2
        ;;
esac
