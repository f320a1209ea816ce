# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One row for each exporter: a metric with its true value, what hurts the service, and the alert that fires then."""

from __future__ import annotations

import os
import re
import time
import typing as t

import exporter_facts
import pytest


class Row(t.NamedTuple):
    """An exporter and its service."""

    role: str
    # The query, the labels whose values name the results, and the results.
    query: str
    labels: tuple[str, ...]
    expected: dict[str, float]
    # The alert that fires after a command on the host. Empty: no service of this scenario can be hurt.
    alert: str = ""
    hurt: str = "true"
    heal: str = "true"
    host: str = "app1"
    # The host of the service, if it is not the host of the exporter.
    at: str = ""
    # The Debian package of the service.
    package: str = ""
    # What takes the place of a service that cannot run in a container.
    stand_in: str = ""
    # The highest exposure of the unit.
    most: float = 2.0


def stops(service: str) -> tuple[str, str]:
    """Return the commands that stop and start *service*."""
    return f"systemctl stop {service}", f"systemctl start {service}"


ROWS = (
    Row(
        *("bind_exporter", 'bind_zone_serial{zone_name="shop.example.com"}', ("zone_name",), {"shop.example.com": 2026010203}),
        *("BindDown", *stops("named")),
        package="bind9",
    ),
    Row(
        "cadvisor",
        "machine_cpu_cores",
        ("host",),
        {"app1": os.cpu_count() or 0},
        stand_in="control groups of systemd; containers of Docker by hand",
    ),
    Row(
        *("ipmi_exporter", "ipmi_temperature_celsius", ("name",), {"Inlet": 41}),
        *("IpmiSensorCritical", "echo 95 >/run/inlet", "echo 41 >/run/inlet"),
        stand_in="a BMC that ipmi_sim of OpenIPMI simulates, FreeIPMI 1.6",
    ),
    Row(
        *("mysqld_exporter", "mysql_global_variables_max_connections", ("host",), {"app1": 151}),
        *("MysqlDown", *stops("mariadb.socket mariadb.service")),
        package="mariadb-server",
    ),
    Row("nginx_exporter", "nginx_up", ("host",), {"app1": 1}, "NginxDown", *stops("nginx"), package="nginx-light"),
    Row(
        *("pgbouncer_exporter", "pgbouncer_config_max_client_connections", ("host",), {"app1": 100}),
        *("PgbouncerDown", *stops("pgbouncer")),
        package="pgbouncer",
    ),
    Row(
        *("phpfpm_exporter", "php_fpm_up", ("socket_path",), {"/run/php/php8.2-fpm.sock": 1}),
        *("PhpfpmDown", *stops("php8.2-fpm")),
        package="php8.2-fpm",
    ),
    Row(
        *("postfix_exporter", "sum by (host) (postfix_showq_queue_depth)", ("host",), {"app1": 1}),
        *("PostfixDown", *stops("postfix")),
        package="postfix",
    ),
    Row(
        *("process_exporter", "namedprocess_namegroup_num_procs", ("groupname",), {"mailer": 2}),
        *("ProcessMissing", *stops("mailer")),
        package="procps",
    ),
    # Nothing pushes for a minute.
    Row(
        *("pushgateway", "copied_files", ("job", "host"), {"backup monitor": 42}),
        *("PushgatewayGroupOld", "true", "true", "monitor"),
        stand_in="a pushed job",
    ),
    Row(
        *("snmp_exporter", 'ifOperStatus{ifName="uplink"}', ("host", "job", "instance"), {"app1 snmp_if_mib 198.18.22.11": 1}),
        *("DeviceInterfaceDown", "ip link set switch down", "ip link set switch up", "monitor", "app1"),
        package="snmpd",
    ),
    Row(
        *("smartctl_exporter", "smartctl_device_percentage_used", ("device",), {"nvme0": 12}),
        *("DiskFailing", "touch /run/disk.fails", "rm -f /run/disk.fails"),
        stand_in="answers in the form of smartctl, made by hand: containers have no disks",
        # Disks answer programs with CAP_SYS_ADMIN (NVMe) and CAP_SYS_RAWIO (SATA) only.
        most=2.1,
    ),
    Row(
        *("squid_exporter", "squid_info_Maximum_number_of_file_descriptors", ("host",), {"app1": 4096}),
        *("SquidDown", *stops("squid")),
        package="squid",
    ),
    Row(
        *("systemd_exporter", 'systemd_unit_state{name="mailer.service"} == 1', ("state",), {"active": 1}),
        *(
            "SystemdUnitFailed",
            "touch /run/backup.fails; ! systemctl start backup",
            "rm -f /run/backup.fails; systemctl start backup",
        ),
        package="systemd",
    ),
    Row(
        "varnish_exporter", "varnish_main_client_req", ("host",), {"app1": 1}, "VarnishDown", *stops("varnish"), package="varnish"
    ),
)
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.role)


@each_row
@pytest.mark.usefixtures("pushed")
def test_a_metric_is_true(scenario: t.Any, row: Row) -> None:
    """Prometheus has the right metric of the service."""

    def values() -> dict[str, float]:
        return {
            " ".join(series["metric"].get(label, "") for label in row.labels): float(series["value"][1])
            for series in scenario.query(row.query)
        }

    scenario.wait(lambda: values() == row.expected, values)
    host, (name, value) = row.at or row.host, next(iter(row.expected.items()))
    exporter_facts.record(
        row.role,
        version=scenario.var(row.host, f"{row.role}_version"),
        service=row.stand_in or exporter_facts.version_of(scenario.on(host), row.package),
        metric=f"{row.query} of {name}: {value:.15g}",
    )


@each_row
def test_the_exporter_is_shut_in(scenario: t.Any, row: Row) -> None:
    """The exposure rating of systemd is low, on its scale from 0 to 10."""
    exposure = exporter_facts.exposure(scenario.on(row.host), row.role)
    exporter_facts.record(row.role, exposure=exposure)
    assert exposure <= row.most


def test_a_second_run_changes_nothing_and_makes_few_calls(scenario: t.Any) -> None:
    """One call looks at the exporter, and one more at the service of somebody else."""
    play = scenario.play("site.yml")
    assert (play.rc, play.changed) == (0, []), play.output
    # The first play of a host looks for Python, too.
    calls = {row.role: [call for call in play.remote(row.host, f"Deploy {row.role}") if call != "raw"] for row in ROWS}
    for role, of_role in calls.items():
        exporter_facts.record(role, calls=len(of_role))
    assert {role: len(of_role) for role, of_role in calls.items() if not 1 <= len(of_role) <= 2} == {}


def test_looking_changes_nothing(scenario: t.Any) -> None:
    """A run with --check --diff on the converged fleet reports no changes."""
    play = scenario.play("site.yml", "--check", "--diff")
    assert (play.rc, play.changed) == (0, []), play.output


def test_the_account_of_the_database_reads_no_data(scenario: t.Any) -> None:
    """The account of mysqld_exporter has no password, is for one user of the system, and reads the state of the server only."""
    machine = scenario.on("app1")
    machine.check_output("mariadb -e 'CREATE DATABASE IF NOT EXISTS shop; CREATE TABLE IF NOT EXISTS shop.t (a INT)'")
    program = "mariadb --user=mysqld_exporter --batch --skip-column-names --execute"
    refused = machine.run(f"runuser -u mysqld_exporter -- {program} %s", "SELECT * FROM shop.t")
    assert "denied" in refused.stderr
    assert "denied" in machine.run(f"runuser -u www-data -- {program} 'SELECT 1'").stderr
    grants = machine.check_output(f"runuser -u mysqld_exporter -- {program} 'SHOW GRANTS'")
    assert set(re.findall(r"GRANT (.*?) ON", grants)) == {"PROCESS, BINLOG MONITOR, SLAVE MONITOR", "SELECT"}


def test_alerts_fire(scenario: t.Any, push: str) -> None:
    """Each alert fires, and is resolved after the repair."""
    scenario.on("monitor").check_output(push)
    expected = {f"{row.alert} {row.at or row.host}" for row in ROWS if row.alert}
    names = "|".join(row.alert for row in ROWS if row.alert)

    def firing() -> set[str]:
        found = scenario.query(f'ALERTS{{alertstate="firing", alertname=~"{names}"}}')
        return {f"{series['metric']['alertname']} {series['metric']['host']}" for series in found}

    scenario.wait(lambda: firing() == set(), firing)
    began = time.monotonic()
    try:
        for row in ROWS:
            scenario.on(row.at or row.host).check_output(row.hurt)
        scenario.wait(lambda: firing() == expected, firing, seconds=240)
        print(f"all fire {time.monotonic() - began:.0f} s later (they wait for up to 120 s)")
        for row in ROWS:
            exporter_facts.record(row.role, alert=row.alert)
    finally:
        for row in ROWS:
            scenario.on(row.at or row.host).check_output(row.heal)
        scenario.on("monitor").check_output(push)
    scenario.wait(lambda: firing() == set(), firing)
