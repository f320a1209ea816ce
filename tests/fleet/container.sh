#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Bring one container of a fleet up: made where it is missing or was made by another recipe, started where it was stopped
# or killed. Prints what was done, or nothing where it runs already.
# Usage: container.sh host   FLEET NAME ADDRESS IMAGE [ADDRESS6]   a host; returns when it takes SSH connections
#        container.sh mirror FLEET ADDRESS IMAGE                   the release mirror, on port 80
set -eu

kind=$1
fleet=$2
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vigie

# start NAME ADDRESS SEED COMMAND...: SEED is a tar that is unpacked in the container before it starts.
start() {
    name=$1 address=$2 seed=$3
    shift 3
    container=vigie-$fleet-$name
    # A container that was made with something else is made again.
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
    # A connection kept open to the former container would only be found dead by the next who uses it.
    ssh -F "$ssh/config" -O exit "$address" >/dev/null 2>&1 || true
    docker start "$container" >/dev/null
    echo "$container: $verb"
}

ssh=$("$here/keys.sh")
# Docker would make what it mounts as root.
mkdir -p "$cache/mirror/share"
case $kind in
    host)
        start "$3" "$4" "$ssh/seed.tar" \
            --cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined \
            --security-opt apparmor=unconfined --cgroupns=private --tmpfs /run --tmpfs /tmp:exec \
            --stop-signal SIGRTMIN+3 --volume "$cache/mirror/share:/usr/share/prometheus:ro" ${6:+--ip6 "$6"} "$5"
        # Opens the connection that ansible will use, too.
        tries=0
        until error=$(ssh -F "$ssh/config" -o ConnectTimeout=2 -o LogLevel=ERROR "$4" true 2>&1 </dev/null >/dev/null); do
            tries=$((tries + 1))
            # A minute: the machine may do much else.
            if [ "$tries" -ge 600 ]; then
                echo "vigie-$fleet-$3 ($4) takes no SSH connection: $error" >&2
                docker exec "vigie-$fleet-$3" systemctl --no-pager status ssh >&2 || true
                if docker exec "vigie-$fleet-$3" journalctl --no-pager 2>/dev/null | grep -q 'inotify.*Too many open files'; then
                    echo "The kernel has no watchers left. Run: sudo sysctl fs.inotify.max_user_instances=1024" >&2
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
