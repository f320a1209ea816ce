# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test shards, replicas and the global server. The tests run in any order; those with the fixture torn change the fleet."""

from __future__ import annotations

import collections
import json
import time
import typing as t
from pathlib import Path

import pytest

SERVERS = ("p1", "p2", "p3", "p4")
MONITORED = (*SERVERS, "watch", "spare1", "app1")
INTERVAL = 2


def scraped(scenario: t.Any, server: str) -> set[tuple[str, str]]:
    """Return job and instance of the targets that a server reports as up."""
    up = [target["labels"] for target in scenario.targets(server) if target["health"] == "up"]
    return {(labels["job"], labels["instance"]) for labels in up}


def shards_of(scenario: t.Any, servers: t.Iterable[str] = SERVERS) -> dict[str, set[str]]:
    """Return the hosts that each server scrapes."""
    return {
        server: {target["labels"]["host"] for target in scenario.targets(server) if target["labels"]["job"] == "node"}
        for server in servers
    }


def is_open(scenario: t.Any, asking: str, host: str, port: int) -> bool:
    """Return whether *asking* can connect to a port of *host*."""
    address = scenario.var(host, "ansible_host")
    return scenario.on(asking).run(f"timeout 3 bash -c '</dev/tcp/{address}/{port}'").rc == 0


def start(scenario: t.Any, server: str) -> None:
    """Start the Prometheus on *server*, and wait until it answers."""
    scenario.on(server).check_output("systemctl start prometheus")
    program = "import urllib.request as u; u.urlopen('http://localhost:9090/-/ready')"
    scenario.wait(lambda: scenario.on(server).run("python3 -c %s", program).rc == 0)


def firing(scenario: t.Any, server: str, name: str) -> list[dict[str, str]]:
    """Return the labels of the firing alerts of a server with this name."""
    found = scenario.prometheus("alerts", server)["alerts"]
    return [alert["labels"] for alert in found if alert["labels"]["alertname"] == name and alert["state"] == "firing"]


def test_every_target_is_scraped_by_two_servers(scenario: t.Any) -> None:
    """These are the replicas of one shard, also for probes. The firewall of each host accepts its own shard alone."""
    counts = collections.Counter(target for server in SERVERS for target in scraped(scenario, server))
    instances = {f"{host}:9100" for host in MONITORED} | {f"{host}:9090" for host in (*SERVERS, "watch")}
    instances |= {"watch:9093", "watch:9115"} | {f"{scenario.var(host, 'ansible_host')}:22" for host in ("spare1", "app1")}
    assert {instance for _job, instance in counts} == instances
    assert set(counts.values()) == {2}
    shards = shards_of(scenario)
    assert shards["p1"] == shards["p2"] == {"p3", "p4", "spare1"}
    assert shards["p3"] == shards["p4"] == {"p1", "p2", "watch", "app1"}
    for host, own, other in (("spare1", "p1", "p3"), ("app1", "p4", "p2")):
        assert is_open(scenario, own, host, 9100)
        assert not is_open(scenario, other, host, 9100)


def test_the_global_server_has_the_recorded_series_alone(scenario: t.Any) -> None:
    """From every server, with its shard. It scrapes no host, and counts the hosts of all shards."""
    scenario.wait(lambda: len(scenario.query("fleet:hosts:count", "watch")) == 1)
    (count,) = scenario.query("fleet:hosts:count", "watch")
    assert count["value"][1] == str(len(MONITORED))
    assert {target["labels"]["server"] for target in scenario.targets("watch")} == set(SERVERS)
    names = {row["metric"]["__name__"] for row in scenario.query('{__name__=~"[^:]+", job!="federate"}', "watch")}
    assert not {name for name in names if name.startswith(("node_", "prometheus_"))}, names
    rows = scenario.query('host:up:max{host="app1"}', "watch")
    assert {(row["metric"]["shard"], row["metric"]["server"], row["metric"]["replica"]) for row in rows} == {
        ("2", "p3", "p3"),
        ("2", "p4", "p4"),
    }


def test_a_replica_dies_while_an_alert_fires(scenario: t.Any, inbox: t.Any) -> None:
    """The contact gets one notification when the alert starts, and one when it ends: none from the other replica."""
    inbox.alerts.clear()
    scenario.on("app1").check_output("systemctl stop node_exporter")
    inbox.wait(60, "firing", "NodeExporterDown", host="app1")
    scenario.on("p3").check_output("systemctl kill --signal KILL prometheus; systemctl stop prometheus")
    # Alertmanager would resolve the alert of a server that is gone after four evaluations.
    time.sleep(30)
    assert len(inbox.of("firing", "NodeExporterDown")) == 1
    assert inbox.of("resolved", "NodeExporterDown") == []
    scenario.on("app1").check_output("systemctl start node_exporter")
    inbox.wait(60, "resolved", "NodeExporterDown", host="app1")
    start(scenario, "p3")
    scenario.wait(lambda: len(scraped(scenario, "p3")) == len(scraped(scenario, "p4")))
    time.sleep(10)
    (firing_alert,), (resolved,) = inbox.of("firing", "NodeExporterDown"), inbox.of("resolved", "NodeExporterDown")
    assert firing_alert == resolved
    assert "replica" not in firing_alert


def test_the_hosts_of_a_shard_without_servers_are_named(scenario: t.Any, inbox: t.Any) -> None:
    """By the global server, and only those: the hosts of the other shard are watched."""
    inbox.alerts.clear()
    unwatched = {"p3", "p4", "spare1"}
    for server in ("p1", "p2"):
        scenario.on(server).check_output("systemctl stop prometheus")
    try:
        for host in unwatched:
            inbox.wait(120, "firing", "HostUnwatched", host=host, shard="1")
        inbox.wait(10, "firing", "ShardDown", shard="1")
        assert {labels["host"] for labels in firing(scenario, "watch", "HostUnwatched")} == unwatched
    finally:
        for server in ("p1", "p2"):
            start(scenario, server)
    for host in unwatched:
        inbox.wait(60, "resolved", "HostUnwatched", host=host)
    inbox.wait(10, "resolved", "ShardDown", shard="1")
    assert {labels["host"] for labels in inbox.of("firing", "HostUnwatched")} == unwatched


def test_verify_counts_a_target_once_and_names_the_replica(scenario: t.Any, tmp_path: Path) -> None:
    """A target that one replica alone misses is one problem, which names this replica."""
    play = scenario.play("verify.yml", verify_json=str(tmp_path / "whole.json"))
    assert play.rc == 0, play.output
    checks = json.loads((tmp_path / "whole.json").read_text())["checks"]
    targets = [check["name"] for check in checks if check["kind"] == "target" and check["server"] != "watch"]
    assert len(targets) == len(set(targets))
    assert "app1:9100 (job node)" in targets
    rule = "INPUT -s {} -p tcp --dport 9100 -j REJECT --reject-with tcp-reset".format(scenario.var("p3", "ansible_host"))
    scenario.on("app1").check_output(f"iptables -I {rule}")
    try:
        scenario.wait(lambda: ("node", "app1:9100") not in scraped(scenario, "p3"))
        play = scenario.play("verify.yml", "--limit", "app1", verify_json=str(tmp_path / "one.json"))
    finally:
        scenario.on("app1").check_output(f"iptables -D {rule}")
    assert play.rc != 0
    problems = [check["problem"] for check in json.loads((tmp_path / "one.json").read_text())["checks"] if check["problem"]]
    assert len(problems) == 1, problems
    assert problems[0].startswith("app1:9100 (job node) is down on p3: ")
    # The other shard is not asked.
    assert play.remote("p1") == play.remote("p2") == []


def add_newcomer(groups: dict[str, t.Any]) -> None:
    """Add the host that is not monitored so far."""
    groups["apps"]["hosts"]["newcomer"] = groups.pop("later")["hosts"]["newcomer"]


@pytest.mark.usefixtures("torn")
def test_a_new_host_changes_its_shard_alone(scenario: t.Any, edited: t.Any) -> None:
    """The servers of the other shard and the global server get no call at all."""
    play = scenario.play("site.yml", "--limit", "newcomer", inventory=edited(add_newcomer))
    assert play.rc == 0, play.output
    calls = {server: play.remote(server) for server in (*SERVERS, "watch")}
    print(calls)
    assert calls["p1"] == calls["p2"] == []
    # The Alertmanager.
    assert calls["watch"] == ["uri"]
    assert calls["p3"] == calls["p4"]
    # The files are validated on both servers before they are put in place on both. Another test can have added the target.
    assert calls["p3"] in (["shell", *["config_tree"] * number, "targets_up"] for number in (1, 2))
    for server in ("p3", "p4"):
        assert ("node", "newcomer:9100") in scraped(scenario, server)


def third_shard(groups: dict[str, t.Any]) -> None:
    """Make two hosts the servers of a third shard."""
    groups["shards"]["vars"]["prometheus_shards"] = 3
    groups["shards"]["hosts"].update({host: {"prometheus_shard": 3} for host in ("spare1", "app1")})


def samples(scenario: t.Any, host: str, servers: t.Iterable[str], seconds: int) -> list[tuple[float, float]]:
    """Return time and value of the samples of a host's series up, from all *servers*."""
    found: list[tuple[float, float]] = []
    for server in servers:
        for row in scenario.query(f'up{{job="node",host="{host}"}}[{seconds}s]', server):
            found += [(at, float(value)) for at, value in row["values"]]
    return sorted(found)


@pytest.mark.usefixtures("torn")
def test_hosts_move_to_a_new_shard_without_a_gap(scenario: t.Any, edited: t.Any) -> None:
    """No host is without a sample for two scrape intervals, and no server reports a host as down that it has just got."""
    servers = (*SERVERS, "spare1", "app1")
    before = {host: {server for server, hosts in shards_of(scenario).items() if host in hosts} for host in MONITORED}
    began = time.time()
    inventory = edited(third_shard)
    play = scenario.play("site.yml", inventory=inventory)
    assert play.rc == 0, play.output
    time.sleep(2 * INTERVAL)
    seconds = int(time.time() - began)
    shards = shards_of(scenario, servers)
    after = {host: {server for server, hosts in shards.items() if host in hosts} for host in MONITORED}
    moved = {host for host in MONITORED if before[host] != after[host]}
    assert moved == {"p3", "p4", "app1"}
    assert after["p3"] == after["p4"] == {"spare1", "app1"}
    assert after["app1"] == {"p1", "p2"}
    for host in moved:
        up = [at for at, value in samples(scenario, host, servers, seconds) if value == 1]
        gap = max(later - earlier for earlier, later in zip(up, up[1:]))
        print(f"{host}: {len(up)} samples, the longest gap is {gap:.1f} s")
        assert gap <= 2 * INTERVAL
        assert [samples(scenario, host, [server], seconds)[0][1] for server in after[host]] == [1, 1]
    for old, new, host in (("p1", "app1", "p3"), ("p3", "p1", "app1")):
        assert is_open(scenario, new, host, 9100)
        assert not is_open(scenario, old, host, 9100)
    # The next run has nothing to do, and what is deployed is what the inventory has.
    play = scenario.play("site.yml", inventory=inventory)
    assert play.rc == 0, play.output
    assert play.changed == []
    play = scenario.play("verify.yml", inventory=inventory)
    assert play.rc == 0, play.output

    def removed(groups: dict[str, t.Any]) -> None:
        third_shard(groups)
        groups["shards"]["vars"]["prometheus_shards"] = 2
        groups["shards"]["hosts"].update({host: {"prometheus_state": "absent"} for host in ("spare1", "app1")})

    play = scenario.play("site.yml", inventory=edited(removed))
    assert play.rc == 0, play.output
    scenario.wait(lambda: shards_of(scenario)["p1"] == {"p3", "p4", "spare1"})


@pytest.mark.usefixtures("torn")
def test_a_refused_configuration_leaves_the_other_shards_as_they_were(scenario: t.Any, edited: t.Any) -> None:
    """All files are validated before any server changes."""
    look = "find /etc/prometheus/ ! -type d -printf '%p %l %T@\\n' | sort"
    before = {server: scenario.on(server).check_output(look) for server in SERVERS}

    def broken(groups: dict[str, t.Any]) -> None:
        add_newcomer(groups)
        wrong = [{"name": "g", "rules": [{"alert": "A", "expr": "up ==="}]}]
        groups["shards"]["hosts"]["p4"] = {**groups["shards"]["hosts"]["p4"], "prometheus_extra_rules": wrong}

    play = scenario.play("site.yml", "--tags", "targets", inventory=edited(broken))
    assert play.rc != 0
    assert "Prometheus server p4: promtool rejects the configuration" in " ".join(play.output.split())
    assert {server: scenario.on(server).check_output(look) for server in SERVERS} == before
