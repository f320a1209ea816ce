# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test the removal of a host, an exporter and a monitoring server. Each test restores what it has removed."""

from __future__ import annotations

import base64
import json
import typing as t

import pytest

SERVERS = ("mon1", "mon2")


def targets(scenario: t.Any, server: str = "mon1") -> set[str]:
    """Return job and instance of the targets that a Prometheus server reports as up."""
    up = [target["labels"] for target in scenario.targets(server) if target["health"] == "up"]
    return {f"{labels['job']} {labels['instance']}" for labels in up}


def silences(scenario: t.Any, server: str = "mon1") -> dict[str, str]:
    """Return the hosts of the active silences of an Alertmanager, by ID."""
    found = json.loads(scenario.ask(server, "alertmanager", "/api/v2/silences"))
    return {its["id"]: its["matchers"][0]["value"] for its in found if its["status"]["state"] == "active"}


def start(scenario: t.Any, *servers: str) -> None:
    """Start the Alertmanagers of *servers*, and wait until they answer."""
    for server in servers:
        scenario.on(server).check_output("systemctl start alertmanager")
    for server in servers:
        check = "for i in $(seq 60); do timeout 1 bash -c '</dev/tcp/localhost/9093' && exit; sleep 0.5; done; exit 1"
        scenario.on(server).check_output(check)


@pytest.fixture(autouse=True)
def no_silences(scenario: t.Any) -> None:
    """Expire the silences of an earlier test."""
    for silence in silences(scenario):
        scenario.ask("mon1", "alertmanager", f"/api/v2/silence/{silence}", method="DELETE")
    scenario.wait(lambda: not any(silences(scenario, server) for server in SERVERS))


def is_open(scenario: t.Any, asking: str, host: str, port: int) -> bool:
    """Return whether *asking* can connect to a port of *host*."""
    address = scenario.var(host, "ansible_host")
    return scenario.on(asking).run(f"timeout 3 bash -c '</dev/tcp/{address}/{port}'").rc == 0


def status(scenario: t.Any, asking: str, url: str, login: str = "") -> str:
    """Return the HTTP status that the host *asking* gets from *url*, or an empty text if the connection ends without a status."""
    program = (
        "import ssl, sys, urllib.error, urllib.request as u\n"
        "request = u.Request(sys.argv[1], headers={'Authorization': 'Basic ' + sys.argv[2]} if sys.argv[2] else {})\n"
        "try:\n"
        "    print(u.urlopen(request, timeout=5, context=ssl._create_unverified_context()).status)\n"
        "except urllib.error.HTTPError as error:\n"
        "    print(error.code)\n"
        "except OSError:\n"
        "    pass\n"
    )
    return scenario.on(asking).check_output("python3 -c %s %s %s", program, url, login)


# -- TLS and a password --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asking", "host", "port"), [("mon1", "web1", 9100), ("mon2", "mon1", 9090), ("mon2", "mon1", 9093)])
def test_a_page_needs_the_password_tls_and_the_right_address(scenario: t.Any, asking: str, host: str, port: int) -> None:
    """Prometheus' host gets the page with the password alone. A host that does not scrape gets no connection."""
    web = scenario.web(host, "prometheus")
    login, wrong = (base64.b64encode(f"{web['username']}:{word}".encode()).decode() for word in (web["password"], "wrong"))
    page = f"://{scenario.var(host, 'ansible_host')}:{port}/metrics"
    assert status(scenario, asking, f"https{page}", login) == "200"
    assert status(scenario, asking, f"https{page}") == "401"
    assert status(scenario, asking, f"https{page}", wrong) == "401"
    # Go's server answers a plain request to a TLS port with 400, or closes the connection.
    assert status(scenario, asking, f"http{page}", login) in ("400", "")
    assert not is_open(scenario, "web2", host, port)


def test_everything_asks_by_tls_with_the_password(scenario: t.Any) -> None:
    """The scrapes, the alerts, and the traffic between the Alertmanagers."""
    up = {"prometheus mon1:9090", "prometheus mon2:9090", "alertmanager mon1:9093", "alertmanager mon2:9093"}
    up |= {"node web1:9100", "node web2:9100"}
    scenario.wait(lambda: targets(scenario) == up, lambda: targets(scenario))
    urls = [target["scrapeUrl"] for target in scenario.targets("mon1")]
    urls += [item["url"] for item in scenario.prometheus("alertmanagers", "mon1")["activeAlertmanagers"]]
    assert {url.partition("://")[0] for url in urls} == {"https"}

    def cluster() -> tuple[str, int]:
        found = json.loads(scenario.ask("mon1", "alertmanager", "/api/v2/status"))["cluster"]
        return found["status"], len(found["peers"])

    scenario.wait(lambda: cluster() == ("ready", 2), cluster)
    assert "--cluster.tls-config=" in scenario.on("mon1").check_output("systemctl cat alertmanager")


# -- a host --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("web", "Variable host, value 'web': this is a group."),
        ("we*", "Variable host, value 'we*': this is a host pattern."),
        ("mon1", "Variable host, value 'mon1': this host is a Prometheus server of the inventory."),
        (
            "wbe1",
            "no Prometheus server has series with the label host='wbe1'. Did you mean 'web1'?",
        ),
    ],
)
def test_offboard_takes_one_host(scenario: t.Any, host: str, message: str) -> None:
    """Groups, patterns, monitoring servers and typing errors fail with one clear message, and nothing changes."""
    play = scenario.play("offboard.yml", host=host)
    assert play.rc != 0
    assert message in " ".join(play.output.split())
    assert play.changed == []
    assert silences(scenario) == {}
    assert scenario.on("web1").service("node_exporter").is_running


def test_a_host_has_one_silence_until_it_is_deployed_again(scenario: t.Any) -> None:
    """The cluster of Alertmanagers has one silence, also if one Alertmanager is down."""
    mon1 = scenario.on("mon1")
    mon1.check_output("systemctl stop alertmanager")
    try:
        play = scenario.play("offboard.yml", host="web2")
        assert play.rc == 0, play.output
        assert play.changed[0].endswith(": Silence the host")
        assert not scenario.on("web2").service("node_exporter").is_running
    finally:
        start(scenario, "mon1")
    scenario.wait(lambda: list(silences(scenario).values()) == ["web2"], lambda: silences(scenario))
    assert silences(scenario, "mon2") == silences(scenario)
    assert scenario.play("offboard.yml", host="web2").changed == []
    # A run for another host expires no silence.
    play = scenario.play("site.yml", "--limit", "web1")
    assert (play.rc, play.changed) == (0, ["web1: Refresh targets, rules and configuration of the Prometheus servers"])
    assert list(silences(scenario).values()) == ["web2"]
    play = scenario.play("site.yml", "--limit", "web2", "--check")
    assert play.rc == 0, play.output
    assert list(silences(scenario).values()) == ["web2"]
    play = scenario.play("site.yml", "--limit", "web2")
    assert play.rc == 0, play.output
    scenario.wait(lambda: not any(silences(scenario, server) for server in SERVERS))
    again = scenario.play("site.yml", "--limit", "web2")
    assert (again.rc, again.changed) == (0, [])


def test_without_any_alertmanager_the_host_stays(scenario: t.Any) -> None:
    """The run fails with one message, because no Alertmanager can silence the host."""
    for server in SERVERS:
        scenario.on(server).check_output("systemctl stop alertmanager")
    try:
        play = scenario.play("offboard.yml", host="web2")
    finally:
        start(scenario, *SERVERS)
    assert play.rc != 0
    output = " ".join(play.output.split())
    assert "Host web2: the alerts of the host cannot be silenced, because no Alertmanager answers. Answers: mon1: " in output
    assert play.changed == []
    scenario.wait(lambda: all(silences(scenario, server) == {} for server in SERVERS))


def test_a_host_that_only_prometheus_knows_is_taken_out(scenario: t.Any, edited: t.Any) -> None:
    """The host is not in the inventory, but Prometheus has series of it."""

    def change(groups: dict[str, t.Any]) -> None:
        del groups["web"]["hosts"]["web2"]

    play = scenario.play("offboard.yml", inventory=edited(change), host="web2")
    assert play.rc == 0, play.output
    scenario.wait(lambda: "node web2:9100" not in targets(scenario), lambda: targets(scenario))
    assert list(silences(scenario).values()) == ["web2"]
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output
    scenario.wait(lambda: not silences(scenario))


# -- an exporter ---------------------------------------------------------------------------------------------------------


def leave(*hosts: str) -> t.Callable[[dict[str, t.Any]], None]:
    """Return a change of the inventory: *hosts* leave the groups of their exporters, and a host is unreachable."""

    def change(groups: dict[str, t.Any]) -> None:
        groups["others"] = {"hosts": {host: groups["web"]["hosts"].pop(host) for host in hosts}}
        groups["others"]["hosts"]["stranger"] = {"ansible_host": "198.18.9.99"}

    return change


def test_a_port_stays_closed_until_its_service_is_gone(scenario: t.Any, edited: t.Any) -> None:
    """A host leaves the group of its only exporter. The firewall opens nothing, and the next run removes the exporter."""
    web1 = scenario.on("web1")
    assert is_open(scenario, "mon1", "web1", 9100)
    assert not is_open(scenario, "web2", "web1", 9100)
    inventory = edited(leave("web1"))
    for _run in range(2):
        play = scenario.play("site.yml", "--tags", "firewall", inventory=inventory)
        assert play.rc == 0, play.output
        assert web1.service("node_exporter").is_running
        assert not is_open(scenario, "web2", "web1", 9100)
    assert play.changed == []
    play = scenario.play("site.yml", "--check", "--diff", inventory=inventory)
    assert play.rc == 0, play.output
    assert "web1: Deploy the release, its unit and its configuration" in play.changed
    play = scenario.play("site.yml", inventory=inventory)
    assert play.rc == 0, play.output
    assert not web1.service("node_exporter").is_running
    assert not web1.file("/opt/vigie").exists
    assert "VIGIE" not in web1.check_output("iptables-save")
    assert play.remote("stranger") == []
    again = scenario.play("site.yml", inventory=inventory)
    assert (again.rc, again.changed) == (0, [])
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output


def test_an_exporter_goes_where_there_is_no_firewall(scenario: t.Any, edited: t.Any) -> None:
    """Also with a limit, with the tag, and after Prometheus has removed the target."""
    inventory = edited(leave("web2"))
    play = scenario.play("site.yml", "--limit", "web1", inventory=inventory)
    assert play.rc == 0, play.output
    assert scenario.on("web2").service("node_exporter").is_running
    scenario.wait(lambda: "node web2:9100" not in targets(scenario), lambda: targets(scenario))
    play = scenario.play("site.yml", "--tags", "cleanup", "--limit", "web2,stranger", inventory=inventory)
    assert (play.rc, play.changed) == (0, ["web2: Deploy the release, its unit and its configuration"])
    assert not scenario.on("web2").service("node_exporter").is_running
    assert play.remote("stranger") == []
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output


# -- a server ------------------------------------------------------------------------------------------------------------


def test_a_server_that_is_retired_is_asked_by_nobody(scenario: t.Any, edited: t.Any) -> None:
    """The run removes its programs and keeps its data.

    Targets, alerting, firewall and verification exclude the server in the same run.
    """

    def change(groups: dict[str, t.Any]) -> None:
        groups["prometheus"]["hosts"]["mon2"].update(prometheus_state="absent", alertmanager_state="absent")

    inventory = edited(change)
    play = scenario.play("site.yml", inventory=inventory)
    assert play.rc == 0, play.output
    mon2 = scenario.on("mon2")
    for name in ("prometheus", "alertmanager"):
        assert not mon2.service(name).is_running
        assert not mon2.file(f"/etc/systemd/system/{name}.service").exists
    assert mon2.file("/var/lib/prometheus").is_directory
    scenario.wait(
        lambda: targets(scenario) == {"prometheus mon1:9090", "alertmanager mon1:9093", "node web1:9100", "node web2:9100"},
        lambda: targets(scenario),
    )
    found = scenario.prometheus("alertmanagers", "mon1")["activeAlertmanagers"]
    assert [item["url"].split("/")[2] for item in found] == [f"{scenario.var('mon1', 'ansible_host')}:9093"]
    assert not is_open(scenario, "mon2", "web1", 9100)
    again = scenario.play("site.yml", inventory=inventory)
    assert (again.rc, again.changed) == (0, [])
    assert scenario.play("verify.yml", inventory=inventory).rc == 0
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output
    assert scenario.play("verify.yml").rc == 0
