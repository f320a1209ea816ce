# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every query of the dashboards of these exporters, as Grafana sends it, against Prometheus and the real services."""

from __future__ import annotations

import typing as t

import dashboard_checks
import pytest

ROLES = dashboard_checks.roles_of("services") - {"prometheus"}
PAGES = dashboard_checks.pages(ROLES)
# Panels without data in this scenario, by dashboard, with the reason.
NO_DOCKER = "the host has no Docker"
ONE_SENSOR = "the simulated BMC has one sensor of temperature only"
EMPTY = {
    "vigie-cadvisor": dict.fromkeys(
        (
            *("Containers", "CPU, in cores", "Memory", "Received", "Sent", "Read from disks", "Written to disks"),
            *("Periods without CPU time", "Started"),
        ),
        NO_DOCKER,
    ),
    "vigie-ipmi": dict.fromkeys(("Fans", "Power", "Voltages"), ONE_SENSOR),
    "vigie-bind": {"Zone transfers": "the server has no copies of zones"},
    "vigie-systemd": {"Tasks": "systemd counts no tasks in these containers"},
}
# Metrics that the rules and dashboards of a role use and that do not exist in this scenario, by role, with the reason.
NO_REPLICA = "the database is no replica"
ABSENT: dict[str, dict[str, str]] = {
    "bind_exporter": dict.fromkeys(
        ("bind_zone_transfer_failure_total", "bind_zone_transfer_success_total"), "the server has no copies of zones"
    ),
    "mysqld_exporter": dict.fromkeys(
        (
            *("mysql_slave_status_seconds_behind_master", "mysql_slave_status_slave_io_running"),
            "mysql_slave_status_slave_sql_running",
        ),
        NO_REPLICA,
    ),
    "systemd_exporter": {"systemd_unit_tasks_current": "systemd counts no tasks in these containers"},
    "cadvisor": {
        "container_cpu_cfs_periods_total": NO_DOCKER,
        "container_cpu_cfs_throttled_periods_total": NO_DOCKER,
        "container_fs_reads_bytes_total": "the kernel does not count the bytes of control groups here",
        "container_fs_writes_bytes_total": "the kernel does not count the bytes of control groups here",
        "container_oom_events_total": "cAdvisor 0.38 of Debian 11 does not have it",
    },
    "ipmi_exporter": {
        "ipmi_dcmi_power_consumption_current_watts": ONE_SENSOR,
        "ipmi_fan_speed_rpm": ONE_SENSOR,
        "ipmi_power_watts": ONE_SENSOR,
        "ipmi_voltage_volts": ONE_SENSOR,
    },
}


@pytest.fixture(scope="module")
def url(scenario: t.Any, pushed: None) -> str:  # noqa: ARG001 - the dashboard of Pushgateway shows it
    """Return the URL of Prometheus."""
    return f"http://{scenario.var('monitor', 'ansible_host')}:9090"


@pytest.mark.parametrize("uid", PAGES)
def test_every_query_finds_something(scenario: t.Any, url: str, uid: str) -> None:
    """Each query returns data if all hosts are selected, except the listed panels, which return no data."""
    dashboard_checks.check_queries(scenario, url, PAGES[uid], ["function"], EMPTY.get(uid, {}))


@pytest.mark.parametrize("uid", PAGES)
def test_every_variable_offers_something(scenario: t.Any, url: str, uid: str) -> None:
    """Each variable has values. A query returns data for a selected value, and none for a value that does not exist."""
    dashboard_checks.check_variables(scenario, url, PAGES[uid], ["function"])


@pytest.mark.parametrize("role", sorted(ROLES))
def test_the_metrics_of_rules_and_dashboards_exist(url: str, role: str) -> None:
    """A metric that an exporter renames, or that was never there, would silence an alert without notice."""
    dashboard_checks.check_metrics(url, role, ABSENT.get(role, {}))
