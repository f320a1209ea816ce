# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories that are half there, and names in them that nothing reads."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
from inventories import FLEET, Made, build, write

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import ROLES, contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import variable_names

ROOT = Path(__file__).parents[5]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("monitoring_lables", "monitoring_labels"),
        ("monitoring_label", "monitoring_labels"),
        ("monitoring_addresses", "monitoring_address"),
        ("node_exporter_ports", "node_exporter_port"),
        ("node_exporer_port", "node_exporter_port"),
        ("nodeexporter_port", "node_exporter_port"),
        ("prometheus_retention_tme", "prometheus_retention_time"),
        ("prometheus_retenton_time", "prometheus_retention_time"),
        ("promethues_port", "prometheus_port"),
        ("promteus_port", "prometheus_port"),
        ("alertmanager_route", "alertmanager_routes"),
        ("grafana_admin_pasword", "grafana_admin_password"),
        # Other variables, of other collections and of people's own.
        ("prometheus_internal_url", None),
        ("prometheus_web_listen_address", None),
        ("prometheus_storage_retention", None),
        ("prometheus_storage_retention_size", None),
        ("prometheus_alert_relabel_configs", None),
        ("prometheus_scrape_configs", None),
        ("prometheus_config_file", None),
        ("prometheus_targets", None),
        ("prometheus_tags", None),
        ("prometheus_host", None),
        ("prometheus_db_dir", None),
        ("node_exporter_web_disable_exporter_metrics", None),
        ("node_exporter_enabled_collectors", None),
        ("alertmanager_receivers", None),
        ("alertmanager_web_external_url", None),
        ("grafana_uri", None),
        ("grafana_ini", None),
        ("grafana_address", None),
        ("grafana_datasources", None),
        ("firewall_allowed_tcp_ports", None),
        ("firewall_enabled_at_boot", None),
        ("monitoring_labels2", None),
        ("json_exporter_port", None),
        ("consul_exporter_port", None),
        ("influxdb_exporter_state", None),
        ("web_labels", None),
    ],
)
def test_a_variable_one_slip_away(name: str, meant: str | None) -> None:
    """Is told from one of somebody else's."""
    assert variable_names.meant(name) == meant


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("node_exporer", "node_exporter"),
        ("node-exporter", "node_exporter"),
        ("nodes_exporer", None),
        ("promteus", "prometheus"),
        ("promethues", "prometheus"),
        ("Prometheus", "prometheus"),
        ("alert_manager", "alertmanager"),
        ("alertmanger", "alertmanager"),
        ("grafna", "grafana"),
        ("uswgi_exporter", "uwsgi_exporter"),
        ("firewal", "firewall"),
        *((name, None) for name in ("node_exporters", "nodes_exporter", "node2_exporter", "nodejs_exporter", "nomad_exporter")),
        *((name, None) for name in ("prometheus_servers", "prometheus2", "prometheuses", "prom", "monitoring", "web", "db")),
        *((name, None) for name in ("firewalld", "firewalls", "alertmanagers", "grafana_agents", "postgresql_exporter")),
        *((name, None) for name in ("json_exporter", "nats_exporter", "consul_exporter", "proxy_exporter", "kafka_exporter")),
        *((name, None) for name in ("influxdb_exporter", "elasticsearch_exporter", "dnsmasq_exporter", "jmx_exporter")),
    ],
)
def test_a_group_one_slip_away(name: str, role: str | None) -> None:
    """Is told from a plural, from another exporter's, and from one that is named after the role on purpose."""
    assert [other for other in variable_names.roles() if variable_names.group_slip(name, other)] == ([role] if role else [])


@pytest.mark.parametrize(
    ("files", "who"),
    [
        ({"group_vars/all.yml": {"monitoring_lables": {}}}, "group all"),
        ({"group_vars/node_exporter/x.yml": {"monitoring_lables": {}}}, "group node_exporter"),
        ({"host_vars/web1.yml": {"monitoring_lables": {}}}, "host web1"),
        ({"play/group_vars/prometheus.yml": {"monitoring_lables": {}}}, "group prometheus"),
    ],
)
def test_a_slip_is_told_where_it_is(tmp_path: Path, files: dict[str, t.Any], who: str) -> None:
    """In the files of groups and hosts, also beside the playbook."""
    (problem,) = build(tmp_path, files)[1]
    assert problem.startswith(f"{who}, variable monitoring_lables, value '…': the collection has no such variable. Did you mean ")
    assert "Did you mean monitoring_labels?" in problem
    assert "set monitoring_unknown_variables: allow for the group all" in problem


def test_a_slip_of_many_hosts_is_one_line(tmp_path: Path) -> None:
    """Also in what a dynamic inventory says, and in an extra variable."""
    made = Made(tmp_path, FLEET, {"prometheus_retention_tme": "30d"})
    for name in ("mon", "web1", "web2"):
        made.manager.get_host(name).set_variable("node_exporter_ports", 9100)
    first, second = made.build(contracts())[1]
    assert first.startswith("host web1, web2, mon, variable node_exporter_ports")
    assert second.startswith("the extra variables, variable prometheus_retention_tme")


def test_groups_one_slip_away_are_mistakes(tmp_path: Path) -> None:
    """Also beside the group that is meant, and where the role's group has another name."""
    children = {"node_exporer": {"hosts": {"web3": None}}, "node_exporters": {"hosts": {"web3": None}}}
    write(tmp_path, {"more.yml": {"all": {"children": children}}})
    made = Made(tmp_path, FLEET, sources=("hosts.yml", "more.yml"))
    (problem,) = made.build(contracts())[1]
    assert problem == (
        "group node_exporer, variable groups, value 'node_exporer': no role has a group of this name. Did you mean node_exporter"
        "? Rename the group, or set monitoring_groups: {node_exporter: node_exporer} for the group all. If the name is intended, "
        "set monitoring_unknown_variables: allow for the group all"
    )
    allowed = Made(tmp_path, FLEET, {"monitoring_unknown_variables": "allow"}, ("hosts.yml", "more.yml"))
    assert allowed.build(contracts())[1] == []


@pytest.mark.parametrize(
    ("groups", "names", "problem"),
    [
        ({"prometheus": "promteus"}, ["promteus"], None),
        ({"prometheus": "watchers"}, ["wachers"], "Did you mean watchers?"),
        ({"prometheus": "watchers_east"}, ["watchers_east", "watchers_west", "watcher_east"], None),
        ({"prometheus": "prometheus_a"}, ["prometheus_a", "prometheus_b"], None),
        ({"node_exporter": "prometheis", "prometheus": "p"}, ["prometheis", "p"], None),
    ],
)
def test_mapped_groups(tmp_path: Path, groups: dict[str, str], names: list[str], problem: str | None) -> None:
    """Are compared with, in place of the roles' names, where they are not there; what is mapped is right."""
    children: dict[str, t.Any] = {name: {"hosts": {"web1": None}} for name in names}
    files = {"hosts.yml": {"all": {"children": children, "vars": {"monitoring_groups": groups}}}}
    found = [line for line in Made(tmp_path, files).build(contracts())[1] if "variable groups" in line]
    assert [problem in line for line in found] == ([True] if problem else [])


@pytest.mark.usefixtures("empty_cache")
def test_other_unknown_variables_are_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lists them; those of roles of the user's are known, whatever they are called."""
    monkeypatch.chdir(tmp_path)
    warnings: list[str] = []
    monkeypatch.setattr(cache._display, "warning", warnings.append)
    own = {
        "roles/prometheus_pushgateway/tasks/main.yml": [],
        "play/roles/node_exporter/tasks/main.yml": [],
        "play/roles/node_exporter/defaults/main.yml": "node_exporter_own_default: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  00\n",
        # Their names are the beginning of ours.
        "play/roles/monitoring/tasks/main.yml": [],
        "play/roles/node/tasks/main.yml": [],
        "play/roles/node/meta/argument_specs.yml": "{",
        "play/roles/node_exporter/meta/argument_specs.yml": {
            "argument_specs": {"main": {"options": {"node_exporter_own_option": {"type": "str"}}}}
        },
    }
    variables = {
        "prometheus_pushgateway_labels": 1,
        "node_exporter_own_default": 2,
        "node_exporter_own_option": 3,
        "node_exporter_other": 4,
        "monitoring_team": 5,
        "prometheus_web_listen_address": 6,
        "team": 7,
        "_monitoring_x": 8,
    }
    made = Made(tmp_path, {**FLEET, **own, "group_vars/node_exporter.yml": variables})
    for _time in range(2):
        cache.model(made.hostvars)
    cache.model(made.hostvars, host="web1")
    (warning,) = warnings
    assert warning == (
        "No role of vigie.monitoring reads these variables of the inventory: monitoring_team, node_exporter_other, "
        "prometheus_web_listen_address. Check their names. If they are your own, set monitoring_unknown_variables: allow for the "
        "group all."
    )
    made.variables.extra_vars["monitoring_unknown_variables"] = "allow"
    cache.model(made.hostvars)
    assert len(warnings) == 1


@pytest.mark.parametrize("value", ["ignore", None, True, "{{ nowhere }}"])
def test_the_switch_itself_may_be_wrong(tmp_path: Path, value: t.Any) -> None:
    """It has two values."""
    (problem,) = build(tmp_path, {"group_vars/all.yml": {"monitoring_unknown_variables": value}})[1]
    assert problem.startswith("host all, variable monitoring_unknown_variables, value ")


def test_every_variable_of_the_collection_is_known() -> None:
    """What the plugins and roles read, and what the README explains, is in the list, and nothing else is."""
    sources = [
        *ROOT.glob("plugins/**/*.py"),
        *ROOT.glob("roles/*/*/*.yml"),
        *ROOT.glob("roles/*/templates/*"),
        *ROOT.glob("playbooks/**/*.yml"),
    ]
    texts = {
        path: path.read_text(encoding="utf-8") for path in sources if path.name != "_variables.py" and "rules" not in path.name
    }
    read = {name for text in texts.values() for name in re.findall(r"[\"'(\s]((?:monitoring_)[a-z_]+)(?=[\"'\s).|])", text)}
    # The series that thresholds and limits become.
    series = {"monitoring_threshold", "monitoring_scrape_limit"}
    assert read - series - {"monitoring_unknown_variables"} <= variable_names.MONITORING
    explained = set(re.findall(r"^\| `(monitoring_[a-z_]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert explained == variable_names.MONITORING
    for role in variable_names.roles():
        assert (ROLES / role / "meta" / "argument_specs.yml").is_file()
