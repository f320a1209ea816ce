# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the fleet: servers, and servers that are retired."""

from __future__ import annotations

import typing as t
from pathlib import Path

import models
import pytest
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, deployed_hosts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import (
    firewall,
    grafana,
    preview,
    prometheus,
    targets,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import scrape_targets


def test_a_host_that_is_deployed_counts_once() -> None:
    """Hosts without a role do not count, unless they are among the others."""
    fleet: t.Any = {"hosts": {"a": {"roles": {"node_exporter": "vigie.monitoring.node_exporter"}}, "b": {"roles": {}}}}
    assert deployed_hosts(fleet) == 1
    assert deployed_hosts(fleet, ["a", "b"]) == 2


def test_a_server_that_is_none_is_an_error_that_lists_them() -> None:
    """With the remedy."""
    with pytest.raises(ValueError, match=r"host x is not in the group of the role prometheus, which has these hosts: p"):
        targets.scrape_targets(models.model(), "x")


FLEET: dict[str, t.Any] = {
    "hosts.yml": {
        "all": {
            "children": {
                "node_exporter": {"hosts": {"web": None}},
                "prometheus": {
                    "hosts": {
                        "p1": {"ansible_host": "192.0.2.1"},
                        "p2": {"ansible_host": "192.0.2.2", "prometheus_state": "absent"},
                    }
                },
                "alertmanager": {
                    "hosts": {"p1": None, "a2": {"ansible_host": "192.0.2.3", "alertmanager_state": "absent"}},
                },
                "grafana": {
                    "hosts": {
                        "g1": {"ansible_host": "192.0.2.4", "grafana_admin_password": "secret"},
                        "g2": {"ansible_host": "192.0.2.5", "grafana_state": "absent"},
                    }
                },
            }
        }
    }
}


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """Return the model of the fleet."""
    found, problems = Made(tmp_path, FLEET).build(contracts())
    assert problems == []
    return found


def test_targets_and_alerting_follow(model: Model) -> None:
    """What is retired is no target, and gets no alerts."""
    targets = {name for groups in scrape_targets(model, "p1").values() for group in groups for name in group["targets"]}
    assert targets == {"web:9100", "192.0.2.1:9090", "192.0.2.1:9093", "192.0.2.4:3000"}
    assert prometheus.prometheus_config(model, "p1")["alerting"] == {
        "alertmanagers": [{"static_configs": [{"targets": ["192.0.2.1:9093"]}]}]
    }
    assert firewall.role_peers(model, "alertmanager", "p1") == []


def test_rendered_files_follow(model: Model) -> None:
    """A retired server has none."""
    assert {name.split("/")[0] for name in preview.rendered_files(model)} == {"p1"}


def test_data_sources_follow(model: Model) -> None:
    """Of the servers that are left."""
    assert [source["name"] for source in grafana.datasources(model, "g1")] == ["Prometheus (p1)", "Alertmanager (p1)"]


def test_the_firewall_follows(model: Model) -> None:
    """Retired servers and a retired Grafana are let in nowhere."""
    for host in ("web", "p1", "g1"):
        chains = firewall.firewall_rules(model, host)
        sources = {rule.get("source") for chain in chains for rule in chain["rules"]}
        assert not sources & {"192.0.2.2", "192.0.2.3", "192.0.2.5"}, host
    assert model["access"]["prometheus"]["clients"] == ["g1"]
