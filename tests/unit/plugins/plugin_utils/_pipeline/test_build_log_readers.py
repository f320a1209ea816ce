# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role that reads logs runs on the hosts with rules in monitoring_logs, without a group."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache

RULE = {"name": "out_of_disk", "files": ["/var/log/app.log"], "match": "No space left", "severity": "critical", "summary": "Full"}
PATTERN = "{{ lookup('vigie.monitoring.role_hosts', 'mtail') }}"


def made(directory: Path, **variables: t.Any) -> Made:
    """Return an inventory with rules for web1 alone, and *variables* of all hosts."""
    children: dict[str, t.Any] = {
        "prometheus": {"hosts": {"mon": None}},
        "web": {"hosts": {"web1": {"monitoring_logs": [RULE]}, "web2": {"monitoring_logs": []}}},
    }
    return Made(directory, {"hosts.yml": {"all": {"vars": variables, "children": children}}})


@pytest.mark.usefixtures("empty_cache")
def test_only_a_host_with_rules_has_the_role(tmp_path: Path) -> None:
    """The host has the endpoint, and the play of the role selects the host. The server has the alerts of the role."""
    inventory = made(tmp_path)
    model = cache.model(inventory.hostvars)
    assert {name: host["roles"] for name, host in model["hosts"].items()} == {
        "mon": ["prometheus"],
        "web1": ["mtail"],
        "web2": [],
    }
    assert [item["port"] for item in model["hosts"]["web1"]["endpoints"]] == [3903]
    assert "MtailLogUnreadable" in model["rules"]["mtail"]
    assert inventory.template(PATTERN) == "web1"


def test_no_host_has_the_role_of_another_engine(tmp_path: Path) -> None:
    """With the rules in Loki, mtail runs nowhere, and the server has no alerts about mtail."""
    model, _problems = made(tmp_path, monitoring_logs_engine="loki").build(contracts())
    assert model["hosts"]["web1"]["logs"]
    assert "mtail" not in {role for host in model["hosts"].values() for role in host["roles"]}
    assert "mtail" not in model["rules"]
