# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role in a directory of the user gets all that the roles of the collection get: the example of docs/own_exporter.md."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from inventories import Made
from own_role import NAME, role

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import role_contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache

CHILDREN: dict[str, t.Any] = {
    "caches": {"hosts": {"cache1": {"monitoring_thresholds": {"memcached_connections_percent": 90}}, "cache2": None}},
    "prometheus": {"hosts": {"mon": None}},
    "grafana": {"hosts": {"mon": {"grafana_admin_password": "secret"}}},
}
HOSTS = {"all": {"vars": {"monitoring_groups": {NAME: "caches"}}, "children": CHILDREN}}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Return an inventory with the role beside it, whose group has another name."""
    monkeypatch.setattr(cache, "_models", {})
    monkeypatch.setattr(cache, "_of_this_task", set())
    return Made(tmp_path, {"hosts.yml": HOSTS, **role()})


def asked(made: Made, call: str) -> t.Any:
    """Return what a filter of the collection makes of the model."""
    return made.template(f"{{{{ lookup('vigie.monitoring.fleet') | vigie.monitoring.{call} }}}}")


def test_targets_rules_and_thresholds(made: Made) -> None:
    """Are in the files of the Prometheus server."""
    files = asked(made, "rendered_files")
    targets = json.loads(files["mon/targets/memcached.json"])
    assert [item["targets"] for item in targets] == [["cache1:9150"], ["cache2:9150"]]
    rules = files[f"mon/rules/{NAME}.yml"]
    assert "MemcachedDown" in rules
    assert "> 80" in rules
    assert "cache1" in files["mon/rules/thresholds.yml"]


def test_the_dashboard(made: Made) -> None:
    """Is one of Grafana's files, also where it has none of the variables that the collection's dashboards have."""
    pages = asked(made, "_grafana_dashboards('mon')")
    assert json.loads(pages[f"Vigie/{NAME}.json"]) == json.loads(role()[f"roles/{NAME}/monitoring/dashboard.json"])


def test_a_dashboard_that_was_exported(tmp_path: Path, made: Made) -> None:
    """Gets the data source that it asks for on import."""
    path = tmp_path / f"roles/{NAME}/monitoring/dashboard.json"
    exported = {
        **json.loads(path.read_text()),
        "__inputs": [{"name": "DS", "type": "datasource"}],
        "panels": [{"datasource": "${DS}"}],
    }
    path.write_text(json.dumps(exported))
    role_contracts.contracts.cache_clear()
    page = json.loads(asked(made, "_grafana_dashboards('mon')")[f"Vigie/{NAME}.json"])
    assert page["panels"] == [{"datasource": "prometheus-mon"}]
    assert "__inputs" not in page


def test_the_firewall(made: Made) -> None:
    """Lets in the Prometheus server, also by the part of the model for one host."""
    model = "lookup('vigie.monitoring.fleet', host='cache1')"
    chains = made.template(f"{{{{ {model} | vigie.monitoring.firewall_rules('cache1') }}}}")
    (rules,) = (chain["rules"] for chain in chains if chain["name"] == "VIGIE-INPUT")
    assert any(item["destination_port"] == 9150 and item.get("source") == "mon" for item in rules), rules


def test_coverage(made: Made) -> None:
    """Expects the targets; the tag of the role selects them."""
    found = asked(made, f"expected_targets('mon', roles=['{NAME}'])")
    assert [(item["job"], item["host"]) for item in found] == [("memcached", "cache1"), ("memcached", "cache2")]
    rows = made.template("{{ found | vigie.monitoring.coverage([]) }}", found=found)
    assert [row["state"] for row in rows] == ["missing", "missing"]


def test_the_lookups(made: Made) -> None:
    """Know its group, and that site removes it."""
    assert made.template(f"{{{{ lookup('vigie.monitoring.role_hosts', '{NAME}') }}}}") == "caches"
    names = made.template("{{ lookup('vigie.monitoring.roles', removable=true, wantlist=true) }}")
    assert NAME in names
    assert "prometheus" not in names
    assert made.template("{{ lookup('vigie.monitoring.roles', own=true, wantlist=true) }}") == [NAME]
