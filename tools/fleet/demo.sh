#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Create the containers of the demo, deploy the stack to them, and verify the deployment.
# Usage: demo.sh INVENTORY
set -eu

inventory=$1
here=$(dirname "$0")
bin=.venv/bin
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vigie
mirror=$inventory/group_vars/all/mirror.yml

reachable() {
    python3 -c "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=4)" "$1" 2>/dev/null
}

# Use the releases of upstream if this machine can download them, otherwise Debian's builds of the same programs.
upstream=$(sed -n "s/.*default('\(https:.*\)').*/\1/p" roles/release_service/defaults/main.yml)
if [ -z "${DEMO_MIRROR:-}" ] && reachable "$upstream"; then
    echo "demo: releases come from $upstream" >&2
    rm -f "$mirror"
else
    echo "demo: $upstream is not reachable: releases come from a mirror of Debian's builds" >&2
    python3 "$here/fill_mirror.py" "$cache/mirror"
    $bin/python "$here/fleet.py" vars "$inventory" >"$mirror.part"
    mv "$mirror.part" "$mirror"
fi
mkdir -p "$cache/mirror/share"

# Debian has no Grafana. Without the packages of the vendor, the demo has no Grafana.
packages=${DEMO_GRAFANA_APT:-$(sed -n 's/^grafana_apt_url: //p' roles/grafana/defaults/main.yml)}
if reachable "$packages/gpg-full.key"; then
    cat >"$inventory/grafana.yml" <<END
# Written by \`make demo\`.
grafana:
  hosts:
    monitor:
  vars:
    grafana_apt_url: $packages
    grafana_admin_password: vigie
END
else
    rm -f "$inventory/grafana.yml"
    without="Grafana is not installed: $packages is not reachable. To install Grafana, set DEMO_GRAFANA_APT to a mirror of this URL, and run again."
fi

$bin/python "$here/fleet.py" up "$inventory"
# Create services to monitor: websites, uWSGI instances, programs of supervisord.
$bin/ansible web,queue -i "$inventory" --become -m ansible.builtin.script -a "$here/services.sh" >/dev/null
$bin/ansible-playbook playbooks/site.yml -i "$inventory"
$bin/ansible-playbook playbooks/verify.yml -i "$inventory"
$bin/python "$here/fleet.py" urls "$inventory"
[ ! -e "$inventory/grafana.yml" ] || echo "                sign in as admin, password vigie"
[ -z "${without:-}" ] || echo "demo: $without"
