# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test a host whose collectd of Debian, with its RRD files, is scraped without another agent."""

from __future__ import annotations

import typing as t

CONFIG = "/etc/collectd/collectd.conf.d/vigie.conf"
RRD = "/var/lib/collectd/rrd/old1/load/load.rrd"
# Since collectd has been started again, its RRD file is written: it writes the values that it has collected when it stops.
STATE = f"cat {CONFIG}; systemctl show --property ActiveState,SubState collectd"


def value(scenario: t.Any, expression: str) -> float | None:
    """Return the value of *expression*, which has one series; None without a series."""
    found = scenario.query(expression, "app")
    return float(found[0]["value"][1]) if len(found) == 1 else None


def deploy(scenario: t.Any, *arguments: str, **variables: t.Any) -> t.Any:
    """Run site for the host with collectd."""
    return scenario.play("site.yml", "--tags", "collectd", "--skip-tags", "targets,verify", *arguments, **variables)


def test_the_values_are_those_of_the_host(scenario: t.Any) -> None:
    """Under the names of node_exporter, which the alerts use."""
    machine = scenario.on("old1")
    size, inodes = (int(machine.check_output(f"df --output={what} -B1 / | tail -n 1")) for what in ("size", "itotal"))
    memory = 1024 * int(machine.check_output("awk '/^MemTotal/ {print $2}' /proc/meminfo"))
    limit = int(machine.check_output("cat /proc/sys/net/netfilter/nf_conntrack_max"))
    values = {
        'node_filesystem_size_bytes{host="old1",mountpoint="/"}': size,
        'node_filesystem_files{host="old1",mountpoint="/"}': inodes,
        'node_memory_MemTotal_bytes{host="old1"}': memory,
        'node_nf_conntrack_entries_limit{host="old1"}': limit,
        'up{job="collectd",host="old1"}': 1,
    }
    found: dict[str, float | None] = {}

    def same() -> bool:
        found.update({expression: value(scenario, expression) for expression in values})
        return found == values

    scenario.wait(same, lambda: f"{found}, expected {values}")
    # These change while the test looks at them.
    used = value(scenario, '100 * (1 - node_memory_MemAvailable_bytes{host="old1"} / node_memory_MemTotal_bytes)')
    available = 1024 * int(machine.check_output("awk '/^MemAvailable/ {print $2}' /proc/meminfo"))
    assert abs(used - 100 * (1 - available / memory)) < 5
    busy = value(scenario, '100 * (1 - avg by (host) (rate(node_cpu_seconds_total{mode="idle",host="old1"}[1m])))')
    assert 0 <= busy <= 100
    assert value(scenario, 'avg by (host) (sum by (host, cpu) (rate(node_cpu_seconds_total{host="old1"}[1m])))') > 0.8


def test_an_alert_of_node_exporter_holds(scenario: t.Any) -> None:
    """The inventory has a threshold for the host. The alert waits for 5 minutes, and is pending."""
    scenario.wait(lambda: scenario.query('ALERTS{alertname="HostDiskUsed",host="old1",severity="warning",mountpoint="/"}', "app"))


def test_a_second_run_changes_nothing(scenario: t.Any) -> None:
    """One remote call. The configuration of the operator and the RRD files are there."""
    for arguments in ((), ("--check", "--diff")):
        play = deploy(scenario, *arguments)
        assert play.rc == 0, play.output
        assert play.changed == []
        assert play.remote("old1") == ["service_files"]
    machine = scenario.on("old1")
    assert machine.file("/etc/collectd/collectd.conf.d/own.conf").exists
    assert machine.file(RRD).exists


def test_a_change_that_fails_is_rolled_back(scenario: t.Any) -> None:
    """Another program has the port. collectd runs on with the former file. Check mode shows the change."""
    machine = scenario.on("old1")
    before = machine.check_output(STATE)
    play = deploy(scenario, "--check", "--diff", collectd_port=9104)
    assert play.rc == 0, play.output
    (difference,) = play.result("old1", "service_files")["diff"]
    assert difference["after"] == difference["before"].replace("9103", "9104")
    assert machine.check_output(STATE) == before
    machine.check_output("systemd-run --unit other python3 -m http.server 9104")
    try:
        play = deploy(scenario, collectd_port=9104)
    finally:
        machine.check_output("systemctl stop other")
    assert play.rc != 0
    message = play.result("old1", "service_files")["msg"]
    assert "write_prometheus" in message
    assert "The former files are back." in message
    assert machine.check_output(STATE) == before


def test_collectd_stays_if_the_role_leaves(scenario: t.Any) -> None:
    """Only the plugin goes. The RRD files are written again."""
    machine = scenario.on("old1")
    try:
        play = deploy(scenario, collectd_state="absent")
        assert play.rc == 0, play.output
        assert not machine.file(CONFIG).exists
        machine.check_output("systemctl is-active collectd")
        assert machine.run("python3 -c \"import socket; socket.create_connection(('127.0.0.1', 9103), 2)\"").rc != 0
        assert deploy(scenario, collectd_state="absent").changed == []
    finally:
        play = deploy(scenario)
    assert play.rc == 0, play.output
    assert play.remote("old1") == ["service_files"]
