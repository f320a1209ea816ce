# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule files of a Prometheus server."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.rules import alert_rules

RULES = """
groups:
  - name: g
    interval: 5m
    rules:
      - {record: a:b, expr: up}
      - {alert: Down, expr: up == 0, labels: {severity: critical}, annotations: {summary: down}}
      - {alert: Used, expr: used, threshold: used, above: {warning: 90, critical: 97.5}, for: 5m, labels: {team: ops}}
      - {alert: Left, expr: left, threshold: left, below: {warning: 4}, annotations: {runbook_url: own}}
"""


def rules(hosts: dict[str, dict[str, t.Any]], runbooks: t.Any = "", scraped: t.Iterable[str] | None = None) -> dict[str, t.Any]:
    """Return the rules of a server, by file; *hosts* have thresholds."""
    settings = {"scrape_hosts": sorted(hosts if scraped is None else scraped), "prometheus_runbook_url": runbooks}
    return alert_rules(
        {
            "hosts": {name: {"thresholds": thresholds} for name, thresholds in hosts.items()},
            "servers": {"prometheus": {"p": settings}},
            "rules": {"node_exporter": RULES},
        },
        "p",
    )


def expressions(files: dict[str, t.Any]) -> dict[tuple[str, str], str]:
    """Return the expressions of the alerts, by name and severity."""
    (group,) = files["node_exporter"]
    return {(rule["alert"], rule["labels"]["severity"]): rule["expr"] for rule in group["rules"] if "alert" in rule}


def test_an_alert_with_a_threshold_is_one_alert_for_each_severity() -> None:
    """The keys of this collection are gone, all others stay; a fleet without own thresholds has plain comparisons."""
    files = rules({"a": {}})
    assert list(files) == ["node_exporter"]
    (group,) = files["node_exporter"]
    assert group["interval"] == "5m"
    assert [rule.get("alert", rule.get("record")) for rule in group["rules"]] == ["a:b", "Down", "Used", "Used", "Left"]
    assert group["rules"][3] == {
        "alert": "Used",
        "expr": "(used) > 97.5",
        "for": "5m",
        "labels": {"team": "ops", "severity": "critical"},
    }
    assert group["rules"][4]["expr"] == "(left) < 4"


def test_only_the_severity_that_a_host_overrides_is_compared_by_host() -> None:
    """A number alone is that of the mildest severity."""
    files = rules({"a": {"used": 80}, "b": {}})
    found = expressions(files)
    own = 'monitoring_threshold{threshold="used", severity="warning"}'
    assert found["Used", "warning"] == f"(used) > on (host) group_left () {own}\nor\n((used) > 90 unless on (host) {own})"
    assert found["Used", "critical"] == "(used) > 97.5"
    (group,) = files["thresholds"]
    assert group["rules"] == [
        {
            "record": "monitoring_threshold",
            "expr": 'group by (host) (up{host=~"a"}) * 80',
            "labels": {"threshold": "used", "severity": "warning"},
        }
    ]


def test_hosts_with_one_number_share_a_rule() -> None:
    """A thousand hosts with two numbers are two rules, whatever signs their names have."""
    files = rules({**{f"h{number}": {"used": 70} for number in range(1000)}, "a.b": {"used": {"warning": 60.5}}})
    records = [rule["expr"] for rule in files["thresholds"][0]["rules"]]
    assert len(records) == 2
    assert records[0] == 'group by (host) (up{host=~"a\\\\.b"}) * 60.5'
    assert records[1].count("|") == 999


def test_thresholds_of_hosts_that_the_server_does_not_scrape_do_not_count() -> None:
    """Nor those of alerts that the fleet does not have."""
    assert "thresholds" not in rules({"a": {"used": 80}, "b": {}}, scraped=["b"])
    assert "thresholds" not in rules({"a": {"unknown": 80}})


@pytest.mark.parametrize("url", ["https://example.com/r", "https://example.com/r/"])
def test_alerts_link_to_their_runbook(url: str) -> None:
    """Beside the annotations that they have; recording rules have no annotations."""
    (group,) = rules({"a": {}}, runbooks=url)["node_exporter"]
    record, down, used, *others = group["rules"]
    assert "annotations" not in record
    assert down["annotations"] == {
        "summary": "down",
        "runbook_url": "https://example.com/r/node_exporter/monitoring/runbook.md#down",
    }
    assert used["annotations"] == {"runbook_url": "https://example.com/r/node_exporter/monitoring/runbook.md#used"}
    # An alert can have a runbook elsewhere.
    assert others[-1]["annotations"] == {"runbook_url": "own"}


@pytest.mark.parametrize("url", ["", None])
def test_without_an_address_there_is_no_link(url: t.Any) -> None:
    """A link to a page that does not exist helps nobody."""
    assert "runbook.md" not in str(rules({"a": {}}, runbooks=url))


def test_keys_of_groups_that_the_version_does_not_have() -> None:
    """Keys of a rule with the same name stay."""
    text = """
groups:
  - {name: g, interval: 5m, limit: 5, query_offset: 1m, labels: {team: ops}, rules: [{record: a, expr: up, labels: {x: y}}]}
"""
    found = {}
    for version in ("2.30.3", "2.52.0", "2.55.1", "3.0.0"):
        server = {"scrape_hosts": [], "prometheus_runbook_url": "", "prometheus_version": version}
        fleet: t.Any = {"hosts": {}, "servers": {"prometheus": {"p": server}}, "rules": {"node_exporter": text}}
        (group,) = alert_rules(fleet, "p")["node_exporter"]
        assert group["rules"] == [{"record": "a", "expr": "up", "labels": {"x": "y"}}]
        found[version] = set(group) - {"name", "interval", "rules"}
    assert found == {
        "2.30.3": set(),
        "2.52.0": {"limit"},
        "2.55.1": {"limit", "query_offset"},
        "3.0.0": {"limit", "query_offset", "labels"},
    }
