# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test hosts whose rules come from other programs: nftables, firewalld, ufw, iptables-legacy, Docker."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import typing as t

import pytest
from test_firewall import addresses, connect, firewall, of_others, ours, rules

APP = 8080


def who(scenario: t.Any, host: str, port: int) -> tuple[set[bool], set[bool]]:
    """Return whether the monitoring server and another host can connect to a port, for each family."""
    return tuple(  # type: ignore[return-value]
        {connect(scenario, client, address, port) == "open" for address in addresses(scenario, host)}
        for client in ("monitor", "outsider")
    )


EXACTLY = ({True}, {False})


def table(scenario: t.Any, host: str) -> list[dict[str, t.Any]]:
    """Return the chains and rules of our nftables table."""
    listed = scenario.on(host).run("nft -j list table inet vigie")
    if listed.rc:
        return []
    kinds = [item for item in json.loads(listed.stdout)["nftables"] if "chain" in item or "rule" in item]
    return [{**next(iter(item.values())), "handle": 0} for item in kinds]


def names_again(scenario: t.Any, host: str) -> None:
    """Add the monitoring server to /etc/hosts again: a restart resets the file, and the rules of the host block Docker's DNS."""
    scenario.on(host).check_output(
        "grep -q monitor$ /etc/hosts || printf '198.18.3.10 monitor\\nfd00:18:3::10 monitor\\n' >>/etc/hosts"
    )


def blocked(scenario: t.Any, host: str, *words: str, **variables: t.Any) -> str:
    """Run the firewall part, which must fail because of other rules. Return the message, which contains these *words*."""
    predicted = scenario.play("site.yml", "--tags", "firewall", "--limit", host, "--check", **variables)
    play = scenario.play("site.yml", "--tags", "firewall", "--limit", host, **variables)
    messages = [
        found["res"]["msg"]
        for run in (predicted, play)
        for found in run.of(host)
        if found["action"] == "iptables_chain" and found["failed"]
    ]
    assert len(messages) == 2, play.output
    assert len(set(messages)) == 1
    assert play.rc != 0
    for word in (f"node on {host} for monitor", *words):
        assert word in messages[0]
    return str(messages[0])


def remedies(message: str) -> list[str]:
    """Return the commands in a message."""
    return [command for found in re.findall(r"for example: (.*?)\.(?: |$)", message) for command in found.split("; ")]


@contextlib.contextmanager
def kept(scenario: t.Any, host: str, program: str) -> t.Iterator[t.Any]:
    """Restore the rules of a *program* for both families afterwards."""
    on = scenario.on(host)
    on.check_output(f"for i in '' 6; do ip${{i}}{program}-save -t filter >/root/ip$i.rules; done")
    try:
        yield on
    finally:
        on.check_output(f"for i in '' 6; do ip${{i}}{program}-restore </root/ip$i.rules; done")


# Native nftables


def test_a_host_with_nftables_gets_a_table(scenario: t.Any) -> None:
    """The table comes before the other tables, and iptables has no rules."""
    found = table(scenario, "native")
    assert [(item["hook"], item["prio"], item["policy"]) for item in found if "hook" in item] == [("input", -100, "accept")]
    assert ours(scenario, "native") == {"iptables": [], "ip6tables": []}
    assert who(scenario, "native", 9100) == EXACTLY
    assert all(" on native for " in item["comment"] for item in found if "expr" in item)


def test_the_table_is_put_right_in_one_call(scenario: t.Any) -> None:
    """Check mode predicts the change, other rules stay, and the next run changes nothing."""
    on = scenario.on("native")
    wanted, others = table(scenario, "native"), on.check_output("nft list table inet site")
    damages = [
        "nft add rule inet vigie VIGIE-INPUT tcp dport 9999 accept",
        "nft add chain inet vigie other '{ type filter hook output priority 0; policy accept; }'",
    ]
    for damage in damages:
        on.check_output(damage)
        damaged = table(scenario, "native")
        predicted = firewall(scenario, "--limit", "native", "--check", "--diff")
        assert table(scenario, "native") == damaged
        play = firewall(scenario, "--limit", "native", "--diff")
        assert len(play.remote("native")) == 1
        assert predicted.changed == play.changed == ["native: Apply the firewall rules for the monitoring servers"]
        assert predicted.result("native", "iptables_chain")["diff"] == play.result("native", "iptables_chain")["diff"]
        assert table(scenario, "native") == wanted
    assert on.check_output("nft list table inet site") == others
    assert firewall(scenario, "--limit", "native").changed == []


@pytest.mark.parametrize("verb", ["reload", "restart"])
def test_nftables_that_flushes_everything_leaves_our_table(scenario: t.Any, verb: str) -> None:
    """The service nftables with Debian's file flushes all rules."""
    on = scenario.on("native")
    wanted = table(scenario, "native")
    assert wanted
    on.check_output("cp /etc/nftables.conf /root && iptables-save -t nat >/root/nat")
    on.check_output("sed -i '1i flush ruleset' /etc/nftables.conf")
    try:
        on.check_output(f"systemctl {verb} nftables")
        scenario.wait(lambda: table(scenario, "native") == wanted, lambda: table(scenario, "native"), 10)
    finally:
        on.check_output("cp /root/nftables.conf /etc && iptables-restore </root/nat")


def test_a_restart_keeps_the_table(scenario: t.Any) -> None:
    """Our unit restores the table after the service nftables."""
    wanted = table(scenario, "native")
    assert wanted
    scenario.docker("restart", "native")
    scenario.heal()
    scenario.on("native").run("systemctl is-system-running --wait")
    names_again(scenario, "native")
    assert table(scenario, "native") == wanted
    assert who(scenario, "native", 9100) == EXACTLY
    assert firewall(scenario, "--limit", "native").changed == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_that_is_killed_leaves_the_old_table_or_the_new_one(scenario: t.Any, moment: str) -> None:
    """SIGKILL comes before or after the command that changes the table. The next run completes the change."""
    on = scenario.on("native")
    new = table(scenario, "native")
    firewall(scenario, "--limit", "native", firewall_default="drop", firewall_persist=False)
    old = table(scenario, "native")
    assert old != new
    step = '/usr/sbin/nft "$@"; ' if moment == "after" else ""
    script = f'#!/bin/sh\ncase $* in *list*) exec /usr/sbin/nft "$@" ;; esac\n{step}kill -9 $PPID\n'
    on.check_output("mkdir -p /opt/killing && printf %%s %s > /opt/killing/nft && chmod 755 /opt/killing/nft", script)
    try:
        assert scenario.play("../molecule/firewall/killed.yml", "-e", "killed=native").rc != 0
        assert table(scenario, "native") == (new if moment == "after" else old)
    finally:
        on.check_output("rm -r /opt/killing")
    firewall(scenario, "--limit", "native")
    assert table(scenario, "native") == new
    assert firewall(scenario, "--limit", "native").changed == []


def test_a_table_that_drops_is_named_with_what_to_do(scenario: t.Any) -> None:
    """The commands in the message let the server in."""
    on = scenario.on("native")
    on.check_output("nft flush chain inet site scraped")
    try:
        assert who(scenario, "native", 9100) == ({False}, {False})
        message = blocked(
            scenario, "native", "nftables, table inet site, chain input, policy drop", "198.18.3.10", "fd00:18:3::10"
        )
        play = firewall(scenario, "--limit", "native", firewall_on_blocked="warn")
        assert any(message in text for text in play.result("native", "iptables_chain")["warnings"])
        for command in remedies(message):
            on.check_output(command)
        assert firewall(scenario, "--limit", "native").changed == []
        assert who(scenario, "native", 9100) == EXACTLY
    finally:
        on.check_output("systemctl reload nftables")


def test_what_may_be_in_the_way_is_a_warning(scenario: t.Any) -> None:
    """Only the rules of the host know the mark."""
    on = scenario.on("native")
    on.check_output("nft insert rule inet site input meta mark 7 tcp dport 9100 drop")
    try:
        play = firewall(scenario, "--limit", "native")
        (warning,) = play.result("native", "iptables_chain")["warnings"]
        assert (
            "table inet site, chain input, rule `meta mark 7 tcp dport 9100 drop`, can block: node on native for monitor"
            in warning
        )
    finally:
        on.check_output("systemctl reload nftables")
    assert "warnings" not in firewall(scenario, "--limit", "native").result("native", "iptables_chain")


def test_absent_leaves_no_table(scenario: t.Any) -> None:
    """No other file of ours is left."""
    on = scenario.on("native")
    wanted = table(scenario, "native")
    assert firewall(scenario, "--limit", "native", firewall_state="absent").changed
    assert table(scenario, "native") == []
    left = on.check_output("find /etc/vigie /etc/systemd /usr/share/netfilter-persistent -name '*firewall*' 2>/dev/null; true")
    assert left == ""
    assert firewall(scenario, "--limit", "native", firewall_state="absent").changed == []
    firewall(scenario, "--limit", "native")
    assert table(scenario, "native") == wanted


# ufw


def test_ufw_is_passed_by_in_iptables_and_named_where_it_is_in_the_way(scenario: t.Any) -> None:
    """The rules move from nftables to iptables, where they come before the rules of ufw, and back."""
    on = scenario.on("native")
    wanted = table(scenario, "native")
    on.check_output("ufw allow 22/tcp && ufw --force enable")
    try:
        assert firewall(scenario, "--limit", "native").changed == ["native: Apply the firewall rules for the monitoring servers"]
        assert table(scenario, "native") == []
        assert rules(scenario, "native")["iptables"].count("-A INPUT -j VIGIE-INPUT") == 1
        assert who(scenario, "native", 9100) == EXACTLY
        on.check_output("ufw reload")
        assert who(scenario, "native", 9100) == EXACTLY
        assert firewall(scenario, "--limit", "native").changed == []
        message = blocked(scenario, "native", "ip6tables, table filter, chain INPUT, policy drop", firewall_backend="nftables")
        for command in remedies(message):
            assert command.startswith("ufw allow in proto tcp from ")
            on.check_output(command)
        assert who(scenario, "native", 9100) == EXACTLY
    finally:
        on.check_output("ufw --force reset; for p in iptables ip6tables; do $p -w -P INPUT ACCEPT; $p -w -F; $p -w -X; done")
    firewall(scenario, "--limit", "native")
    assert table(scenario, "native") == wanted


# firewalld


def test_firewalld_is_named_with_what_to_do(scenario: t.Any) -> None:
    """A reload of firewalld keeps our table."""
    on = scenario.on("zoned")
    wanted = table(scenario, "zoned")
    assert wanted
    assert who(scenario, "zoned", 9100) == EXACTLY
    listed = on.check_output("firewall-cmd --permanent --list-rich-rules").splitlines()
    for rule in listed:
        on.check_output("firewall-cmd --quiet --permanent --remove-rich-rule=%s", rule)
    on.check_output("firewall-cmd --quiet --reload")
    assert table(scenario, "zoned") == wanted
    try:
        assert who(scenario, "zoned", 9100) == ({False}, {False})
        for command in remedies(blocked(scenario, "zoned", "nftables, table inet firewalld, chain filter_IN", "rule `reject")):
            on.check_output(command)
        assert who(scenario, "zoned", 9100) == EXACTLY
    finally:
        for rule in listed:
            on.check_output("firewall-cmd --quiet --permanent --add-rich-rule=%s", rule)
        on.check_output("firewall-cmd --quiet --reload")
    assert firewall(scenario, "--limit", "zoned").changed == []


# iptables-legacy beside iptables-nft


def test_the_older_iptables_beside_the_newer_is_named(scenario: t.Any) -> None:
    """An accept in iptables-nft does not override a drop in iptables-legacy."""
    with kept(scenario, "empty", "tables-legacy") as on:
        on.check_output("iptables-legacy -A INPUT -p tcp --dport 9000:9200 -j REJECT")
        assert connect(scenario, "monitor", addresses(scenario, "empty")[0]) != "open"
        rule = "-p tcp -m tcp --dport 9000:9200 -j REJECT"
        message = blocked(scenario, "empty", f"iptables-legacy, table filter, chain INPUT, rule `{rule}")
        for command in remedies(message):
            on.check_output(command)
        assert connect(scenario, "monitor", addresses(scenario, "empty")[0]) == "open"
        firewall(scenario, "--limit", "empty")


def test_a_host_that_gets_the_newer_iptables_leaves_nothing_of_ours_in_the_older(scenario: t.Any) -> None:
    """Other rules in iptables-legacy stay."""
    on = scenario.on("legacy")
    # A restart of the host in another test removes the rule.
    on.check_output("rule='INPUT -p tcp --dport 25 -j REJECT'; iptables-legacy -C $rule || iptables-legacy -A $rule")
    wanted, others = ours(scenario, "legacy"), of_others(scenario, "legacy")
    programs = ("iptables", "ip6tables")
    try:
        for program in programs:
            on.check_output(f"update-alternatives --set {program} /usr/sbin/{program}-nft")
        play = firewall(scenario, "--limit", "legacy")
        assert {"iptables", "iptables-legacy"} <= set(play.result("legacy", "iptables_chain")["changed_families"])
        assert ours(scenario, "legacy") == wanted
        assert "VIGIE" not in on.check_output("iptables-legacy-save; ip6tables-legacy-save")
        assert "--dport 25 " in on.check_output("iptables-legacy-save")
        assert firewall(scenario, "--limit", "legacy").changed == []
    finally:
        for program in programs:
            on.check_output(f"update-alternatives --set {program} /usr/sbin/{program}-legacy")
        firewall(scenario, "--limit", "legacy")
    assert ours(scenario, "legacy") == wanted
    assert of_others(scenario, "legacy") == others
    assert "VIGIE" not in on.check_output("iptables-nft-save; ip6tables-nft-save")


# Docker


def docker_user(scenario: t.Any) -> list[str]:
    """Return the rules of the chain DOCKER-USER."""
    return scenario.on("published").check_output("iptables -S DOCKER-USER").splitlines()


def test_a_published_port_is_closed(scenario: t.Any) -> None:
    """Connections to the port do not pass INPUT. Our rules come before Docker's rules, and other rules stay the same."""
    assert who(scenario, "published", APP) == EXACTLY
    assert connect(scenario, "published", addresses(scenario, "published")[0], APP) == "open"
    assert docker_user(scenario) == ["-N DOCKER-USER", "-A DOCKER-USER -j VIGIE-DOCKER", "-A DOCKER-USER -j RETURN"]
    lines = scenario.on("published").check_output("iptables -S VIGIE-DOCKER").splitlines()
    assert [line.rpartition(" -j ")[2] for line in lines if f"--ctorigdstport {APP} " in line] == [
        "ACCEPT",
        "REJECT --reject-with tcp-reset",
    ]


def test_what_containers_ask_for_elsewhere_is_not_refused(scenario: t.Any) -> None:
    """Also connections to a port number that this host publishes."""
    outsider = scenario.on("outsider")
    outsider.check_output(f"systemd-run --quiet --unit listener python3 -m http.server {APP}")
    try:
        program = f"import socket; socket.create_connection(('{addresses(scenario, 'outsider')[0]}', {APP}), timeout=3)"
        inside = f"docker exec app /usr/bin/python3 -c {shlex.quote(program)}"
        scenario.wait(lambda: connect(scenario, "published", addresses(scenario, "outsider")[0], APP) == "open")
        scenario.on("published").check_output(inside)
    finally:
        outsider.check_output("systemctl stop listener")


@pytest.mark.parametrize("event", ["docker restart app", "systemctl restart docker", "iptables -F DOCKER-USER", "reboot"])
def test_a_published_port_stays_closed(scenario: t.Any, event: str) -> None:
    """After a restart of the container, Docker or the host. The next run restores flushed rules."""
    on = scenario.on("published")
    if event == "reboot":
        scenario.docker("restart", "published")
        scenario.heal()
    else:
        on.check_output(event)
    scenario.wait(lambda: who(scenario, "published", APP)[0] == {True})
    if "-F" in event:
        assert who(scenario, "published", APP)[1] != {False}
        assert firewall(scenario, "--limit", "published").changed == [
            "published: Apply the firewall rules for the monitoring servers"
        ]
        on.check_output("iptables -A DOCKER-USER -j RETURN")
    assert who(scenario, "published", APP) == EXACTLY
    assert docker_user(scenario) == ["-N DOCKER-USER", "-A DOCKER-USER -j VIGIE-DOCKER", "-A DOCKER-USER -j RETURN"]
    assert firewall(scenario, "--limit", "published").changed == []


def test_absent_opens_a_published_port_again(scenario: t.Any) -> None:
    """Docker's chains stay the same."""
    assert firewall(scenario, "--limit", "published", firewall_state="absent").changed
    assert docker_user(scenario) == ["-N DOCKER-USER", "-A DOCKER-USER -j RETURN"]
    assert "VIGIE" not in scenario.on("published").check_output("iptables-save; ip6tables-save")
    assert who(scenario, "published", APP)[1] == {True}
    assert firewall(scenario, "--limit", "published", firewall_state="absent").changed == []
    firewall(scenario, "--limit", "published")


# su


def test_su_without_the_administrators_directories_in_its_path(scenario: t.Any) -> None:
    """The become method su keeps the PATH of the login user."""
    on = scenario.on("empty")
    on.check_output("echo root:of-no-use-to-anyone | chpasswd")
    try:
        su = {"ansible_become_method": "ansible.builtin.su", "ansible_become_password": "of-no-use-to-anyone"}
        assert firewall(scenario, "--limit", "empty", **su).changed == []
        assert firewall(scenario, "--limit", "empty", firewall_default="drop", **su).changed != []
    finally:
        on.check_output("usermod --password '*' root")
        firewall(scenario, "--limit", "empty")
