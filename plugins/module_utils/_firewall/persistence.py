# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores the firewall rules when the host starts, before the network. Private to the collection.

A program of this collection restores the chains. If netfilter-persistent is installed, it runs the program as a plugin, also when
an administrator restores the rules with netfilter-persistent, which removes all other rules. Otherwise a systemd unit of this
collection runs the program. The files of rules of the host and of netfilter-persistent do not change.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import Run, Unit

DIRECTORY = "/etc/vigie/firewall"
PROGRAM = f"{DIRECTORY}/restore"
UNIT = "vigie-firewall.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
ENABLED = f"/etc/systemd/system/multi-user.target.wants/{UNIT}"
PLUGINS = "/usr/share/netfilter-persistent/plugins.d"
# The plugins that restore whole tables run first.
PLUGIN = f"{PLUGINS}/90-vigie"

_PROGRAM_TEXT = f"""\
#!/bin/sh
# Written by vigie.monitoring: restores the chains of vigie.monitoring before all other rules, and changes no other rule.
# {UNIT} runs this program, or netfilter-persistent does, as a plugin with an action as argument.
case ${{1:-start}} in
    start | restart | reload | force-reload) ;;
    *) exit 0 ;;
esac
status=0
for program in iptables ip6tables; do
    file={DIRECTORY}/$program.rules
    [ -s "$file" ] || continue
    # Docker keeps the rules of this chain, but an older Docker that finds the chain leaves out the jump to the chain.
    if grep -q '^# jump DOCKER-USER ' "$file"; then
        "$program" -w 30 -N DOCKER-USER 2>/dev/null
        "$program" -w 30 -C FORWARD -j DOCKER-USER 2>/dev/null || "$program" -w 30 -I FORWARD 1 -j DOCKER-USER
    fi
    # Collect the jumps first: iptables-legacy-restore holds the lock that the other commands wait for.
    jumps=$(sed -n 's/^# jump //p' "$file" | while read -r parent chain; do
        if "$program" -w 30 -C "$parent" -j "$chain" 2>/dev/null; then
            echo "-D $parent -j $chain"
        fi
        echo "-I $parent 1 -j $chain"
    done)
    {{
        echo '*filter'
        cat "$file"
        echo "$jumps"
        echo COMMIT
    }} | "$program-restore" -w 30 --noflush || status=1
done
if [ -s {DIRECTORY}/nft.rules ]; then
    nft -j -f {DIRECTORY}/nft.rules || status=1
fi
exit $status
"""

_UNIT_TEXT = f"""\
# Written by vigie.monitoring.
[Unit]
Description=Firewall rules of the monitoring endpoints
DefaultDependencies=no
Wants=network-pre.target
# The services that load a whole rule set start first.
After=local-fs.target systemd-modules-load.service nftables.service iptables.service ufw.service firewalld.service
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
# nftables.service removes all other rules when it starts or is reloaded.
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
# The start of the network waits for this service.
TimeoutStartSec=60
ExecStart={PROGRAM}
ExecReload={PROGRAM}

[Install]
WantedBy=multi-user.target
"""


def _uses_plugin(fragments: t.Mapping[str, str]) -> bool:
    """Return whether netfilter-persistent restores the chains. A table of nftables needs the unit, see PartOf there."""
    return os.path.isdir(PLUGINS) and not fragments["nft"]


def _files_wanted(fragments: t.Mapping[str, str]) -> dict[str, tuple[str, int] | None]:
    """Return, by path, the (text, mode) of each file, or None for a file that must not exist."""
    kept = any(fragments.values())
    by_plugin = _uses_plugin(fragments)
    wanted: dict[str, tuple[str, int] | None] = {
        f"{DIRECTORY}/{program}.rules": (text, 0o600) if text else None for program, text in fragments.items()
    }
    wanted[PROGRAM] = (_PROGRAM_TEXT, 0o755) if kept else None
    wanted[UNIT_FILE] = (_UNIT_TEXT, 0o644) if kept and not by_plugin else None
    return wanted


def _read(path: str) -> tuple[str, int] | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(), os.fstat(file.fileno()).st_mode & 0o777
    except FileNotFoundError:
        return None


def plan(fragments: t.Mapping[str, str]) -> dict[str, tuple[str, int] | None]:
    """Return the files that have to change, by path. The text of a link is its target, None removes a file.

    :param fragments: the saved chains by program (iptables, ip6tables, nft); an empty text for no chains.
    """
    changes = {path: new for path, new in _files_wanted(fragments).items() if _read(path) != new}
    kept = any(fragments.values())
    by_plugin = _uses_plugin(fragments)
    if os.path.islink(PLUGIN) != (kept and by_plugin):
        changes[PLUGIN] = (PROGRAM, 0) if kept and by_plugin else None
    if os.path.islink(ENABLED) != (kept and not by_plugin):
        changes[ENABLED] = (UNIT_FILE, 0) if kept and not by_plugin else None
    return changes


def apply(changes: t.Mapping[str, tuple[str, int] | None], run: Run) -> None:
    """Make the *changes* that `plan` returned."""
    # Write a file before the link to the file, and remove the link before the file.
    for path, new in changes.items():
        if new is None:
            continue
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        if path in (PLUGIN, ENABLED):
            files.link(new[0], path)
        else:
            files.write(path, new[0].encode(), new[1])
    for path, new in reversed(list(changes.items())):
        if new is None and os.path.lexists(path):
            os.unlink(path)
    if UNIT_FILE in changes or ENABLED in changes:
        unit = Unit(UNIT, run)
        unit.daemon_reload()
        if changes.get(UNIT_FILE):
            # A unit that is not active does not follow the reloads and restarts of nftables.service.
            unit.act("start")
    for directory in (DIRECTORY, os.path.dirname(DIRECTORY)):
        if os.path.isdir(directory) and not os.listdir(directory):
            os.rmdir(directory)
