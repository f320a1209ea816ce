#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Deploy the demo: its containers, the stack on them, and the proof that it works.
# Usage: demo.sh INVENTORY
set -eu

inventory=$1
here=$(dirname "$0")
bin=.venv/bin
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vigie
mirror=$inventory/group_vars/all/mirror.yml

# Upstream's releases where this machine reaches them, otherwise Debian's builds of the same programs.
upstream=$(sed -n "s/.*default('\(https:.*\)').*/\1/p" roles/release_service/defaults/main.yml)
if [ -z "${DEMO_MIRROR:-}" ] && python3 -c "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=4)" "$upstream" 2>/dev/null; then
    echo "demo: releases come from $upstream" >&2
    rm -f "$mirror"
else
    echo "demo: $upstream is out of reach: releases come from a mirror made of Debian's builds" >&2
    python3 "$here/fill_mirror.py" "$cache/mirror"
    $bin/python "$here/fleet.py" vars "$inventory" >"$mirror.part"
    mv "$mirror.part" "$mirror"
fi
mkdir -p "$cache/mirror/share"

$bin/python "$here/fleet.py" up "$inventory"
$bin/ansible-playbook playbooks/site.yml -i "$inventory"
$bin/ansible-playbook playbooks/verify.yml -i "$inventory"
$bin/python "$here/fleet.py" urls "$inventory"
