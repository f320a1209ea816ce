# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Global servers: which servers they read from, and what is refused."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts

ROLE = {"prometheus_role": "global"}


def servers(path: Path, **servers: dict[str, t.Any] | None) -> tuple[dict[str, t.Any], list[str]]:
    """Return the settings of *servers* in a fleet, and the problems of the inventory."""
    children = {"node_exporter": {"hosts": {"web1": None}}, "prometheus": {"hosts": servers}}
    model, problems = Made(path, {"hosts.yml": {"all": {"children": children}}}).build(contracts())
    return model["servers"]["prometheus"], problems


def test_a_global_server_reads_from_the_servers_that_scrape(tmp_path: Path) -> None:
    """It scrapes no host, is no replica of the others, and two global servers read from the same ones."""
    its, problems = servers(tmp_path, p1=None, p2={"prometheus_state": "absent"}, g1=ROLE, g2=ROLE)
    assert problems == []
    assert its["g1"]["reads_from"] == its["g2"]["reads_from"] == ["p1"]
    assert its["g1"]["scrape_hosts"] == []
    assert its["p1"]["scrape_hosts"] == ["g1", "g2", "p1", "p2", "web1"]
    assert "replicas" not in its["p1"]


def test_a_pattern_chooses_the_servers(tmp_path: Path) -> None:
    """In the manner of Ansible."""
    its, problems = servers(
        tmp_path, p1={"prometheus_scrape_hosts": "web1:g1:p1:p2"}, p2=None, g1={**ROLE, "prometheus_global_servers": "p2"}
    )
    assert problems == []
    assert its["g1"]["reads_from"] == ["p2"]


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        (
            {"prometheus_global_servers": "prometheus"},
            "prometheus_global_servers, value 'prometheus': a global server cannot read from itself. Exclude g1",
        ),
        (
            {"prometheus_global_servers": "p1:web1"},
            "prometheus_global_servers, value 'p1:web1': must select Prometheus servers that scrape hosts, and selects web1",
        ),
        ({"prometheus_global_servers": "nowhere"}, "prometheus_global_servers, value 'nowhere': the pattern matches no host"),
        ({"prometheus_global_servers": "p1[7]"}, "prometheus_global_servers, value 'p1[7]': must be an Ansible host pattern"),
        ({"prometheus_global_series": [".*"]}, "prometheus_global_series, value '.*': matches the names of all series"),
        ({"prometheus_global_series": ["(a"]}, "prometheus_global_series, value '(a': must be a regular expression"),
        ({"prometheus_global_series": []}, "prometheus_global_series, value []: must have a pattern"),
        ({"prometheus_global_mode": "copy"}, "prometheus_global_mode, value 'copy': must be federate or remote_read"),
        ({"prometheus_shard": 1}, "prometheus_shard, value 1: a global server is in no shard"),
        ({"prometheus_role": "globl"}, "prometheus_role, value 'globl': must be scrape or global"),
    ],
)
def test_a_mistake_of_a_global_server(tmp_path: Path, variables: dict[str, t.Any], problem: str) -> None:
    """Each is one error that names the server."""
    (found,) = servers(tmp_path, p1=None, g1={**ROLE, **variables})[1]
    assert found.startswith(f"host g1, variable {problem}")


def test_a_fleet_of_global_servers_is_a_mistake(tmp_path: Path) -> None:
    """For instance with prometheus_role in the variables of the group."""
    found = servers(tmp_path, g1=ROLE)[1]
    assert "host g1, variable prometheus_role, value 'global': the inventory has no server that scrapes hosts." in found[0]
    assert "Add a Prometheus server to the inventory" in found[1]
