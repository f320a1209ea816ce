# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a fleet as tables, cards, JSON and JUnit."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from answers import active, asked, change, endpoint, host, model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.verification import verification_report


def test_junit_is_xml_whatever_a_target_answers() -> None:
    """An error of a scrape may quote anything."""
    answer = asked()
    change(answer, "targets", active=[active(health="down", last_error="bad byte \x00 <&>")])
    (failure,) = ET.fromstring(verification_report(model(), answer, ["a", "p", "x", "y"])["junit"]).iter("failure")
    assert failure.get("message") == "a:9100 (job node) is down: bad byte ? <&>"


def test_a_card_is_short() -> None:
    """Who it is, what of it is up, what is not and why, and what fires."""
    answer = asked()
    change(answer, "targets", active=[active(), active(instance="a:1", job="old", health="down")])
    alert = {"name": "DiskFull", "host": "a", "severity": "critical", "since": 0.0, "summary": "/ is full", "labels": {}}
    change(answer, "info", alerts=[alert, {**alert, "host": "b"}])
    assert verification_report(model(), answer, ["a"], cards=True)["table"] == [
        "a  192.0.2.1  function=web",
        "✔ node             192.0.2.1:9100  node_exporter 1.11.1+ds1",
        "? old              192.0.2.1:9100  the inventory does not have this target",
        "! DiskFull fires (critical): / is full",
    ]
    assert verification_report(model(), asked(), ["x"], cards=True)["table"] == [
        "x  192.0.2.3  function=web",
        "· no Prometheus server scrapes this host",
    ]


def test_of_a_large_fleet_only_what_is_not_up_is_shown() -> None:
    """With the number of all."""
    fleet, answer = model(), asked()
    for number in range(100):
        name = f"n{number}"
        fleet["hosts"][name] = host("192.0.2.9", endpoint("node", 9100, name))
        fleet["servers"]["prometheus"]["p"]["scrape_hosts"].append(name)
        answer["targets"][0]["active"].append(active(name, health="down" if number == 7 else "up", last_error="refused"))
    table = verification_report(fleet, answer, list(fleet["hosts"]))["table"]
    assert [line.split()[0] for line in table] == ["Prometheus", "HOST", "n7", "100"]
    assert table[-1] == "100 of 101 targets are up"


def test_the_targets_with_the_most_series_follow_the_table() -> None:
    """The largest first, the numbers below each other; a card has none, and an old answer neither."""
    answer = asked()
    rows = [
        {"host": "a", "job": "app", "instance": "a:80", "series": 200000},
        {"host": "p", "job": "node", "instance": "p:9100", "series": 5},
    ]
    change(answer, "info", largest=rows)
    table = verification_report(model(), answer, ["a", "p", "x", "y"])["table"]
    assert table[-3:] == ["targets with the most series:", "200000  a:80 (job app)", "     5  p:9100 (job node)"]
    assert "200000" not in str(verification_report(model(), answer, ["a"], cards=True)["table"])
    change(answer, "info", largest=[])
    assert verification_report(model(), answer, ["a", "p", "x", "y"])["table"] == table[:-3]


def test_replicas_count_a_target_once() -> None:
    """A target that one of them misses is one problem, which names this replica; so does the card of the host."""
    fleet, answers = model(), asked()
    pair = {"p": fleet["servers"]["prometheus"]["p"], "q": {**fleet["servers"]["prometheus"]["p"]}}
    for settings in pair.values():
        settings["replicas"] = ["p", "q"]
    fleet["servers"]["prometheus"] = pair
    alert = {"name": "Down", "host": "a", "severity": "critical", "summary": "a is down", "labels": {}}
    answers["info"][0]["alerts"] = [alert]
    for kind in ("targets", "info", "tree"):
        answers[kind] = [*answers[kind], {**answers[kind][0], "__prometheus_server": "q"}]
    report = verification_report(fleet, answers, ["a", "p", "x", "y"])
    assert report["problems"] == []
    assert report["table"].count("Prometheus on p, q:") == 1
    assert report["table"][-1] == "1 of 1 targets are up"
    (check,) = [check for check in json.loads(report["json"])["checks"] if check["kind"] == "target"]
    assert check["server"] == "p, q"
    answers["targets"][1] = {**answers["targets"][1], "active": [active(health="down", last_error="timed out")]}
    report = verification_report(fleet, answers, ["a", "p", "x", "y"])
    assert report["problems"] == ["a:9100 (job node) is down on q: timed out"]
    card = verification_report(fleet, answers, ["a"], cards=True)["table"]
    assert [line for line in card if "node" in line] == ["✗ node             192.0.2.1:9100  q: timed out"]
    assert [line for line in card if "fires" in line] == ["! Down fires (critical): a is down"]
    answers["targets"] = [{**result, "active": []} for result in answers["targets"]]
    (problem,) = verification_report(fleet, answers, ["a", "p", "x", "y"])["problems"]
    assert problem.startswith("a:9100 (job node) is missing on p, q: ")
