# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup role_hosts, as plays use it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import FLEET, Made, simple

from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache

PATTERN = "{{ lookup('vigie.monitoring.role_hosts', 'node_exporter') }}"


@pytest.mark.usefixtures("empty_cache")
def test_the_pattern_of_a_play_builds_the_model(tmp_path: Path, builds: list[str]) -> None:
    """The tasks that follow find the model. The pattern of an inventory with errors is right: another lookup reports errors."""
    made = Made(tmp_path, FLEET)
    assert made.template(PATTERN) == "node_exporter"
    cache.model(made.hostvars)
    assert builds == [""]
    made.manager.get_host("web1").set_variable("node_exporter_port", "none")
    assert made.template(PATTERN) == "node_exporter"
    assert builds == ["", ""]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("'node_exporter'", "node_exporter"),
        ("'prometheus'", "watchers"),
        ("'all'", "all"),
        # No host, and no warning that the group does not exist.
        ("'grafana'", "!all"),
        ("'alertmanager'", "!all"),
        ("'node_exporter', 'prometheus', 'grafana'", "node_exporter,watchers,!all"),
    ],
)
def test_the_group_of_a_role(tmp_path: Path, roles: str, expected: str) -> None:
    """Each role's own group, the one that monitoring_groups maps the role to, or no host."""
    files = simple(watchers={"hosts": {"w": None}})
    files["group_vars/all.yml"] = {"monitoring_groups": {"prometheus": "watchers", "alertmanager": "nowhere"}}
    made = Made(tmp_path, files)
    assert made.template(f"{{{{ lookup('vigie.monitoring.role_hosts', {roles}) }}}}") == expected


def test_an_extra_variable_maps_groups_before_the_first_play(tmp_path: Path) -> None:
    """Ansible has no variables of hosts then: the mapping of the inventory is not known, an extra variable is."""
    made = Made(tmp_path, simple(watchers={"hosts": {"w": None}}))
    lookup: t.Any = made.template(
        "{{ lookup('vigie.monitoring.role_hosts', 'prometheus') }}", monitoring_groups={"prometheus": "watchers"}
    )
    assert lookup == "watchers"


def test_a_check_of_the_syntax_needs_no_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ansible-playbook --syntax-check` reads the patterns of plays, too."""
    made = Made(tmp_path, {"hosts.yml": {"all": {}}})
    with pytest.raises(Exception, match="The inventory has no hosts"):
        made.template(PATTERN)
    monkeypatch.setattr("ansible.context.CLIARGS", {"syntax": True})
    assert made.template(PATTERN) == "!all"
