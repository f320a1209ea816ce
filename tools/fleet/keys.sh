#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Create the files for SSH connections to the hosts of a fleet, once: a key, the key of the hosts, known_hosts and a configuration.
# Print the directory of the files. To connect by hand: `ssh -F DIRECTORY/config 198.18.0.10`.
set -eu

dir=${XDG_CACHE_HOME:-$HOME/.cache}/vigie/ssh
mkdir -p "$dir"
chmod 0700 "$dir"
exec 9>"$dir/lock"
flock 9

if [ ! -e "$dir/seed.tar" ]; then
    rm -rf "$dir"/id_ed25519* "$dir/seed"
    mkdir -p "$dir/seed/etc/ssh"
    ssh-keygen -q -t ed25519 -N '' -C vigie-fleet -f "$dir/id_ed25519"
    ssh-keygen -q -t ed25519 -N '' -C vigie-fleet-host -f "$dir/seed/etc/ssh/fleet_host_key"
    cp "$dir/id_ed25519.pub" "$dir/seed/etc/ssh/fleet_authorized_keys"
    read -r type key _ <"$dir/seed/etc/ssh/fleet_host_key.pub"
    echo "198.18.*,198.19.* $type $key" >"$dir/known_hosts"
    # These files are unpacked in each new container.
    chmod 0600 "$dir/seed/etc/ssh/fleet_host_key"
    chmod 0644 "$dir/seed/etc/ssh/fleet_authorized_keys"
    tar -C "$dir/seed" --owner=0 --group=0 -cf "$dir/seed.tar.part" \
        etc/ssh/fleet_host_key etc/ssh/fleet_authorized_keys
    rm -rf "$dir/seed"
    mv "$dir/seed.tar.part" "$dir/seed.tar"
fi

cat >"$dir/config.part" <<END
Host 198.18.* 198.19.*
    User ops
    IdentityFile "$dir/id_ed25519"
    IdentitiesOnly yes
    UserKnownHostsFile "$dir/known_hosts"
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    PreferredAuthentications publickey
    ConnectTimeout 5
    ControlMaster auto
    ControlPersist 60s
    ControlPath "$dir/%h"
END
mv "$dir/config.part" "$dir/config"
echo "$dir"
