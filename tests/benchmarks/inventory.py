# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate inventories of any size, in the form of large fleets.

An inventory has five levels of groups (region, datacenter, room, row, rack of 40 hosts), a file of variables for each group,
and 30 labels, six from each level. Every tenth host has own labels with Jinja: two labels name variables, one label uses
filters.

Each level also has its labels in a variable of its own: the templates of the benchmark combine these variables.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

# The number of members of a group at each level. A rack has hosts, the other levels have groups of the level before.
LEVELS = {"rack": 40, "row": 5, "room": 2, "datacenter": 5, "region": 5}
LABELS = 30
OWN = (
    '{"place": "{{ datacenter }}-{{ rack }}", "unit": "{{ rack }}.{{ inventory_hostname_short }}", '
    '"owner": "team-{{ inventory_hostname | hash | first }}"}'
)


def _group_vars(path: Path, level: str, group: str) -> None:
    of_level = LABELS // len(LEVELS)
    labels = "".join(f"  {level}_label_{index}: {group}-{index}\n" for index in range(of_level))
    path.write_text(f"---\n{level}: {group}\nlabels_of_{level}: &labels\n{labels}monitoring_labels: *labels\n", encoding="utf-8")


def write(directory: Path, hosts: int, *, prometheus: bool = True) -> None:
    """Write an inventory of *hosts* hosts into a new *directory*. With *prometheus*, the first host is the Prometheus server."""
    (directory / "group_vars").mkdir(parents=True)
    names = [f"h{index:05}.example.com" for index in range(hosts)]
    lines = ["[all:vars]", "site=bench", "[prometheus]", *names[:prometheus], "[node_exporter:children]"]
    sections: list[str] = []
    members: t.Sequence[str] = names
    for depth, (level, size) in enumerate(LEVELS.items()):
        groups = [f"{level}{index}" for index in range(-(-len(members) // size))]
        for index, group in enumerate(groups):
            sections.append(f"[{group}]" if depth == 0 else f"[{group}:children]")
            sections += [_host(name) if depth == 0 else name for name in members[index * size : (index + 1) * size]]
            _group_vars(directory / "group_vars" / f"{group}.yml", level, group)
        members = groups
    lines += members
    (directory / "hosts.ini").write_text("\n".join([*lines, *sections]) + "\n", encoding="utf-8")


def _host(name: str) -> str:
    index = int(name[1:6])
    line = f"{name} ansible_host=127.{index // 65536}.{index // 256 % 256}.{index % 256}"
    return f"{line} monitoring_labels='{OWN}' labels_of_host='{OWN}'" if index % 10 == 0 else line
