# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two Prometheus servers, two VictoriaMetrics and a vmauth in front of them. The tests share a fleet, and run in any order.

All programs are real. mon1 and mon2 scrape the same targets every two seconds; mon1 alone scrapes the job ``counted``.
"""

from __future__ import annotations

import json
import socket
import time
import typing as t
from urllib.parse import quote

import pytest

STORES = ("store1", "store2")
COUNTED, SHARED = 'up{job="counted"}', 'up{job="node",instance="store1:9100"}'
# A program for the hosts that prints the status of an answer, 0 for none: URL, password or an empty text, body of a POST or an
# empty text.
STATUS = """
import base64, ssl, sys, urllib.error, urllib.request
url, password, body = sys.argv[1:]
login = base64.b64encode(f"prometheus:{password}".encode()).decode()
headers = {"Authorization": f"Basic {login}"} if password else {}
request = urllib.request.Request(url, data=body.encode() or None, headers=headers)
try:
    print(urllib.request.urlopen(request, timeout=3, context=ssl._create_unverified_context()).status)
except urllib.error.HTTPError as error:
    print(error.code)
except OSError:
    print(0)
"""
FILE = "/etc/vigie/victoria_metrics.password"


def query(scenario: t.Any, host: str, role: str, expression: str) -> list[dict[str, t.Any]]:
    """Return the result of an instant query, which includes the newest samples."""
    path = f"/api/v1/query?latency_offset=1ms&nocache=1&query={quote(expression)}"
    return json.loads(scenario.ask(host, role, path))["data"]["result"]


def samples(scenario: t.Any, host: str, role: str, series: str, seconds: float) -> list[int]:
    """Return the times of the samples of the last *seconds*, in tenths of a second."""
    result = query(scenario, host, role, f"{series}[{int(seconds)}s]")
    return sorted(round(float(stamp) * 10) for (stamp, _value) in result[0]["values"]) if result else []


def age(scenario: t.Any, host: str, role: str, series: str = COUNTED) -> float:
    """Return how many seconds old the newest sample is."""
    result = query(scenario, host, role, f"timestamp({series})")
    return time.time() - float(result[0]["value"][1]) if result else float("inf")


def started(scenario: t.Any, *hosts: str) -> None:
    """Start the stores on *hosts*, and wait until they have the newest samples."""
    for host in hosts:
        scenario.on(host).check_output("systemctl start victoria_metrics")
    for host in hosts:
        scenario.wait(lambda host=host: answers(scenario, host) and age(scenario, host, "victoria_metrics") < 10)


def status(scenario: t.Any, host: str, url: str, password: str = "", body: str = "") -> int:
    """Return the status of the answer of *url* to a request from *host*; 0 if nothing answers."""
    return int(scenario.on(host).check_output("python3 -c %s %s %s %s", STATUS, url, password, body))


def answers(scenario: t.Any, host: str) -> bool:
    """Return whether the store on *host* answers."""
    return status(scenario, host, "https://localhost:8428/health") == 200


def test_verify_reads_a_sample_back_from_each_store(scenario: t.Any, tmp_path: t.Any) -> None:
    """For each server, also through vmauth; and the stores remove duplicates."""
    play = scenario.play("verify.yml", verify_json=str(tmp_path / "verify.json"))
    assert play.rc == 0, play.output
    checks = [check for check in json.loads((tmp_path / "verify.json").read_text())["checks"] if check["kind"] == "store"]
    named = {(check["server"], check["name"]) for check in checks}
    for server in ("mon1", "mon2", "edge1", "store2"):
        for store in STORES:
            assert {(server, f"{what} in VictoriaMetrics on {store}") for what in ("samples", "duplicates")} <= named
        assert (server, "samples in vmauth on mon2") in named
    every = [check for check in json.loads((tmp_path / "verify.json").read_text())["checks"] if check["server"] == "store1"]
    assert {check["kind"] for check in every} == {"vmalert", "rule", "alertmanager"}


def test_a_pair_is_stored_once(scenario: t.Any) -> None:
    """Both servers write the series, and each store keeps one sample of two seconds."""
    for server in ("mon1", "mon2"):
        scenario.wait(lambda server=server: len(samples(scenario, server, "prometheus", SHARED, 20)) >= 7)
    for store in STORES:
        scenario.wait(lambda store=store: 7 <= len(samples(scenario, store, "victoria_metrics", SHARED, 20)) <= 11)


def test_a_wrong_password_is_reported_with_server_and_store(scenario: t.Any) -> None:
    """In place of a queue that grows without an error."""
    machine = scenario.on("store2")
    before = machine.check_output(f"cat {FILE}")
    machine.check_output(f"echo wrong > {FILE} && systemctl restart victoria_metrics")
    scenario.wait(lambda: answers(scenario, "store2"))
    play = scenario.play("verify.yml")
    machine.check_output(f"printf %s '{before}' > {FILE} && systemctl restart victoria_metrics")
    scenario.wait(lambda: answers(scenario, "store2"))
    assert play.rc != 0
    for server in ("mon1", "mon2"):
        assert f"{server}: VictoriaMetrics on store2 refuses the password of {server}." in " ".join(play.output.split())
    assert "on store1 refuses" not in play.output
    started(scenario, *STORES)


def test_a_killed_store_catches_up_and_queries_go_on(scenario: t.Any) -> None:
    """store1 is the store that vmauth asks first. Afterwards no store lacks a sample of the outage."""
    started(scenario, *STORES)
    kill = "date +%s.%N; systemctl kill --signal=KILL victoria_metrics; systemctl stop victoria_metrics"
    killed = float(scenario.on("store1").check_output(kill))
    try:
        # Each query is answered, and after some seconds with samples of the outage.
        scenario.wait(lambda: age(scenario, "mon2", "vmauth") < time.time() - killed - 8)
    finally:
        started(scenario, "store1")
    began, ended = 10 * killed, 10 * time.time()
    of_server = samples(scenario, "mon1", "prometheus", COUNTED, time.time() - killed + 10)
    expected = [stamp for stamp in of_server if began <= stamp <= ended]
    assert len(expected) >= 3
    missing: dict[str, list[int]] = {}

    def complete() -> bool:
        for store in STORES:
            found = samples(scenario, store, "victoria_metrics", COUNTED, time.time() - killed + 10)
            missing[store] = sorted({*expected} - {*found})
        return not any(missing.values())

    scenario.wait(complete, lambda: f"{len(expected)} samples, missing: {missing}, killed at {began}")


def test_the_gap_of_a_server_is_filled_by_its_replica(scenario: t.Any) -> None:
    """Asked through vmauth, the series has no gap, although mon1 was down."""
    machine = scenario.on("mon1")
    began = time.time()
    machine.check_output("systemctl stop prometheus && sleep 12 && systemctl start prometheus")
    password = scenario.web("mon1", "prometheus")["password"]
    scenario.wait(lambda: status(scenario, "mon1", "https://localhost:9090/-/ready", password) == 200)
    scenario.wait(lambda: age(scenario, "mon1", "prometheus", SHARED) < 4)
    window = time.time() - began + 4

    def longest(host: str, role: str) -> float:
        found = samples(scenario, host, role, SHARED, window)
        return max((later - earlier) / 10 for earlier, later in zip(found, found[1:]))

    assert longest("mon1", "prometheus") >= 10
    # A busy machine may be late with a scrape.
    scenario.wait(lambda: longest("mon2", "vmauth") <= 7, lambda: longest("mon2", "vmauth"))


def test_an_agent_keeps_nothing_and_its_samples_are_in_every_store(scenario: t.Any, tmp_path: t.Any) -> None:
    """Of the agent, and of the vmagent that is its replica. Both answer no query. A store has the version of their exporter."""
    for store in STORES:
        for job in ("of_edge1", "of_store2"):
            series = f'up{{job="{job}"}}'
            scenario.wait(lambda store=store, series=series: age(scenario, store, "victoria_metrics", series) < 10)
    password = scenario.web("edge1", "prometheus")["password"]
    assert status(scenario, "edge1", "https://localhost:9090/api/v1/query?query=up", password) == 422
    assert status(scenario, "store2", "https://localhost:8429/api/v1/query?query=up", password) == 400
    assert "--storage.tsdb" not in scenario.on("edge1").check_output("cat /etc/systemd/system/prometheus.service")
    play = scenario.play("verify.yml", verify_json=str(tmp_path / "verify.json"))
    assert play.rc == 0, play.output
    every = json.loads((tmp_path / "verify.json").read_text())["checks"]
    for server in ("edge1", "store2"):
        checks = [check for check in every if check["server"] == server]
        assert {check["kind"] for check in checks} == {"server", "configuration", "version", "clock", "store"}
        assert "node_exporter of edge1:9100" in {check["name"] for check in checks}
    targets = {check["name"] for check in every if check["server"] == "edge1, store2"}
    assert "edge1:9100 (job node)" in targets


def test_vmalert_evaluates_the_alerts_of_the_agents_hosts(scenario: t.Any) -> None:
    """With the samples in its store, which gets the series of its recording rules, too. The alert arrives at the Alertmanager."""

    def received() -> bool:
        alerts = json.loads(scenario.ask("mon2", "alertmanager", "/api/v2/alerts"))
        return any(alert["labels"]["alertname"] == "EdgeIsUp" and alert["labels"]["host"] == "edge1" for alert in alerts)

    scenario.wait(received)
    scenario.wait(lambda: query(scenario, "store1", "victoria_metrics", 'host:up:max{host="edge1"}') != [])


def test_vmauth_forwards_queries_only(scenario: t.Any) -> None:
    """A write would reach one store only. Nobody gets through without the password."""
    url, password = "https://localhost:8427/api/v1", scenario.web("mon2", "vmauth")["password"]
    assert status(scenario, "mon2", f"{url}/query?query=up") == 401
    assert status(scenario, "mon2", f"{url}/query?query=up", password) == 200
    assert status(scenario, "mon2", f"{url}/import/prometheus", password, "stray 1") == 400
    for store in STORES:
        assert query(scenario, store, "victoria_metrics", "stray") == []


def test_only_the_clients_of_a_store_reach_it(scenario: t.Any) -> None:
    """store1 has the role firewall: servers, agents and vmauth connect. The machine that runs the containers does not."""
    url, hosts = "https://198.18.12.12:8428/health", ("mon1", "mon2", "edge1", "store2")
    assert {host: status(scenario, host, url) for host in hosts} == dict.fromkeys(hosts, 200)
    with pytest.raises((ConnectionError, TimeoutError)):
        socket.create_connection(("198.18.12.12", 8428), timeout=3).close()


def test_secrets_stay_secret(scenario: t.Any) -> None:
    """Neither the journals nor the command lines have the password."""
    password = scenario.web("store1", "victoria_metrics")["password"]
    for host in ("store1", "mon2"):
        machine = scenario.on(host)
        assert password not in machine.check_output("journalctl --no-pager -u victoria_metrics -u vmauth; ps -ef")


@pytest.mark.parametrize(("host", "service"), [("store1", "victoria_metrics"), ("mon2", "vmauth")])
def test_the_services_are_confined(scenario: t.Any, host: str, service: str) -> None:
    """They run as a user of their own, and with the sandbox of all services."""
    shown = scenario.on(host).check_output(f"systemctl show {service} --property User,NoNewPrivileges,ProtectSystem")
    assert "NoNewPrivileges=yes" in shown
    assert "ProtectSystem=strict" in shown
    assert "User=root" not in shown
