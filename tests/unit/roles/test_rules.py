# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles' rules, as they are rendered: their own tests, what these notice, thresholds of the inventory, runbooks."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.rules import alert_rules

ROOT = Path(__file__).parents[3]
RULES = sorted(ROOT.glob("roles/*/monitoring/rules.yml"))
GLOBAL = "global"
# The rules of each role for the servers that scrape, and those for global servers.
FILES = [*((path, "") for path in RULES), (ROOT / "roles/prometheus/monitoring/rules.yml", GLOBAL)]
each_role = pytest.mark.parametrize(
    ("rules", "server"), FILES, ids=["-".join(filter(None, (path.parents[1].name, server))) for path, server in FILES]
)
# An alert that fires always, or never, is noticed by this.
NEVER = "vector(1) > 2"
ALWAYS = 'label_replace(vector(1), "mutated", "yes", "", "")'


def rendered(
    rules: Path, runbooks: str = "", hosts: dict[str, t.Any] | None = None, server: str = ""
) -> dict[str, list[dict[str, t.Any]]]:
    """Return the rule groups by file, for a fleet with the thresholds of *hosts*, and a *server* with this prometheus_role."""
    settings = {"scrape_hosts": sorted(hosts or {}), "prometheus_runbook_url": runbooks, "prometheus_role": server}
    model = {
        "hosts": {name: {"thresholds": thresholds} for name, thresholds in (hosts or {}).items()},
        "servers": {"prometheus": {"p": settings}},
        "rules": {rules.parents[1].name: rules.read_text()},
    }
    return alert_rules(model, "p")


def usual(rules: Path, runbooks: str = "", server: str = "") -> list[dict[str, t.Any]]:
    """Return the rule groups for a fleet without thresholds of its own: the one file of the role."""
    files = rendered(rules, runbooks, server=server)
    assert list(files) == [rules.parents[1].name]
    return files[rules.parents[1].name]


def own_tests(rules: Path, server: str) -> str:
    """Return the tests of the rules in the file *rules* for such a *server*."""
    return rules.with_name("_".join(filter(None, (server, "rules.test.yml")))).read_text()


def promtool_test(promtool: str, directory: Path, groups: list[dict[str, t.Any]], tests: str) -> subprocess.CompletedProcess[str]:
    """Run promtool's unit tests."""
    (directory / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    (directory / "rules.test.yml").write_text(tests)
    return subprocess.run(
        [promtool, "test", "rules", "rules.test.yml"], cwd=directory, capture_output=True, text=True, check=False
    )


def alerts(groups: t.Iterable[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return the alerting rules in *groups*."""
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


@each_role
def test_the_rules_pass_their_own_tests(promtool: str, rules: Path, server: str, tmp_path: Path) -> None:
    """With each Prometheus; and each alert is expected to fire, not to fire, and to go again."""
    groups = usual(rules, server=server)
    tests = own_tests(rules, server)
    done = promtool_test(promtool, tmp_path, groups, tests)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = [case for test in yaml.safe_load(tests)["tests"] for case in test.get("alert_rule_test", [])]
    firing = {(case["alertname"], item["exp_labels"]["severity"]) for case in cases for item in case.get("exp_alerts") or []}
    assert firing >= {(rule["alert"], rule["labels"]["severity"]) for rule in alerts(groups) if "threshold" not in rule}
    quiet = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert {rule["alert"] for rule in alerts(groups)} - quiet <= {"Watchdog"}


def _mutants(expression: str) -> t.Iterator[str]:
    """Yield expressions that mean something else: never, always, the comparison turned round, each of its numbers doubled."""
    yield NEVER
    yield ALWAYS
    turned = {">": "<", "<": ">", "==": "!=", ">=": "<"}
    for match in re.finditer(r"(?<![=!<>~])(>=|==|>|<)(?![=~])", expression):
        yield expression[: match.start()] + turned[match.group()] + expression[match.end() :]


def _about(alert: str, groups: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return *groups* with the rules of *alert* and the recording rules alone. promtool takes time for each rule."""
    return [{**group, "rules": [rule for rule in group["rules"] if rule.get("alert", alert) == alert]} for group in groups]


def _tests_of(alert: str, tests: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return those of *tests* that have cases of *alert*, with these cases alone."""
    cases = [[case for case in test.get("alert_rule_test", []) if case["alertname"] == alert] for test in tests]
    return [{**test, "alert_rule_test": own} for test, own in zip(tests, cases, strict=True) if own]


@each_role
def test_the_tests_notice_a_changed_expression(rules: Path, server: str, tmp_path: Path, newest_promtool: str) -> None:
    """Each alert, with each of its mutants, fails a test."""
    groups = usual(rules, server=server)
    whole = yaml.load(own_tests(rules, server), Loader=yaml.BaseLoader)  # noqa: S506 - texts alone
    number, survivors = 0, []
    for rule in alerts(groups):
        alone, tests = _about(rule["alert"], groups), yaml.safe_dump({**whole, "tests": _tests_of(rule["alert"], whole["tests"])})
        original = rule["expr"]
        assert promtool_test(newest_promtool, tmp_path, alone, tests).returncode == 0, (
            f"{rule['alert']} fails without other alerts"
        )
        for mutant in _mutants(original):
            rule["expr"] = mutant
            number += 1
            if promtool_test(newest_promtool, tmp_path, alone, tests).returncode == 0:
                survivors.append(f"{rule['alert']} ({rule['labels']['severity']}): {mutant}")
        rule["expr"] = original
    print(f"{rules.parents[1].name}: {len(alerts(groups))} alerts, {number} mutants")
    assert survivors == []


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.parents[1].name)
def test_every_alert_tells_a_person_what_to_do(rules: Path) -> None:
    """Severity, summary, description, and a section of a runbook."""
    role = rules.parents[1].name
    servers = [server for path, server in FILES if path == rules]
    groups = [group for server in servers for group in usual(rules, runbooks="https://example.com/r/", server=server)]
    page = rules.with_name("runbook.md").read_text()
    headings = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    assert sorted(headings) == sorted({rule["alert"] for rule in alerts(groups)})
    for rule in alerts(groups):
        assert rule["labels"]["severity"] in ("none", "info", "warning", "critical")
        assert rule["annotations"]["runbook_url"] == f"https://example.com/r/{role}/monitoring/runbook.md#{rule['alert'].lower()}"
        assert len(rule["annotations"]["summary"]) < 100
        assert len(rule["annotations"]["description"]) > 60


def test_alerts_and_dashboards_use_the_recorded_series() -> None:
    """Each recorded series has a user, and none of them uses a series that no rule records."""
    rules = [rule for path, server in FILES for group in usual(path, server=server) for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    pages = [json.loads(path.read_text()) for path in ROOT.glob("roles/*/monitoring/dashboard*.json")]
    expressions = [target["expr"] for page in pages for panel in page["panels"] for target in panel.get("targets", [])]
    expressions += [rule["expr"] for rule in rules]
    names = (re.findall(r"\w+(?::\w+)+", re.sub(r'"[^"]*"|\[[^]]*\]', "", expression)) for expression in expressions)
    # The rules of collectd record series under the names of node_exporter, which have no colon.
    plain = {name for name in recorded if ":" not in name}
    assert {name for found in names for name in found} == recorded - plain
    assert {name for name in plain if not re.search(rf"\b{name}\b", " ".join(expressions))} == set()


NODE = ROOT / "roles/node_exporter/monitoring/rules.yml"
MEMORY = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'up{host="a.b"}', values: 1x60}
      - {series: 'up{host="c"}', values: 1x60}
      - {series: 'up{host="d"}', values: 1x60}
      - {series: 'up{host="axb"}', values: 1x60}
      - {series: 'node_memory_MemTotal_bytes{host="a.b"}', values: 100x60}
      - {series: 'node_memory_MemTotal_bytes{host="axb"}', values: 100x60}
      - {series: 'node_memory_MemTotal_bytes{host="c"}', values: 100x60}
      - {series: 'node_memory_MemTotal_bytes{host="d"}', values: 100x60}
      - {series: 'node_memory_MemAvailable_bytes{host="a.b"}', values: 45x60}
      - {series: 'node_memory_MemAvailable_bytes{host="axb"}', values: 45x60}
      - {series: 'node_memory_MemAvailable_bytes{host="c"}', values: 4x60}
      - {series: 'node_memory_MemAvailable_bytes{host="d"}', values: 4x60}
    promql_expr_test:
      - expr: sum by (host, severity) (ALERTS{alertname="HostMemoryUsed", alertstate="firing"})
        eval_time: 30m
        exp_samples: EXPECTED
"""


@pytest.mark.parametrize(
    ("hosts", "firing"),
    [
        # c and d use 96%, the others 55%: what is usual is 90 and 97.
        ({}, ["c warning", "d warning"]),
        ({"a.b": {"memory_used_percent": 50}}, ["a.b warning", "c warning", "d warning"]),
        ({"c": {"memory_used_percent": 96.5}}, ["d warning"]),
        ({"c": {"memory_used_percent": {"critical": 95}}}, ["c warning", "c critical", "d warning"]),
        ({"c": {"memory_used_percent": {"warning": 98, "critical": 99}}, "d": {"cpu_used_percent": 1}}, ["d warning"]),
        ({"c": {"memory_used_percent": 1}, "d": {"memory_used_percent": 1}}, ["c warning", "d warning"]),
    ],
)
def test_a_threshold_is_for_its_host_alone(promtool: str, tmp_path: Path, hosts: dict[str, t.Any], firing: list[str]) -> None:
    """A number alone is that of the mildest severity; a dot in a name is a dot."""
    files = rendered(NODE, hosts={name: hosts.get(name, {}) for name in ("a.b", "axb", "c", "d")})
    samples = [{"labels": f'{{host="{x.split()[0]}", severity="{x.split()[1]}"}}', "value": 1} for x in firing]
    groups = [group for its in files.values() for group in its]
    done = promtool_test(promtool, tmp_path, groups, MEMORY.replace("EXPECTED", str(samples)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("thresholds" in files) == bool(hosts)


def test_the_cost_of_thresholds_is_that_of_the_exceptions() -> None:
    """A thousand hosts with one number are one rule; a fleet without any has plain expressions."""
    plain = usual(NODE)
    assert "monitoring_threshold" not in str(plain)
    files = rendered(NODE, hosts={f"h{number}": {"disk_used_percent": 70} for number in range(1000)})
    (group,) = files["thresholds"]
    assert len(group["rules"]) == 1
    others = [rule for rule in alerts(files["node_exporter"]) if "monitoring_threshold" in rule["expr"]]
    assert [(rule["alert"], rule["labels"]["severity"]) for rule in others] == [("HostDiskUsed", "warning")]
