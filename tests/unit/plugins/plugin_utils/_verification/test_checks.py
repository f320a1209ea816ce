# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers say beside what the inventory says, and how it is told."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path
from xml.etree import ElementTree as ET

import inventories
import pytest
import yaml
from answers import LOADED, active, asked, change, model
from store_fleets import groups
from store_fleets import model as store_fleet

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.vmalert import vmalert_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.checks import vmalert_checks
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.verification import verification_report


def problems(answer: dict[str, t.Any], *hosts: str) -> list[str]:
    """Return what is wrong with it."""
    return verification_report(model(), answer, hosts or ["a", "p", "x", "y"])["problems"]


def test_a_fleet_as_the_inventory_has_it_has_no_problem() -> None:
    """And all that was compared is in the outputs for machines."""
    report = verification_report(model(), asked(), ["a", "p", "x", "y"])
    assert report["problems"] == []
    assert report["table"][-1] == "1 of 1 targets are up"
    data = json.loads(report["json"])
    assert data["ok"]
    kinds = [check["kind"] for check in data["checks"]]
    assert kinds == ["server", "target", "configuration", "rule", "rule", "alertmanager", "alertmanager", "version", "clock"]
    (suite,) = ET.fromstring(report["junit"])
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("p", "9", "0")


@pytest.mark.parametrize(
    ("runs", "right"),
    [("1.11.1-1", True), ("v1.11.1+ds1-2", True), ("1.11.1-1.1+b3", True), ("1.11.1-rc.1", False), ("1.11.10-1", False)],
)
def test_a_revision_of_debian_is_no_other_version(runs: str, right: bool) -> None:  # noqa: FBT001 - a parameter
    """Debian's builds report it; a pre-release is another version."""
    answer = asked()
    change(answer, "info", builds=[{"host": "a", "instance": "a:9100", "program": "node_exporter", "version": runs}])
    wrong = [problem for problem in problems(answer) if "node_exporter" in problem]
    assert wrong == ([] if right else [f"a: node_exporter {runs} runs, but the inventory has 1.11.1"])


def test_the_latest_version_is_any() -> None:
    """Which one that is, nobody knows here."""
    fleet = model()
    fleet["hosts"]["a"]["versions"]["node_exporter"] = "latest"
    assert verification_report(fleet, asked(), list(fleet["hosts"]))["problems"] == []


def test_of_two_rules_with_one_name_the_one_that_fails_is_told() -> None:
    """Severities share the name of an alert; whichever is loaded first."""
    broken = {**LOADED[0], "health": "err", "last_error": "many-to-many"}
    for rules in ([LOADED[0], broken, LOADED[1]], [broken, *LOADED]):
        answer = asked()
        change(answer, "info", rules=rules)
        assert problems(answer) == ["p: the rule Down (group g of rules/prometheus.yml) fails: many-to-many"]


def test_targets_of_a_job_in_prometheus_own_form_are_in_the_inventory() -> None:
    """Whatever label they have as their job; a target of another job that has its label is in excess."""
    fleet = model()
    fleet["servers"]["prometheus"]["p"]["prometheus_extra_scrape_configs"] = [{"job_name": "own-adopted"}]
    answer = asked()
    own = active("own", job="own", pool="own-adopted")
    change(answer, "targets", active=[active(pool="node"), own])
    assert verification_report(fleet, answer, list(fleet["hosts"]))["problems"] == []
    change(answer, "targets", active=[active(pool="node"), {**own, "pool": "own"}])
    (problem,) = verification_report(fleet, answer, list(fleet["hosts"]))["problems"]
    assert problem == "own:9100 (job own) is extra: the inventory does not have this target"


@pytest.mark.parametrize(
    ("kind", "values", "problem"),
    [
        ("targets", {"active": []}, "a:9100 (job node) is missing: Prometheus does not know this target"),
        ("targets", {"active": [active(health="down", last_error="refused")]}, "a:9100 (job node) is down: refused"),
        (
            "targets",
            {"active": [active(), active("gone")]},
            "gone:9100 (job node) is extra: the inventory does not have this target",
        ),
        (
            "tree",
            {"changed": True, "changed_files": ["targets/node.json"]},
            "p: deployed files differ from the inventory (targets/node.json). Run vigie.monitoring.site --tags targets",
        ),
        ("info", {"rules": LOADED[1:]}, "p: the rule Down (group g of rules/prometheus.yml) is not loaded"),
        (
            "info",
            {"rules": [{**LOADED[0], "health": "err", "last_error": "many-to-many"}, LOADED[1]]},
            "p: the rule Down (group g of rules/prometheus.yml) fails: many-to-many",
        ),
        (
            "info",
            {"builds": [{"host": "a", "instance": "a:9100", "program": "node_exporter", "version": "1.9.0"}]},
            "a: node_exporter 1.9.0 runs, but the inventory has 1.11.1",
        ),
        (
            "info",
            {"clocks": [{"host": "a", "instance": "a:9100", "offset": -90.2}]},
            "a: the clock is 90 s behind the clock of p. Check the time synchronisation of the host",
        ),
    ],
)
def test_each_difference_is_one_line(kind: str, values: dict[str, t.Any], problem: str) -> None:
    """It is a failure for machines, too."""
    answer = asked()
    change(answer, kind, **values)
    report = verification_report(model(), answer, ["a", "p", "x", "y"])
    assert report["problems"] == [problem]
    assert not json.loads(report["json"])["ok"]
    assert [failure.get("message") for failure in ET.fromstring(report["junit"]).iter("failure")] == [problem]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (None, "p: Prometheus is not connected to the Alertmanager 192.0.2.4:9093 (y)"),
        ({"error": "refused", "peers": 0}, "p: Prometheus cannot send alerts to the Alertmanager on y: refused"),
        ({"error": "", "peers": 1}, "y: the Alertmanager cluster has size 1, but the inventory has 2 Alertmanagers"),
    ],
)
def test_an_alertmanager_that_alerts_do_not_reach(row: dict[str, t.Any] | None, problem: str) -> None:
    """Prometheus does not know it, it does not answer, or it is alone."""
    answer = asked()
    answer["info"][0]["alertmanagers"][1:] = [{"address": "192.0.2.4:9093", **row}] if row else []
    assert problems(answer) == [problem]


@pytest.mark.parametrize(
    ("kind", "result", "problem"),
    [
        ("targets", {"unreachable": True, "msg": "no connection"}, "p: no connection"),
        ("info", {"failed": True, "msg": "Prometheus does not answer at x"}, "p: Prometheus does not answer at x"),
        (
            "targets",
            {"failed": True, "active": [], "waiting": ["Prometheus does not answer at x"]},
            "p: Prometheus does not answer at x",
        ),
        ("tree", {"failed": True, "changed": False, "msg": "no such user"}, "p: no such user"),
    ],
)
def test_a_server_that_cannot_be_asked_is_one_line(kind: str, result: dict[str, t.Any], problem: str) -> None:
    """And not one for each of its targets."""
    answer = asked()
    answer[kind] = [{"__prometheus_server": "p", **result}]
    assert problems(answer) == [problem]


def test_a_server_tells_its_version_itself() -> None:
    """What was scraped of a server that was upgraded a minute ago is its former version."""
    fleet, answer = model(), asked()
    fleet["dashboards"] = {}
    fleet["hosts"]["p"]["versions"] = {"prometheus": "3.5.3"}
    fleet["hosts"]["x"]["versions"] = {"alertmanager": "0.33.1"}
    fleet["hosts"]["y"]["versions"] = {"alertmanager": "0.33.1", "grafana": "12.0.0"}
    fleet["servers"]["grafana"] = {"y": {**inventories.defaults("grafana"), "grafana_version": "12.0.0"}}
    answer["grafana"] = [{"__grafana_host": "y", "version": "12.0.0", "sources": [], "dashboards": []}]
    old = {"p": "prometheus", "x": "alertmanager", "y": "alertmanager"}
    builds = [{"host": host, "instance": f"{host}:1", "program": program, "version": "0.1"} for host, program in old.items()]
    builds.append({"host": "y", "instance": "y:2", "program": "grafana", "version": "0.1"})
    change(answer, "info", version="3.5.3+ds1", builds=builds)
    for row in answer["info"][0]["alertmanagers"]:
        row["version"] = "0.33.1"

    def versions(*hosts: str) -> list[str]:
        said = verification_report(fleet, answer, hosts or list(fleet["hosts"]))["problems"]
        return [problem for problem in said if "runs, but the inventory has" in problem]

    assert versions() == versions("p") == []
    change(answer, "info", version="2.53.0")
    answer["info"][0]["alertmanagers"][1]["version"] = "0.28.0"
    assert versions() == [
        "p: prometheus 2.53.0 runs, but the inventory has 3.5.3",
        "y: alertmanager 0.28.0 runs, but the inventory has 0.33.1",
    ]
    # Where it could not be asked, what was scraped of it is all there is.
    del answer["info"][0]["version"]
    answer["info"][0]["alertmanagers"] = []
    assert [problem.partition(" runs")[0] for problem in versions()] == [
        "p: prometheus 0.1",
        "x: alertmanager 0.1",
        "y: alertmanager 0.1",
    ]


def test_with_some_hosts_only_they_are_compared() -> None:
    """What concerns the server as a whole, and the targets of others, is not."""
    answer = asked()
    change(answer, "tree", changed=True, changed_files=["prometheus.yml"])
    change(answer, "info", rules=[], alertmanagers=[])
    change(answer, "targets", active=[active(), active("gone")])
    assert problems(answer, "a") == []
    change(answer, "targets", active=[active(), active(instance="a:1", job="old")])
    assert problems(answer, "a") == ["a:1 (job old) is extra: the inventory does not have this target"]


def test_an_agent_has_no_rules_and_reports_its_own_hosts_alone() -> None:
    """The versions and clocks come from a store, which has the hosts of all servers."""
    fleet, answer = model(), asked()
    fleet["servers"]["prometheus"]["p"]["prometheus_mode"] = "agent"
    fleet["servers"]["prometheus"]["p"]["scrape_hosts"] = ["a"]
    change(answer, "info", rules=[], alertmanagers=[])
    late = [{"host": name, "instance": f"{name}:9100", "offset": 60.0} for name in ("a", "y")]
    change(answer, "info", clocks=late)
    report = verification_report(fleet, answer, ["a", "p", "x", "y"])
    assert [problem.partition(" is")[0] for problem in report["problems"]] == ["a: the clock"]
    kinds = {check["kind"] for check in json.loads(report["json"])["checks"]}
    assert kinds == {"server", "target", "configuration", "version", "clock"}


def test_rules_and_alertmanagers_of_a_vmalert(tmp_path: Path) -> None:
    """A missing rule, a failing rule, an Alertmanager that does not answer, and no answer at all."""
    children = {**groups(), "alertmanager": {"hosts": {"p1": None}}, "vmalert": {"hosts": {"v1": None}}}
    fleet = store_fleet(tmp_path, children)
    rules = [
        {"file": f"/etc/vmalert/{path}", "group": group["name"], "name": rule.get("alert") or rule["record"], "health": "ok"}
        for path, text in vmalert_files(fleet, "v1").items()
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
    ]
    alertmanager = {"address": "p1:9093", "error": "", "peers": 0, "version": ""}
    result = {"__vmalert_host": "v1", "rules": rules, "alertmanagers": [alertmanager]}
    fine = vmalert_checks(fleet, [result, {"skipped": True}])
    assert {check.kind for check in fine} == {"vmalert", "rule", "alertmanager"}
    assert not [check.problem for check in fine if check.problem]
    kept = [rule for rule in rules if rule["name"] != "Watchdog"]
    kept[0] = {**kept[0], "health": "err", "last_error": "no store"}
    broken = {**result, "rules": kept, "alertmanagers": [{**alertmanager, "error": "refused"}]}
    problems = [check.problem for check in vmalert_checks(fleet, [broken]) if check.problem]
    assert len(problems) == 3
    assert "v1: the rule Watchdog (group targets of rules/prometheus.yml) is not loaded" in problems
    assert "v1: vmalert cannot send alerts to the Alertmanager on p1: refused" in problems
    (unknown,) = [check.problem for check in vmalert_checks(fleet, [{**result, "alertmanagers": []}]) if check.problem]
    assert unknown.endswith("vmalert does not know this Alertmanager")
    (silent,) = vmalert_checks(fleet, [{"__vmalert_host": "v1", "msg": "timed out"}])
    assert silent.problem == "v1: vmalert: timed out"
