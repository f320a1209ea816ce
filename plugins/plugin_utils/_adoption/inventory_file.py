# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory's files, for people to go on with. Private to the collection."""

from __future__ import annotations

import re
import typing as t

import yaml

TEMPLATE = ("{{", "{%", "{#")
Hosts = dict[str, dict[str, t.Any]]


def inventory(hosts: Hosts, groups: Hosts) -> dict[str, t.Any]:
    """Return hosts.yml: labels that several hosts share belong to groups, those that all share to all.

    :param hosts: variables by host; labels that go to groups are taken out of them.
    :param groups: by group, the variables of each of its hosts.
    """
    labels: dict[tuple[str, str], list[str]] = {}
    for name, variables in hosts.items():
        for pair in variables.get("monitoring_labels", {}).items():
            labels.setdefault(pair, []).append(name)
    everywhere = {pair: its for pair, its in labels.items() if len(its) == len(hosts) > 1}
    shared = {pair: its for pair, its in sorted(labels.items()) if len(its) > 1 and pair not in everywhere}
    children: dict[str, t.Any] = {}
    for group, members in sorted(groups.items()):
        children[group] = {"hosts": {name: variables or None for name, variables in sorted(members.items())}}
    for (label, value), its in shared.items():
        group = _free_name(f"{label}_{value}", {*hosts, *children})
        children[group] = {"vars": {"monitoring_labels": {label: value}}, "hosts": dict.fromkeys(sorted(its))}
    for (label, _value), its in (*everywhere.items(), *shared.items()):
        for name in its:
            del hosts[name]["monitoring_labels"][label]
    for variables in hosts.values():
        if not variables.get("monitoring_labels", True):
            del variables["monitoring_labels"]
    top: dict[str, t.Any] = {"vars": {"monitoring_labels": dict(sorted(everywhere))}} if everywhere else {}
    return {"all": {**top, "hosts": {name: hosts[name] or None for name in sorted(hosts)}, "children": children}}


def _free_name(wish: str, taken: t.Container[str]) -> str:
    """Return a group's name: Ansible wants letters, digits and underscores."""
    name = re.sub(r"[^a-z0-9_]", "_", wish.lower())
    while name in taken:
        name += "_"
    return name


class Reference(str):
    """A template of ours, which Ansible is to render."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """YAML that Ansible reads as it is meant: what looks like a template, and is none, is marked."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if any(sign in text for sign in TEMPLATE):
        return dumper.represent_scalar("!unsafe", text, style=style or '"')
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Reference, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"'))
_Dumper.add_representer(type(None), lambda dumper, _value: dumper.represent_scalar("tag:yaml.org,2002:null", ""))


def text(data: t.Any) -> str:
    """Return *data* as YAML for Ansible."""
    return "---\n" + yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
