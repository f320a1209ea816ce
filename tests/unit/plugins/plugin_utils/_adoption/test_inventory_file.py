# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an adopted inventory."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption import inventory_file
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.inventory_file import Reference, inventory, text


def labelled(**hosts: dict[str, str]) -> dict[str, t.Any]:
    """Return the content of hosts.yml for hosts with labels."""
    return inventory({name: {"monitoring_labels": dict(labels)} for name, labels in hosts.items()}, {})["all"]


def test_labels_go_where_they_are_shared() -> None:
    """Those of all hosts to all, those of several to a group, those of one stay. No host has a label twice."""
    found = labelled(
        a={"site": "x", "team": "ops", "rack": "1"}, b={"site": "x", "team": "ops", "rack": "2"}, c={"site": "x", "team": "web"}
    )
    assert found["vars"] == {"monitoring_labels": {"site": "x"}}
    assert found["children"] == {"team_ops": {"vars": {"monitoring_labels": {"team": "ops"}}, "hosts": {"a": None, "b": None}}}
    assert found["hosts"] == {
        "a": {"monitoring_labels": {"rack": "1"}},
        "b": {"monitoring_labels": {"rack": "2"}},
        "c": {"monitoring_labels": {"team": "web"}},
    }


def test_the_labels_of_a_single_host_are_its_own() -> None:
    """They say nothing of hosts to come."""
    assert labelled(a={"site": "x"}) == {"hosts": {"a": {"monitoring_labels": {"site": "x"}}}, "children": {}}


def test_a_host_without_variables_is_there() -> None:
    """Without an empty dictionary behind it."""
    found = inventory({"b": {}, "a": {"monitoring_labels": {}}}, {"prometheus": {"b": {"prometheus_port": 1}, "a": {}}})["all"]
    assert list(found["hosts"].items()) == [("a", None), ("b", None)]
    assert found["children"] == {"prometheus": {"hosts": {"a": None, "b": {"prometheus_port": 1}}}}


@pytest.mark.parametrize(
    ("label", "value", "group"),
    [
        ("city", "Zürich 1", "city_z_rich_1"),
        ("City", "A-B", "city_a_b"),
        # Names of a host and of a group of the fleet: neither may be two things.
        ("web", "1", "web_1_"),
        ("node", "exporter", "node_exporter_"),
    ],
)
def test_a_group_has_a_name_that_ansible_takes(label: str, value: str, group: str) -> None:
    """Letters, digits and underscores, and no other thing of the inventory has the name."""
    hosts = {name: {"monitoring_labels": {label: value}} for name in ("a", "b")}
    found = inventory({**hosts, "web_1": {}}, {"node_exporter": {"a": {}}})["all"]["children"]
    assert set(found) == {"node_exporter", group}
    assert found[group]["vars"] == {"monitoring_labels": {label: value}}


def test_values_that_make_one_name_are_two_groups() -> None:
    """Values of a label that differ in a sign that names of groups cannot have."""
    found = labelled(a={"t": "x-y"}, b={"t": "x-y"}, c={"t": "x y"}, d={"t": "x y"})["children"]
    assert sorted(found) == ["t_x_y", "t_x_y_"]
    assert {tuple(group["hosts"]) for group in found.values()} == {("a", "b"), ("c", "d")}


@pytest.mark.parametrize(
    "value",
    [
        "{{ $labels.host }}",
        "{% if x %}",
        "{# note #}",
        "a\nb {{ c }}\n",
        "no: 'quotes' # here",
        "ünïcode ☃",
        "- x",
        "",
        "null",
        "1",
    ],
)
def test_ansible_reads_what_was_written(tmp_path: Path, value: str) -> None:
    """A text stays a text, and what looks like a template of Ansible's is none."""
    variables = {"kept": {"nested": [value]}, "template": Reference("{{ other }}-x"), "other": "y", "nothing": None}
    content = text({"all": {"hosts": {"h": variables}}})
    assert content.startswith("---\n")
    made = Made(tmp_path, {"hosts.yml": content})
    host = made.inventory.host("h")
    assert made.renderer(host.get("kept"), host) == {"nested": [value]}
    assert made.renderer(host.get("template"), host) == "y-x"
    assert made.renderer(host.get("nothing"), host) is None


def test_a_text_of_several_lines_can_be_read() -> None:
    """As a block; and a null is nothing, as people write it."""
    found = text({"a": "one\ntwo\n", "b": None})
    assert found == "---\na: |\n  one\n  two\nb:\n"
    assert yaml.safe_load(found) == {"a": "one\ntwo\n", "b": None}
    assert inventory_file.TEMPLATE
