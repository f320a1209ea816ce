# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the files of an inventory as YAML. Private to the collection."""

from __future__ import annotations

import re
import typing as t

import yaml

TEMPLATE = ("{{", "{%", "{#")
Hosts = dict[str, dict[str, t.Any]]


def inventory(hosts: Hosts, groups: Hosts) -> dict[str, t.Any]:
    """Return hosts.yml. A label of several hosts belongs to a group of these hosts, and a label of all hosts to the group all.

    :param hosts: variables by host. Labels that groups get are removed from these variables.
    :param groups: by group, the variables of each of members_of_label hosts.
    """
    labels: dict[tuple[str, str], list[str]] = {}
    for name, variables in hosts.items():
        for pair in variables.get("monitoring_labels", {}).items():
            labels.setdefault(pair, []).append(name)
    everywhere = {pair: members_of_label for pair, members_of_label in labels.items() if len(members_of_label) == len(hosts) > 1}
    shared = {
        pair: members_of_label
        for pair, members_of_label in sorted(labels.items())
        if len(members_of_label) > 1 and pair not in everywhere
    }
    children: dict[str, t.Any] = {}
    for group, members in sorted(groups.items()):
        children[group] = {"hosts": {name: variables or None for name, variables in sorted(members.items())}}
    for (label, value), members_of_label in shared.items():
        group = free_name(f"{label}_{value}", {*hosts, *children})
        children[group] = {"vars": {"monitoring_labels": {label: value}}, "hosts": dict.fromkeys(sorted(members_of_label))}
    for (label, _value), members_of_label in (*everywhere.items(), *shared.items()):
        for name in members_of_label:
            del hosts[name]["monitoring_labels"][label]
    for variables in hosts.values():
        if not variables.get("monitoring_labels", True):
            del variables["monitoring_labels"]
    top: dict[str, t.Any] = {"vars": {"monitoring_labels": dict(sorted(everywhere))}} if everywhere else {}
    return {"all": {**top, "hosts": {name: hosts[name] or None for name in sorted(hosts)}, "children": children}}


def free_name(wish: str, taken: t.Container[str]) -> str:
    """Return the name of a group that is not *taken*. Ansible allows letters, digits and underscores."""
    name = re.sub(r"[^a-z0-9_]", "_", wish.lower())
    while name in taken:
        name += "_"
    return name


class Reference(str):
    """A string that Ansible must evaluate as a template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes YAML for Ansible. The tag !unsafe marks strings that look like templates, and are not."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if any(sign in text for sign in TEMPLATE):
        return dumper.represent_scalar("!unsafe", text, style=style or '"')
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(Reference, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"'))
_Dumper.add_representer(type(None), lambda dumper, _value: dumper.represent_scalar("tag:yaml.org,2002:null", ""))


def text(data: t.Any) -> str:
    """Return *data* as YAML for Ansible."""
    return "---\n" + yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
