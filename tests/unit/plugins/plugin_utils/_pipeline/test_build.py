# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the fleet, from real inventories."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import AWKWARD, Made, problems_of, simple

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts


@pytest.mark.parametrize("groups", [{"prometheus": "servers"}, "{{ {'prometheus': 'servers'} }}"])
def test_a_role_may_have_a_group_of_another_name(tmp_path: Path, groups: t.Any) -> None:
    """monitoring_groups maps it once."""
    files = simple(servers={"hosts": {"h": None}})
    files["group_vars/all.yml"] = {"monitoring_groups": groups}
    model, _problems = Made(tmp_path, files).build()
    assert list(model["servers"]["prometheus"]) == ["h"]


def test_odd_fleets(tmp_path: Path) -> None:
    """Hosts without any exporter, empty groups, none in a role's group, names and labels in any script."""
    children = {
        "node_exporter": {"hosts": {}},
        "empty": None,
        "plain": {"hosts": {"lonely": None, "ünïcode": {"monitoring_labels": {"place": "Zürich ☃"}}}},
    }
    model, problems = Made(tmp_path, {"hosts.yml": {"all": {"children": children}}}).build()
    assert problems == []
    assert model["hosts"]["lonely"]["endpoints"] == []
    assert model["hosts"]["ünïcode"]["labels"] == {"place": "Zürich ☃"}
    assert model["servers"]["prometheus"] == {}


def test_alerts_hold_for_the_metrics_of_another_role(tmp_path: Path) -> None:
    """The hosts have collectd, and none has node_exporter. Without hosts, a role brings no alerts."""
    files = {"hosts.yml": {"all": {"vars": {"monitoring_thresholds": {"disk_used_percent": 70}}, "children": {
        "prometheus": {"hosts": {"mon": None}}, "collectd": {"hosts": {"old1": None}}}}}}  # fmt: skip
    model, problems = Made(tmp_path, files).build(contracts())
    assert problems == []
    assert sorted(model["rules"]) == ["collectd", "node_exporter", "prometheus"]
    del files["hosts.yml"]["all"]["children"]["collectd"], files["hosts.yml"]["all"]["vars"]
    (tmp_path / "none").mkdir()
    assert sorted(Made(tmp_path / "none", files).build(contracts())[0]["rules"]) == ["prometheus"]


def test_the_implicit_localhost_is_no_host_of_the_fleet(tmp_path: Path) -> None:
    """Plays on the controller bring it in; an explicit one counts."""
    made = Made(tmp_path / "a", simple())
    assert made.manager.get_host("localhost").implicit
    assert sorted(made.build()[0]["hosts"]) == ["h", "p"]
    explicit = Made(tmp_path / "b", simple(node_exporter={"hosts": {"localhost": None}})).build()[0]
    assert [e["instance"] for e in explicit["hosts"]["localhost"]["endpoints"]] == ["localhost:9100"]


def test_a_group_listed_as_a_host_is_a_mistake(tmp_path: Path) -> None:
    """In an INI inventory, [prometheus] without :children lists hosts."""
    files = {"hosts.yml": "[web]\nw1\n[prometheus]\np\n[node_exporter]\nweb\n[all:vars]\nsite=x\n"}
    (tmp_path / "ini").mkdir()
    (problem,) = problems_of(tmp_path / "ini", files)
    assert problem.startswith("host web, variable group_names, value ['node_exporter']: web is also a group. ")
    assert ":children" in problem
    fine = {"hosts.yml": "[web]\nw1\n[prometheus]\np\n[node_exporter:children]\nweb\n[all:vars]\nsite=x\n"}
    (tmp_path / "fine").mkdir()
    assert problems_of(tmp_path / "fine", fine) == []


def test_the_model_is_plain_data(tmp_path: Path) -> None:
    """Nothing of Ansible's own types is left in it."""
    model, _problems = Made(tmp_path, AWKWARD).build()

    def check(value: t.Any) -> None:
        assert type(value) in (dict, list, str, int, float, bool, type(None))
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(item)

    check(model)


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        ({"promtheus": "servers"}, "monitoring_groups.promtheus, value 'servers': unknown role. The roles are alertmanager"),
        ({"prometheus": ["servers"]}, "monitoring_groups.prometheus, value ['servers']: must be the name of a group"),
        (["servers"], "monitoring_groups, value ['servers']: must be a dictionary from role to group"),
        ("{{ nowhere }}", "monitoring_groups, value '{{ nowhere }}': cannot be templated: 'nowhere' is undefined"),
    ],
)
def test_a_mistake_in_the_groups(tmp_path: Path, groups: t.Any, problem: str) -> None:
    """Named like all others."""
    files = {**simple(), "group_vars/all.yml": {"monitoring_groups": groups}}
    assert [problem in line for line in problems_of(tmp_path, files)] == [True]
