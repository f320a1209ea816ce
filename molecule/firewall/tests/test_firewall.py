# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test which connections pass the firewall, and that other rules stay the same."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t

import pytest

HOSTS = ["empty", "rejecting", "dropping", "crowded", "legacy", "persistent", "native", "zoned", "published"]
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2).close()
    print("open")
except OSError as error:
    print(error)
"""
each_host = pytest.mark.parametrize("host", HOSTS)


def connect(scenario: t.Any, here: str, there: str, port: int = 9100) -> str:
    """Return the result of a TCP connection."""
    return scenario.on(here).check_output("python3 -c %s %s %s", CONNECT, there, str(port))


def addresses(scenario: t.Any, host: str) -> list[str]:
    """Return the host's IPv4 and IPv6 address."""
    return [scenario.var(host, "ansible_host"), scenario.var(host, "fleet_address6")]


def rules(scenario: t.Any, host: str) -> dict[str, list[str]]:
    """Return all rules of both families, without counters."""
    found = {}
    for program in ("iptables", "ip6tables"):
        saved = scenario.on(host).check_output(f"{program}-save 2>/dev/null").splitlines()
        # The rules for Docker's name server differ after each start.
        kept = [line for line in saved if not line.startswith("#") and "DOCKER" not in line and "127.0.0.11" not in line]
        found[program] = [re.sub(r"\[\d+:\d+\]", "", line) for line in kept]
    return found


def of_others(scenario: t.Any, host: str) -> dict[str, list[str]]:
    """Return the rules that are not ours, in their order."""
    return {program: [line for line in lines if "VIGIE-" not in line] for program, lines in rules(scenario, host).items()}


def ours(scenario: t.Any, host: str) -> dict[str, list[str]]:
    """Return our rules."""
    return {program: [line for line in lines if "VIGIE-" in line] for program, lines in rules(scenario, host).items()}


def firewall(scenario: t.Any, *arguments: str, **variables: t.Any) -> t.Any:
    """Run only the firewall part of site."""
    play = scenario.play("site.yml", "--tags", "firewall", *arguments, **variables)
    assert play.rc == 0, play.output
    return play


@each_host
def test_the_monitoring_server_gets_in_and_nobody_else(scenario: t.Any, host: str) -> None:
    """Over IPv4 and IPv6. The host itself can connect, too."""
    for address in addresses(scenario, host):
        assert connect(scenario, "monitor", address) == "open"
        assert connect(scenario, "outsider", address) != "open"
        assert connect(scenario, host, address) == "open"
    assert connect(scenario, host, "localhost") == "open"


def test_prometheus_itself_is_closed(scenario: t.Any) -> None:
    """Only administrators can connect."""
    for address in addresses(scenario, "monitor"):
        assert connect(scenario, "outsider", address, 9090) != "open"
    firewall(scenario, "--limit", "monitor", firewall_admin_networks=["198.18.3.99", "fd00:18:3::99/128"])
    for address in addresses(scenario, "monitor"):
        assert connect(scenario, "outsider", address, 9090) == "open"
    firewall(scenario, "--limit", "monitor")
    assert connect(scenario, "outsider", addresses(scenario, "monitor")[0], 9090) != "open"


def test_two_alertmanagers_are_one_cluster(scenario: t.Any) -> None:
    """The Alertmanagers reach the cluster port of each other. No other host does."""
    for host in ("monitor", "crowded"):
        status = json.loads(scenario.get(host, "http://localhost:9093/api/v2/status"))["cluster"]
        assert (status["status"], len(status["peers"])) == ("ready", 2)
        for address in addresses(scenario, host):
            assert connect(scenario, "outsider", address, 9094) != "open"
            assert connect(scenario, "empty", address, 9093) != "open"
    assert connect(scenario, "monitor", scenario.var("crowded", "ansible_host"), 9093) == "open"
    lines = ours(scenario, "crowded")["iptables"]
    assert [line for line in lines if "-p udp -m udp --dport 9094" in line and "for monitor" in line and "ACCEPT" in line]


def test_every_target_is_up(scenario: t.Any) -> None:
    """Also the target behind a REJECT, and the target that is scraped over IPv6."""
    node = [target for target in scenario.targets() if target["labels"]["job"] == "node"]
    up = {target["labels"]["host"]: target for target in node if target["health"] == "up"}
    assert set(up) == {*HOSTS, "monitor"}
    assert up["legacy"]["scrapeUrl"] == "http://[fd00:18:3::15]:9100/metrics"


def test_a_rule_that_somebody_appended_stays_where_it_is(scenario: t.Any) -> None:
    """The rule stays behind the REJECT."""
    parent = [line for line in rules(scenario, "rejecting")["iptables"] if line.startswith("-A INPUT ")]
    assert parent[0] == "-A INPUT -j VIGIE-INPUT"
    assert parent[-2:] == [
        "-A INPUT -j REJECT --reject-with icmp-port-unreachable",
        "-A INPUT -s 198.18.3.10/32 -p tcp -m tcp --dport 9100 -j ACCEPT",
    ]


def test_every_rule_says_what_it_is_for(scenario: t.Any) -> None:
    """The comment of each rule has the job and the host."""
    for host in HOSTS:
        for lines in ours(scenario, host).values():
            for line in lines:
                assert line.startswith((":", "-A INPUT", "-A OUTPUT")) or f" on {host} for " in line


def test_only_a_closed_host_has_rules_for_what_goes_out(scenario: t.Any) -> None:
    """The rules accept the replies to the server, for both families."""
    for host in HOSTS:
        for lines in ours(scenario, host).values():
            assert any("VIGIE-OUTPUT" in line for line in lines) == (host == "dropping")


def test_ten_runs_leave_2000_rules_of_others_as_they_are(scenario: t.Any) -> None:
    """Before each run, the test removes or changes our chain, and the run restores it."""
    before = of_others(scenario, "crowded")
    assert len(before["iptables"]) > 2000
    wanted = ours(scenario, "crowded")
    for number in range(10):
        if number % 2:
            scenario.on("crowded").check_output("iptables -w -F VIGIE-INPUT && ip6tables -w -D INPUT -j VIGIE-INPUT")
        play = firewall(scenario, "--limit", "crowded")
        assert len(play.remote("crowded")) == 1
        assert bool(play.changed) == bool(number % 2)
        assert ours(scenario, "crowded") == wanted
        assert of_others(scenario, "crowded") == before


def test_a_rule_that_got_before_it_does_not_stay_there(scenario: t.Any) -> None:
    """A second jump does not stay either. The run keeps the other rule."""
    on = scenario.on("empty")
    before = rules(scenario, "empty")
    on.check_output("iptables -w -I INPUT 1 -p tcp --dport 25 -j REJECT && iptables -w -A INPUT -j VIGIE-INPUT")
    on.check_output("iptables -w -A VIGIE-INPUT -p tcp --dport 9999 -j ACCEPT")
    play = firewall(scenario, "--limit", "empty", "--check", "--diff")
    (diff,) = play.result("empty", "iptables_chain")["diff"]
    assert "-A INPUT -j VIGIE-INPUT (position 2)\n-A INPUT -j VIGIE-INPUT (position 3)" in diff["before"]
    assert "--dport 9999" in diff["before"]
    assert diff["after"].startswith("-A INPUT -j VIGIE-INPUT (position 1)\n-A VIGIE-INPUT -i lo")
    assert firewall(scenario, "--limit", "empty").changed == ["empty: Apply the firewall rules for the monitoring servers"]
    other = "-A INPUT -p tcp -m tcp --dport 25 -j REJECT --reject-with icmp-port-unreachable"
    found = rules(scenario, "empty")
    assert other in found["iptables"]
    found["iptables"].remove(other)
    assert found == before
    on.check_output("iptables -w -D INPUT -p tcp --dport 25 -j REJECT")
    assert firewall(scenario, "--limit", "empty").changed == []


def test_check_mode_tells_the_rules_and_changes_nothing(scenario: t.Any) -> None:
    """Check mode predicts the result of the real run."""
    before = rules(scenario, "legacy")
    predicted = firewall(scenario, "--limit", "legacy", "--check", "--diff", firewall_default="drop")
    assert rules(scenario, "legacy") == before
    done = firewall(scenario, "--limit", "legacy", "--diff", firewall_default="drop")
    assert predicted.changed == done.changed == ["legacy: Apply the firewall rules for the monitoring servers"]
    assert predicted.result("legacy", "iptables_chain")["diff"] == done.result("legacy", "iptables_chain")["diff"]
    assert "timed out" in connect(scenario, "outsider", addresses(scenario, "legacy")[0])
    firewall(scenario, "--limit", "legacy", firewall_default="none")
    assert connect(scenario, "outsider", addresses(scenario, "legacy")[0]) == "open"
    firewall(scenario, "--limit", "legacy")
    assert rules(scenario, "legacy") == before


def test_an_interface_of_its_own(scenario: t.Any) -> None:
    """The rules apply to this interface. The other rules of the host handle other interfaces."""
    firewall(scenario, "--limit", "empty", firewall_interface="eth7")
    assert connect(scenario, "outsider", addresses(scenario, "empty")[0]) == "open"
    firewall(scenario, "--limit", "empty", firewall_interface="eth0")
    assert connect(scenario, "outsider", addresses(scenario, "empty")[0]) != "open"
    assert connect(scenario, "monitor", addresses(scenario, "empty")[0]) == "open"
    firewall(scenario, "--limit", "empty")


@pytest.mark.parametrize("host", ["empty", "legacy", "persistent"])
def test_a_restart_keeps_the_rules(scenario: t.Any, host: str) -> None:
    """Our unit or netfilter-persistent restores the rules. The files of netfilter-persistent keep their rules."""
    on = scenario.on(host)
    wanted, before = ours(scenario, host), of_others(scenario, host)
    saved = on.run("cat /etc/iptables/rules.v4 /etc/iptables/rules.v6").stdout
    scenario.docker("restart", host)
    scenario.heal()
    on.run("systemctl is-system-running --wait")
    assert ours(scenario, host) == wanted
    assert connect(scenario, "outsider", addresses(scenario, host)[0]) != "open"
    assert on.file("/etc/systemd/system/vigie-firewall.service").exists == (host != "persistent")
    if host == "persistent":
        assert of_others(scenario, host) == before
        on.check_output("netfilter-persistent reload")
        assert ours(scenario, host) == wanted
        assert on.run("cat /etc/iptables/rules.v4 /etc/iptables/rules.v6").stdout == saved
        assert "VIGIE" not in saved
    else:
        assert on.check_output("systemctl is-active vigie-firewall") == "active"
        on.check_output("systemctl restart vigie-firewall")
        assert ours(scenario, host) == wanted
    scenario.play("site.yml", "--limit", host)
    assert firewall(scenario, "--limit", host).changed == []


KILLS = [
    (program, moment) for program in ("iptables-restore", "ip6tables-restore", "systemctl") for moment in ("before", "after")
]


@pytest.mark.parametrize(("program", "moment"), KILLS)
def test_a_run_that_is_killed_leaves_the_old_chain_or_the_new_one(scenario: t.Any, program: str, moment: str) -> None:
    """SIGKILL comes before or after each command that changes something. The next run completes the change."""
    on = scenario.on("empty")
    new = ours(scenario, "empty")
    firewall(scenario, "--limit", "empty", firewall_default="drop", firewall_persist=False)
    old = ours(scenario, "empty")
    assert old != new
    real = on.check_output("command -v %s", program)
    steps = "" if moment == "before" else f'{real} "$@"\n'
    script = f"#!/bin/sh\n{steps}kill -9 $PPID\n"
    on.check_output("mkdir -p /opt/killing && printf %%s %s > /opt/killing/%s && chmod 755 /opt/killing/*", script, program)
    try:
        killed = scenario.play("../molecule/firewall/killed.yml")
        assert killed.rc != 0
        found = ours(scenario, "empty")
        changed = {family: found[family] == new[family] for family in found}
        assert all(lines in (old[family], new[family]) for family, lines in found.items())
        assert changed == {
            "iptables": (program, moment) != ("iptables-restore", "before"),
            "ip6tables": program == "systemctl" or (program, moment) == ("ip6tables-restore", "after"),
        }
    finally:
        on.check_output("rm -r /opt/killing")
    firewall(scenario, "--limit", "empty")
    assert ours(scenario, "empty") == new
    assert firewall(scenario, "--limit", "empty").changed == []


def test_a_new_server_is_let_in_and_a_former_one_is_not(scenario: t.Any, edited: t.Any) -> None:
    """The next run of any host changes the rules."""

    def add(groups: dict[str, t.Any]) -> None:
        groups["prometheus"]["hosts"]["outsider"] = None

    inventory = edited(add)
    play = scenario.play("site.yml", "--tags", "firewall", "--limit", "rejecting", inventory=inventory)
    assert play.rc == 0, play.output
    assert len(play.remote("rejecting")) == 1
    assert connect(scenario, "outsider", addresses(scenario, "rejecting")[0]) == "open"
    assert connect(scenario, "outsider", addresses(scenario, "dropping")[0]) != "open"
    assert firewall(scenario, "--limit", "rejecting").changed == [
        "rejecting: Apply the firewall rules for the monitoring servers"
    ]
    assert connect(scenario, "outsider", addresses(scenario, "rejecting")[0]) != "open"


def test_a_closed_server_still_scrapes(scenario: t.Any) -> None:
    """A monitoring server whose policies drop all connections."""
    on = scenario.on("monitor")
    closing = "".join(
        f"{program} -w -A INPUT -i lo -j ACCEPT; {program} -w -A OUTPUT -o lo -j ACCEPT;"
        f"{program} -w -A INPUT -p tcp --dport 22 -j ACCEPT; {program} -w -A OUTPUT -p tcp --sport 22 -j ACCEPT;"
        f"{program} -w -P INPUT DROP; {program} -w -P OUTPUT DROP;"
        for program in ("iptables", "ip6tables")
    )
    icmp = "".join(f"ip6tables -w -A {chain} -p ipv6-icmp -j ACCEPT;" for chain in ("INPUT", "OUTPUT"))
    on.check_output(closing + icmp)
    try:
        assert connect(scenario, "monitor", addresses(scenario, "empty")[0]) != "open"
        play = scenario.play("site.yml", "--limit", "monitor")
        assert play.rc == 0, play.output
        for host in HOSTS:
            for address in addresses(scenario, host):
                assert connect(scenario, "monitor", address) == "open"
        assert connect(scenario, "monitor", scenario.var("empty", "ansible_host"), 22) != "open"
        play = scenario.play("verify.yml")
        assert play.rc == 0, play.output
    finally:
        on.check_output("for p in iptables ip6tables; do for c in INPUT OUTPUT; do $p -w -P $c ACCEPT; $p -w -F $c; done; done")
        firewall(scenario, "--limit", "monitor")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"node_exporter_port": 22}, "is about port 22, which is protected"),
        (
            {"monitoring_source_addresses": ["no.such.name.invalid"]},
            "the name no.such.name.invalid does not resolve on this host",
        ),
        (
            {"monitoring_scrapes": [{"job": "site", "port": 443}]},
            "Set `public: true` in this entry to leave the port open to others",
        ),
        ({"firewall_admin_networks": ["192.0.2.0/33"]}, "host monitor, variable firewall_admin_networks, value '192.0.2.0/33'"),
        ({"firewall_default": "open"}, "value of firewall_default must be one of: reject, drop, none"),
    ],
)
def test_what_would_do_harm_is_refused(scenario: t.Any, variables: dict[str, t.Any], message: str) -> None:
    """One error names host, variable and remedy. The run changes nothing."""
    before = {host: rules(scenario, host) for host in ("empty", "monitor")}
    play = scenario.play("site.yml", "--tags", "firewall", "--limit", "empty,monitor", **variables)
    assert play.rc != 0
    assert message in play.output
    assert {host: rules(scenario, host) for host in before} == before


def test_a_port_for_everybody_stays_as_it_is(scenario: t.Any) -> None:
    """A website whose own port Prometheus scrapes."""
    scrapes = [{"job": "site", "port": 80, "public": True}]
    firewall(scenario, "--limit", "empty", monitoring_scrapes=scrapes)
    lines = [line for line in ours(scenario, "empty")["iptables"] if "--dport 80 " in line]
    assert [line.rpartition("-j ")[2] for line in lines] == ["ACCEPT", "ACCEPT"]
    firewall(scenario, "--limit", "empty")


def test_a_host_without_iptables_gets_it(scenario: t.Any) -> None:
    """Check mode predicts the installation and changes nothing."""
    on = scenario.on("empty")
    on.check_output("mkdir /opt/hidden && for f in /usr/sbin/*tables*; do mv $f /opt/hidden; done")
    try:
        play = firewall(scenario, "--limit", "empty", "--check")
        assert play.changed == ["empty: Apply the firewall rules for the monitoring servers"]
    finally:
        on.check_output("mv /opt/hidden/* /usr/sbin && rmdir /opt/hidden")


@pytest.mark.parametrize("host", ["empty", "persistent", "legacy"])
def test_absent_leaves_nothing_behind(scenario: t.Any, host: str) -> None:
    """No chain, jump or file is left, and other rules stay the same."""
    on = scenario.on(host)
    before = of_others(scenario, host)
    assert firewall(scenario, "--limit", host, firewall_state="absent").changed
    assert ours(scenario, host) == {"iptables": [], "ip6tables": []}
    assert of_others(scenario, host) == before
    left = on.check_output(
        "find /etc/vigie /etc/systemd /usr/share/netfilter-persistent -name '*firewall*' -o -name '*-vigie' 2>/dev/null; true"
    )
    assert left == ""
    assert firewall(scenario, "--limit", host, firewall_state="absent").changed == []
    assert connect(scenario, "outsider", addresses(scenario, host)[0]) == "open"
    firewall(scenario, "--limit", host)


def test_an_older_rule_set_of_the_other_kind_is_not_touched(scenario: t.Any) -> None:
    """A host that was migrated from iptables-legacy to iptables-nft has both rule sets."""
    legacy = subprocess.run(
        ["docker", "exec", f"vigie-{scenario.fleet}-legacy", "iptables-nft-save"], capture_output=True, text=True, check=True
    )
    assert "VIGIE" not in legacy.stdout
