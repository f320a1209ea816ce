# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers say beside what the inventory says, and how it is told."""

from __future__ import annotations

import copy
import json
import typing as t
from xml.etree import ElementTree as ET

import inventories
import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification import coverage_page
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.report import coverage_report

RULES = "groups: [{name: g, rules: [{alert: Down, expr: up == 0}, {record: a:b, expr: up}]}]\n"
LOADED = [
    {"file": "/etc/prometheus/rules/prometheus.yml", "group": "g", "name": "Down", "health": "ok", "last_error": ""},
    {"file": "/etc/prometheus/rules/prometheus.yml", "group": "g", "name": "a:b", "health": "unknown", "last_error": ""},
]


def endpoint(job: str, port: int, host: str) -> dict[str, t.Any]:
    """Return an endpoint of the model."""
    usual = {"role": "", "path": "/metrics", "scheme": "http", "params": {}, "labels": {}}
    return {**usual, "job": job, "port": port, "instance": f"{host}:{port}"}


def host(address: str, *endpoints: dict[str, t.Any], **versions: str) -> dict[str, t.Any]:
    """Return a host of the model."""
    return {"address": address, "roles": [], "versions": versions, "labels": {"function": "web"}, "endpoints": list(endpoints)}


def model() -> dict[str, t.Any]:
    """Return a fleet with the host *a*, the Prometheus server *p* and the Alertmanagers *x* and *y*."""
    settings = {**inventories.defaults("prometheus"), "scrape_hosts": ["a", "p", "x", "y"]}
    alertmanager = {**inventories.defaults("alertmanager"), "alertmanager_port": 9093}
    return {
        "hosts": {
            "a": host("192.0.2.1", endpoint("node", 9100, "a"), node_exporter="1.11.1"),
            "p": host("192.0.2.2"),
            "x": host("192.0.2.3"),
            "y": host("192.0.2.4"),
        },
        "servers": {"prometheus": {"p": settings}, "alertmanager": {"x": alertmanager, "y": dict(alertmanager)}},
        "rules": {"prometheus": RULES},
    }


def active(name: str = "a", **changes: str) -> dict[str, t.Any]:
    """Return a target as the module targets_up does."""
    usual = {
        "job": "node",
        "instance": f"{name}:9100",
        "host": name,
        "address": "192.0.2.1:9100",
        "health": "up",
        "last_error": "",
    }
    return {**usual, **changes}


def asked() -> dict[str, t.Any]:
    """Return what a server answers that is as the inventory has it."""
    info = {
        "rules": LOADED,
        "alertmanagers": [
            {"address": "192.0.2.3:9093", "error": "", "peers": 2},
            {"address": "192.0.2.4:9093", "error": "", "peers": 2},
        ],
        "alerts": [],
        "builds": [{"host": "a", "instance": "a:9100", "program": "node_exporter", "version": "1.11.1+ds1"}],
        "clocks": [{"host": "a", "instance": "a:9100", "offset": 1.5}],
    }
    return {
        "targets": [{"__prometheus_server": "p", "active": [active()], "waiting": []}],
        "info": [{"__prometheus_server": "p", **info}],
        "tree": [{"__prometheus_server": "p", "changed": False, "changed_files": []}],
    }


def problems(answer: dict[str, t.Any], *hosts: str) -> list[str]:
    """Return what is wrong with it."""
    return coverage_report(model(), answer, hosts or ["a", "p", "x", "y"])["problems"]


def test_a_fleet_as_the_inventory_has_it_has_no_problem() -> None:
    """And all that was compared is in the outputs for machines."""
    report = coverage_report(model(), asked(), ["a", "p", "x", "y"])
    assert report["problems"] == []
    assert report["table"][-1] == "1 of 1 targets are up"
    data = json.loads(report["json"])
    assert data["ok"]
    kinds = [check["kind"] for check in data["checks"]]
    assert kinds == ["server", "target", "configuration", "rule", "rule", "alertmanager", "alertmanager", "version", "clock"]
    (suite,) = ET.fromstring(report["junit"])
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("p", "9", "0")


def test_the_latest_version_is_any() -> None:
    """Which one that is, nobody knows here."""
    fleet = model()
    fleet["hosts"]["a"]["versions"]["node_exporter"] = "latest"
    assert coverage_report(fleet, asked(), list(fleet["hosts"]))["problems"] == []


def test_of_two_rules_with_one_name_the_one_that_fails_is_told() -> None:
    """Severities share the name of an alert; whichever is loaded first."""
    broken = {**LOADED[0], "health": "err", "last_error": "many-to-many"}
    for rules in ([LOADED[0], broken, LOADED[1]], [broken, *LOADED]):
        answer = asked()
        _change(answer, "info", rules=rules)
        assert problems(answer) == ["p: the rule Down (group g of rules/prometheus.yml) fails: many-to-many"]


def test_targets_of_a_job_in_prometheus_own_form_are_in_the_inventory() -> None:
    """Whatever label they have as their job; a target of another job that has its label is in excess."""
    fleet = model()
    fleet["servers"]["prometheus"]["p"]["prometheus_extra_scrape_configs"] = [{"job_name": "own-adopted"}]
    answer = asked()
    own = active("own", job="own", pool="own-adopted")
    _change(answer, "targets", active=[active(pool="node"), own])
    assert coverage_report(fleet, answer, list(fleet["hosts"]))["problems"] == []
    _change(answer, "targets", active=[active(pool="node"), {**own, "pool": "own"}])
    (problem,) = coverage_report(fleet, answer, list(fleet["hosts"]))["problems"]
    assert problem == "own:9100 (job own) is extra: the inventory does not have this target"


def test_junit_is_xml_whatever_a_target_answers() -> None:
    """An error of a scrape may quote anything."""
    answer = asked()
    _change(answer, "targets", active=[active(health="down", last_error="bad byte \x00 <&>")])
    (failure,) = ET.fromstring(coverage_report(model(), answer, ["a", "p", "x", "y"])["junit"]).iter("failure")
    assert failure.get("message") == "a:9100 (job node) is down: bad byte ? <&>"


def _change(answer: dict[str, t.Any], kind: str, **values: t.Any) -> None:
    answer[kind][0].update(values)


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
            "p: what the inventory says is not in force (targets/node.json): run vigie.monitoring.site --tags targets",
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
            "a: node_exporter 1.9.0 runs, the inventory has 1.11.1",
        ),
        (
            "info",
            {"clocks": [{"host": "a", "instance": "a:9100", "offset": -90.2}]},
            "a: its clock is 90 s behind the one of p: look at its time synchronisation",
        ),
    ],
)
def test_each_difference_is_one_line(kind: str, values: dict[str, t.Any], problem: str) -> None:
    """It is a failure for machines, too."""
    answer = asked()
    _change(answer, kind, **values)
    report = coverage_report(model(), answer, ["a", "p", "x", "y"])
    assert report["problems"] == [problem]
    assert not json.loads(report["json"])["ok"]
    assert [failure.get("message") for failure in ET.fromstring(report["junit"]).iter("failure")] == [problem]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (None, "p: its Prometheus is not connected to the Alertmanager 192.0.2.4:9093 (y)"),
        ({"error": "refused", "peers": 0}, "p: its Prometheus cannot send alerts to y: refused"),
        ({"error": "", "peers": 1}, "y: its Alertmanager is in a cluster of 1, the inventory has 2"),
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
    _change(answer, "info", version="3.5.3+ds1", builds=builds)
    for row in answer["info"][0]["alertmanagers"]:
        row["version"] = "0.33.1"

    def versions(*hosts: str) -> list[str]:
        said = coverage_report(fleet, answer, hosts or list(fleet["hosts"]))["problems"]
        return [problem for problem in said if "runs, the inventory has" in problem]

    assert versions() == versions("p") == []
    _change(answer, "info", version="2.53.0")
    answer["info"][0]["alertmanagers"][1]["version"] = "0.28.0"
    assert versions() == [
        "p: prometheus 2.53.0 runs, the inventory has 3.5.3",
        "y: alertmanager 0.28.0 runs, the inventory has 0.33.1",
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
    _change(answer, "tree", changed=True, changed_files=["prometheus.yml"])
    _change(answer, "info", rules=[], alertmanagers=[])
    _change(answer, "targets", active=[active(), active("gone")])
    assert problems(answer, "a") == []
    _change(answer, "targets", active=[active(), active(instance="a:1", job="old")])
    assert problems(answer, "a") == ["a:1 (job old) is extra: the inventory does not have this target"]


def test_a_card_is_short() -> None:
    """Who it is, what of it is up, what is not and why, and what fires."""
    answer = asked()
    _change(answer, "targets", active=[active(), active(instance="a:1", job="old", health="down")])
    alert = {"name": "DiskFull", "host": "a", "severity": "critical", "since": 0.0, "summary": "/ is full", "labels": {}}
    _change(answer, "info", alerts=[alert, {**alert, "host": "b"}])
    assert coverage_report(model(), answer, ["a"], cards=True)["table"] == [
        "a  192.0.2.1  function=web",
        "✔ node             192.0.2.1:9100  node_exporter 1.11.1+ds1",
        "? old              192.0.2.1:9100  the inventory does not have this target",
        "! DiskFull fires (critical): / is full",
    ]
    assert coverage_report(model(), asked(), ["x"], cards=True)["table"] == [
        "x  192.0.2.3  function=web",
        "· nothing of it is scraped",
    ]


def test_of_a_large_fleet_only_what_is_not_up_is_shown() -> None:
    """With the number of all."""
    fleet, answer = model(), asked()
    for number in range(100):
        name = f"n{number}"
        fleet["hosts"][name] = host("192.0.2.9", endpoint("node", 9100, name))
        fleet["servers"]["prometheus"]["p"]["scrape_hosts"].append(name)
        answer["targets"][0]["active"].append(active(name, health="down" if number == 7 else "up", last_error="refused"))
    table = coverage_report(fleet, answer, list(fleet["hosts"]))["table"]
    assert [line.split()[0] for line in table] == ["Prometheus", "HOST", "n7", "100"]
    assert table[-1] == "100 of 101 targets are up"


def test_the_page_has_a_row_a_host_and_a_column_a_job() -> None:
    """What is not planned is a dot; several servers' words are one cell, the worst first."""
    fleet, answer = model(), asked()
    fleet["hosts"]["x"]["endpoints"] = [endpoint("alertmanager", 9093, "x")]
    fleet["hosts"]["a"]["labels"] = {"note": "a|b <script>"}
    second = copy.deepcopy(fleet["servers"]["prometheus"]["p"])
    fleet["servers"]["prometheus"]["q"] = {**second, "scrape_hosts": ["a"]}
    answer["targets"].append({"__prometheus_server": "q", "active": [active(health="down", last_error="refused")], "waiting": []})
    everywhere = {"name": "JobDown", "host": "", "severity": "", "since": 0.0, "summary": "", "labels": {}}
    disk = {**everywhere, "name": "DiskFull", "host": "a", "summary": "/ is full"}
    # The Watchdog fires while all is well.
    _change(answer, "info", alerts=[everywhere, disk, {**everywhere, "name": "Watchdog"}])
    _change(answer, "tree", changed_files=["prometheus.yml"])
    page = coverage_page.coverage_page(fleet, answer, list(fleet["hosts"]), now=0)
    assert page["markdown"].splitlines() == [
        "# Coverage",
        "",
        f"1970-01-01 00:00 UTC, as seen by p, q. {coverage_page.LEGEND}.",
        "",
        "- JobDown",
        f"- Difference from the inventory: {json.loads(page['json'])['problems'][0]}",
        "",
        "| server | alertmanager | node | labels | alerts |",
        "| --- | --- | --- | --- | --- |",
        r"| a | · | ✗ q: refused | note=a\|b \<script> | DiskFull: / is full |",
        "| p | · | · | function=web |  |",
        "| x | ! p: Prometheus does not know this target | · | function=web |  |",
        "| y | · | · | function=web |  |",
    ]
    assert "<" not in page["json"]
    data = json.loads(page["json"])
    assert [alert["name"] for alert in data["alerts"]] == ["JobDown"]
    assert data["hosts"][0]["labels"] == {"note": "a|b <script>"}
    assert data["hosts"][0]["cells"]["node"] == {"state": "down", "reason": "q: refused", "version": "1.11.1+ds1"}
