# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong agents: each is one error with a remedy."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from store_fleets import built, groups

RULES = [{"name": "g", "rules": [{"alert": "A", "expr": "up"}]}]
AGENT: dict[str, t.Any] = {"prometheus_mode": "agent"}


def test_a_fleet_of_agents_has_no_problem(tmp_path: Path) -> None:
    """Grafana reads from the stores."""
    assert built(tmp_path, prometheus_mode="agent")[1] == []


@pytest.mark.parametrize(
    ("settings", "where", "remedy"),
    [
        ({"prometheus_mode": "agents"}, "prometheus_mode, value 'agents'", "must be server or agent"),
        (
            {**AGENT, "prometheus_version": "2.53.3"},
            "prometheus_mode, value 'agent'",
            "needs Prometheus 3.0 or later. Set a later prometheus_version, or prometheus_mode: server",
        ),
        (
            {**AGENT, "prometheus_extra_rules": RULES},
            "prometheus_extra_rules, value '…'",
            "an agent evaluates no rules. Remove the rules from this server, or set prometheus_mode: server",
        ),
        (
            {**AGENT, "prometheus_extra_config": {"alerting": {}}},
            "prometheus_extra_config.alerting, value '…'",
            "an agent refuses this section. Remove the section",
        ),
        (
            {**AGENT, "prometheus_stores": ""},
            "prometheus_mode, value 'agent'",
            (
                "an agent keeps no samples, and this agent writes to no store. Add a host to the group victoria_metrics, or "
                "correct prometheus_stores"
            ),
        ),
        (
            {**AGENT, "prometheus_role": "global"},
            "prometheus_mode, value 'agent'",
            "a global server evaluates rules and answers queries, and an agent does neither. Remove prometheus_mode",
        ),
    ],
)
def test_a_wrong_agent(tmp_path: Path, settings: dict[str, t.Any], where: str, remedy: str) -> None:
    """Its host, variable and value are named."""
    assert built(tmp_path, groups(p2=settings))[1] == [f"host p2, variable {where}: {remedy}"]


def test_the_alerts_of_agents_need_vmalert(tmp_path: Path) -> None:
    """Where there is an Alertmanager to send alerts to."""
    children = {**groups(p2=AGENT), "alertmanager": {"hosts": {"p1": None}}}
    assert built(tmp_path / "nobody", children)[1] == [
        (
            "host p2, variable prometheus_mode, value 'agent': an agent evaluates no alerts, and nobody else does it for its "
            "hosts. Add a host to the group vmalert"
        )
    ]
    assert built(tmp_path / "vmalert", {**children, "vmalert": {"hosts": {"p1": None}}})[1] == []


def test_an_agent_can_write_to_a_store_outside_the_fleet(tmp_path: Path) -> None:
    """It is in the additional configuration."""
    own = {**AGENT, "prometheus_stores": "", "prometheus_extra_config": {"remote_write": [{"url": "https://192.0.2.1/"}]}}
    assert built(tmp_path, groups(p2=own))[1] == []


def test_grafana_cannot_read_from_an_agent(tmp_path: Path) -> None:
    """Neither by an additional data source, nor without any."""
    source = {"name": "own", "type": "prometheus", "url": "http://p2:9090/"}
    own = {"grafana_admin_password": "x", "grafana_extra_datasources": [source]}
    assert built(tmp_path / "extra", groups(p2=AGENT, g=own))[1] == [
        (
            "host g, variable grafana_extra_datasources[0].url, value 'http://p2:9090/': p2 is an agent, which answers no "
            "queries. Use a store of the agent as the data source"
        )
    ]
    children = {role: hosts for role, hosts in groups().items() if role not in ("victoria_metrics", "vmauth")}
    outside = {"remote_write": [{"url": "https://192.0.2.1/"}]}
    assert built(tmp_path / "none", children, **AGENT, prometheus_extra_config=outside)[1] == [
        (
            "host g, variable groups, value 'grafana': Grafana has no data source: all Prometheus servers are agents, which "
            "answer no queries. Add a host to the group victoria_metrics, or a data source to grafana_extra_datasources"
        )
    ]


def test_a_global_server_cannot_read_from_agents(tmp_path: Path) -> None:
    """It leaves them out, and says so where they are selected or nothing is left."""
    children = groups(p1=AGENT)
    children["prometheus"]["hosts"]["w"] = {"prometheus_role": "global"}
    its, problems = built(tmp_path / "some", children)
    assert problems == []
    assert its["servers"]["prometheus"]["w"]["reads_from"] == ["p2"]
    children["prometheus"]["hosts"]["w"]["prometheus_global_servers"] = "p1:p2"
    assert built(tmp_path / "selected", children)[1] == [
        (
            "host w, variable prometheus_global_servers, value 'p1:p2': selects p1. Agents answer no queries. Exclude them from "
            "the pattern"
        )
    ]
    children = groups(p1=AGENT, p2=AGENT)
    children["prometheus"]["hosts"]["w"] = {"prometheus_role": "global"}
    assert built(tmp_path / "all", children)[1] == [
        (
            "host w, variable prometheus_role, value 'global': all servers that scrape hosts are agents, which answer no queries."
            " Remove the global server"
        )
    ]
