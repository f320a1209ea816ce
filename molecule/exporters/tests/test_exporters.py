# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test the exporters with real services. The tests share a fleet and run in any order."""

from __future__ import annotations

import json
import re
import time
import typing as t
import uuid
from pathlib import Path

import bcrypt
import pytest
import yaml

ROOT = Path(__file__).parents[3]
UNITS = {
    "monitor": ["blackbox_exporter"],
    "web1": ["node_exporter", "apache_exporter", "uwsgi_exporter", "uwsgi_exporter-admin"],
    "db1": ["node_exporter", "haproxy_exporter", "postgres_exporter", "redis_exporter"],
}


def values(scenario: t.Any, expression: str, *labels: str) -> dict[str, float]:
    """Return the result of a query: the values by the values of *labels*, joined by spaces."""
    return {
        " ".join(series["metric"].get(label, "") for label in labels): float(series["value"][1])
        for series in scenario.query(expression)
    }


def targets(scenario: t.Any) -> dict[str, str]:
    """Return the health of each target by job and host. Series of a removed job stay for five minutes."""
    return {f"{target['labels']['job']} {target['labels'].get('host')}": target["health"] for target in scenario.targets()}


@pytest.mark.parametrize(
    ("expression", "labels", "expected"),
    [
        ('haproxy_server_status{state="UP"}', ("host", "proxy", "server"), {"web1 app one": 1, "web1 app two": 1}),
        ("haproxy_server_up", ("host", "backend", "server"), {"db1 app one": 1, "db1 app two": 1}),
        ("uwsgi_workers", ("uwsgi",), {"shop": 2, "api": 3, "admin": 4}),
        ("node_supervisord_up", ("name",), {"worker": 1, "mailer": 1}),
        ("vigie_supervisord_up", ("name",), {"worker": 1, "mailer": 1}),
        ("supervisord:program_up", ("name",), {"worker": 1, "mailer": 1}),
        ("greeting_total", ("host",), {"web1": 42}),
        (
            'node_systemd_unit_state{state="active"}',
            ("name",),
            {f"{name}.service": 1 for name in ("haproxy", "uwsgi-shop", "uwsgi-api", "uwsgi-admin")},
        ),
        ("pg_up", ("host",), {"db1": 1}),
        ("redis_up", ("host",), {"db1": 1}),
        ("redis_db_keys > 0", ("host", "db"), {"db1 db0": 1}),
        ("probe_http_status_code", ("site", "host"), {"shop web1": 200}),
        ('probe_success{module="icmp"}', ("instance",), {"198.18.7.11": 1}),
        # The start of 2025.
        ("probe_ssl_earliest_cert_expiry", ("site",), {"expired": 1735689600}),
        ("count by (host) (node_textfile_scrape_error)", ("host",), {"web1": 1}),
    ],
)
def test_what_an_exporter_says_is_true(
    scenario: t.Any, expression: str, labels: tuple[str, ...], expected: dict[str, float]
) -> None:
    """Prometheus has the right metrics of each service."""
    scenario.wait(lambda: values(scenario, expression, *labels) == expected, lambda: values(scenario, expression, *labels))


@pytest.fixture(scope="module")
def shop(scenario: t.Any) -> None:
    """Fill a database."""
    scenario.on("db1").check_output(
        "su postgres -c 'createdb shop && psql -q shop -c \"CREATE TABLE t AS SELECT * FROM generate_series(1, 1000000)\"'"
    )


@pytest.mark.usefixtures("shop")
def test_what_is_done_is_counted(scenario: t.Any) -> None:
    """The metrics count requests to Apache, and the size of a database that grows."""
    before = values(scenario, "apache_accesses_total", "host")["web1"]
    scenario.on("web1").check_output(
        "for i in $(seq 200); do python3 -c %s; done", "import urllib.request as u; u.urlopen('http://127.0.0.1:8081/')"
    )
    scenario.wait(
        lambda: values(scenario, "apache_accesses_total", "host")["web1"] >= before + 200, lambda: "requests are not counted"
    )
    scenario.wait(
        lambda: values(scenario, "pg_database_size_bytes", "datname").get("shop", 0) > 3e7,
        lambda: values(scenario, "pg_database_size_bytes", "datname"),
    )


def test_verify_and_the_report_know_them(scenario: t.Any, tmp_path: Path) -> None:
    """The targets, versions and rules are those of the inventory."""
    play = scenario.play("verify.yml", verify_json=str(tmp_path / "verify.json"))
    problems = [check["problem"] for check in json.loads((tmp_path / "verify.json").read_text())["checks"] if check["problem"]]
    assert (play.rc, problems) == (0, []), play.output
    assert scenario.play("report.yml", report_dir=str(tmp_path)).rc == 0
    page = next(tmp_path.glob("*.md")).read_text().replace("\\_", "_")
    head, row = (line.split(" | ") for line in page.splitlines() if line.startswith(("| server |", "| web1 |")))
    cells = dict(zip(head, row))
    for job in ("node", "apache", "haproxy", "uwsgi", "probe_icmp", "probe_tls", "probe_http_2xx"):
        assert cells[job].startswith("✔"), page
    assert cells["postgres"] == "·"


def test_the_exporters_are_shut_in(scenario: t.Any) -> None:
    """The exposure rating of systemd is low, on its scale from 0 to 10."""
    for host, units in UNITS.items():
        for unit in units:
            verdict = scenario.on(host).check_output(f"systemd-analyze security --no-pager {unit}.service | tail -n 1")
            assert float(re.search(r": (\d+\.\d)", verdict).group(1)) <= 2.0, (host, verdict)


@pytest.mark.usefixtures("shop")
def test_the_database_has_no_password_and_no_more_rights(scenario: t.Any) -> None:
    """The database role can read statistics only, and only the system user of the same name can use it."""
    what = "SELECT rolsuper, rolcreatedb, rolpassword IS NULL FROM pg_authid WHERE rolname = 'postgres_exporter'"
    assert scenario.on("db1").check_output("su postgres -c %s", f'psql -XAtc "{what}"') == "f|f|t"
    refused = scenario.on("db1").run("su -s /bin/sh postgres_exporter -c 'psql -Xc \"SELECT * FROM t\" shop'")
    assert "permission denied" in refused.stderr


def test_a_database_elsewhere_is_reached_by_a_password(scenario: t.Any) -> None:
    """The password is in a file that only the user of the service can read, and nowhere else."""
    secret = uuid.uuid4().hex
    machine = scenario.on("db1")
    sql = f"CREATE ROLE monitor LOGIN PASSWORD '{secret}' IN ROLE pg_monitor"
    machine.check_output("su postgres -c %s", f'psql -qc "{sql}"')
    variables = {
        "postgres_exporter_uri": "127.0.0.1:5432/postgres?sslmode=disable",
        "postgres_exporter_database_user": "monitor",
        "postgres_exporter_password": secret,
    }
    play = scenario.play("site.yml", "--tags", "postgres_exporter", "--limit", "db1", "--diff", **variables)
    assert play.rc == 0, play.output
    scenario.wait(lambda: values(scenario, "pg_up", "host") == {"db1": 1}, lambda: values(scenario, "pg_up", "host"))
    file = machine.file("/etc/vigie/postgres_exporter.password")
    assert (file.content_string, file.mode, file.user) == (secret, 0o400, "postgres_exporter")
    assert secret not in play.output + machine.check_output("ps auxeww; journalctl --no-pager -u postgres_exporter")
    assert scenario.play("site.yml", "--tags", "postgres_exporter", "--limit", "db1").rc == 0


def test_supervisord_lets_it_in_after_its_restart_too(scenario: t.Any) -> None:
    """The program supervisord creates the socket again. Only root and the exporter can use the socket."""
    machine = scenario.on("web1")
    rights = "getfacl -p /run/supervisor.sock"
    # A reload creates the socket again at once, which systemd can miss. Several reloads make systemd miss it.
    for command in ("systemctl restart supervisor", *["supervisorctl reload"] * 5):
        machine.check_output(command)
        time.sleep(5)
        scenario.wait(
            lambda: "user:node_exporter:rw-" in machine.run(rights).stdout, lambda: machine.run(rights).stdout, seconds=15
        )
        scenario.wait(
            lambda: values(scenario, "node_supervisord_up", "name") == {"worker": 1, "mailer": 1},
            lambda: machine.check_output("systemctl status vigie-supervisor-access.path"),
        )
    assert "other::---" in machine.check_output(rights)


def test_jobs_are_noted(scenario: t.Any) -> None:
    """The exit status is the status of the command. A failed command keeps the time of the last success."""
    machine = scenario.on("web1")
    # Jobs of the tests of the dashboards.
    machine.check_output("rm -f /var/lib/node_exporter/textfile/job_nightly.prom")
    assert machine.run("vigie-job --every 60 backup sh -c 'exit 3'").rc == 3
    scenario.wait(lambda: values(scenario, "vigie_job_last_status", "name") == {"backup": 3}, lambda: "no job")
    assert values(scenario, "vigie_job_last_success_timestamp_seconds", "name") == {"backup": 0}
    assert machine.run("vigie-job --every 60 backup true").rc == 0
    scenario.wait(
        lambda: values(scenario, "time() - vigie_job_last_success_timestamp_seconds", "name")["backup"] < 60, lambda: "late"
    )
    assert values(scenario, "vigie_job_every_seconds", "name") == {"backup": 60}
    # Cron runs the command for a user with access, and for a user without.
    assert machine.run("runuser -u www-data -- vigie-job cache true").rc == 0
    scenario.wait(lambda: values(scenario, "vigie_job_last_status", "name") == {"backup": 0, "cache": 0}, lambda: "no job")
    assert machine.run("runuser -u nobody -- vigie-job other true").rc == 73
    machine.check_output("rm /var/lib/node_exporter/textfile/job_cache.prom")


def test_alerts_fire_where_services_are_hurt(scenario: t.Any) -> None:
    """An alert fires only for the stopped service, and resolves after the repair."""
    hurts = {
        "web1": ("apache2", "uwsgi-shop"),
        # The version of Debian.
        "db1": ("'postgresql@*'", "haproxy", "redis-server"),
    }
    expected = {
        "ApacheDown web1": 1,
        "HaproxyBackendDown web1": 1,
        "HaproxyServerDown web1": 2,
        "ProbeFailed web1": 2,
        "UwsgiDown web1": 1,
        "SupervisordProgramDown web1": 1,
        "HaproxyDown db1": 1,
        "PostgresDown db1": 1,
        "RedisDown db1": 1,
    }
    names = "|".join(name.split()[0] for name in expected)
    which = (("UwsgiDown", "uwsgi"), ("SupervisordProgramDown", "name"))

    def firing() -> dict[str, float]:
        # Warning and critical of one alert count separately, and so do two servers of a backend.
        query = f'count by (alertname, host) (ALERTS{{alertstate="firing", alertname=~"{names}"}})'
        return values(scenario, query, "alertname", "host")

    scenario.wait(lambda: firing() == {}, firing)
    assert values(scenario, 'ALERTS{alertname="CertificateExpires", alertstate="firing"}', "site", "severity") == {
        "expired warning": 1,
        "expired critical": 1,
    }
    for host, services in hurts.items():
        scenario.on(host).check_output(f"systemctl stop {' '.join(services)}")
    scenario.on("web1").check_output("supervisorctl stop worker")
    began = time.monotonic()
    try:
        scenario.wait(lambda: firing() == expected, firing, seconds=240)
        print(f"all fire {time.monotonic() - began:.0f} s later (they wait for 60 to 120 s)")
        programs = {name: values(scenario, f'ALERTS{{alertname="{name}", alertstate="firing"}}', label) for name, label in which}
        assert programs == {"UwsgiDown": {"shop": 1}, "SupervisordProgramDown": {"worker": 1}}
    finally:
        for host, services in hurts.items():
            scenario.on(host).check_output(f"systemctl start --all {' '.join(services)}")
        scenario.on("web1").check_output("supervisorctl start worker")
    scenario.wait(lambda: firing() == {}, firing)


def test_supervisords_port_waits_for_its_restart(scenario: t.Any) -> None:
    """The role restarts supervisord only on request, and starts the programs that ran before."""
    machine = scenario.on("web1")
    pids = "supervisorctl pid worker; supervisorctl pid"
    before = machine.check_output(pids)
    play = scenario.play("site.yml", "--tags", "open_supervisor_port", "--limit", "web1")
    assert play.rc == 0, play.output
    assert "after its next restart" in " ".join(play.output.split())
    assert play.changed == ["web1: Write the port into supervisord's configuration"]
    assert machine.check_output(pids) == before
    assert not machine.socket("tcp://127.0.0.1:9001").is_listening
    play = scenario.play("site.yml", "--tags", "open_supervisor_port", "--limit", "web1", supervisor_restart=True)
    assert play.rc == 0, play.output
    assert machine.socket("tcp://127.0.0.1:9001").is_listening
    assert not machine.socket("tcp://0.0.0.0:9001").is_listening
    assert machine.check_output("supervisorctl status | grep -c RUNNING") == "2"
    again = scenario.play("site.yml", "--tags", "open_supervisor_port", "--limit", "web1", supervisor_restart=True)
    assert (again.rc, again.changed) == (0, [])


def test_nothing_is_touched_by_looking(scenario: t.Any) -> None:
    """A run with --check --diff on the converged fleet reports no changes."""
    play = scenario.play("site.yml", "--check", "--diff")
    assert play.rc == 0, play.output
    assert play.changed == []


def test_a_second_run_changes_nothing_and_makes_few_calls(scenario: t.Any) -> None:
    """One call looks at what a role has on a host, and one more at the service of somebody else."""
    play = scenario.play("site.yml")
    assert (play.rc, play.changed) == (0, []), play.output
    calls = {host: play.remote(host) for host in ("web1", "db1", "bare")}
    print(calls)
    # node_exporter (2, and 2 for the users of vigie-job), apache (2), haproxy, redis, uwsgi and two instances, the firewall.
    assert len(calls["web1"]) <= 12, calls["web1"]
    # postgres_exporter has two: its role in the database, and the release.
    assert len(calls["db1"]) <= 8, calls["db1"]
    assert len(calls["bare"]) <= 2, calls["bare"]


@pytest.mark.usefixtures("torn")
def test_instances_come_and_go(scenario: t.Any, edited: t.Any) -> None:
    """With the tag and the limit, the run changes only this exporter on this host."""

    def change(groups: dict[str, t.Any]) -> None:
        instances = groups["services"]["hosts"]["web1"]["uwsgi_exporter_instances"]
        instances[:] = [
            {"name": "shop", "stats": "tcp://127.0.0.1:1717"},
            {"name": "back", "stats": "unix:///run/uwsgi-admin/stats.sock", "port": 9121},
        ]

    machine = scenario.on("web1")
    other = "systemctl show -p MainPID -p ActiveEnterTimestamp node_exporter apache_exporter uwsgi_exporter haproxy apache2"
    before = machine.check_output(other)
    play = scenario.play("site.yml", "--tags", "uwsgi_exporter", "--limit", "web1", inventory=edited(change))
    assert play.rc == 0, play.output
    assert play.changed == [
        "web1: Deploy the release, its unit and its configuration",
        "web1: Deploy the release, its unit and its configuration",
        "web1: Apply the firewall rules for the monitoring servers",
        "web1: Refresh targets, rules and configuration of the Prometheus servers",
    ]
    assert machine.check_output(other) == before
    assert (
        machine.check_output("cd /etc/systemd/system; ls uwsgi_exporter*")
        == "uwsgi_exporter-back.service\nuwsgi_exporter.service"
    )
    scenario.wait(lambda: values(scenario, "uwsgi_workers", "uwsgi") == {"shop": 2, "back": 4}, lambda: "workers")
    scenario.wait(lambda: set(values(scenario, 'up{job="uwsgi"}', "uwsgi")) == {"shop", "back"}, lambda: "up")


def test_what_leaves_its_group_is_removed(scenario: t.Any, edited: t.Any) -> None:
    """The run removes unit, program, configuration, firewall rule and target. Other services of the host keep running."""

    def change(groups: dict[str, t.Any]) -> None:
        for role in ("uwsgi_exporter", "apache_exporter", "haproxy_exporter"):
            del groups[role]

    play = scenario.play("site.yml", inventory=edited(change), prometheus_lost_targets="accept")
    assert play.rc == 0, play.output
    machine = scenario.on("web1")
    assert machine.check_output("ls /etc/systemd/system | grep exporter") == "node_exporter.service"
    assert machine.check_output("ls /usr/local/bin") == "node_exporter\nvigie-job"
    assert machine.check_output("ls /opt/vigie") == "node_exporter"
    assert "vigie" not in machine.file("/etc/haproxy/haproxy.cfg").content_string
    assert not machine.file("/etc/apache2/conf-enabled/vigie-status.conf").exists
    assert {"haproxy", "apache2"} <= {name for name in ("haproxy", "apache2") if machine.service(name).is_running}
    rules = machine.check_output("iptables-save")
    assert "--dport 9100" in rules
    assert not re.search(r"--dport (9101|9117|9118|9120|9121)", rules)
    assert not re.search("haproxy|apache|uwsgi", str(targets(scenario)))
    again = scenario.play("site.yml", inventory=edited(change))
    assert (again.rc, again.changed) == (0, [])
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output


@pytest.mark.parametrize(
    ("role", "message"),
    [
        ("haproxy_exporter", "Host bare: HAProxy is not installed"),
        ("apache_exporter", "Host bare: no Apache in /etc/apache2"),
        ("postgres_exporter", "Host bare: PostgreSQL does not answer at /var/run/postgresql, port 5432"),
    ],
)
def test_a_host_without_the_service_is_refused(scenario: t.Any, edited: t.Any, role: str, message: str) -> None:
    """The message names the remedy. The run deploys the other hosts."""
    inventory = edited(lambda groups: groups[role].setdefault("hosts", {}).update({"bare": None}))
    play = scenario.play("site.yml", "--tags", role, inventory=inventory)
    assert play.rc != 0
    output = " ".join(play.output.split())
    assert message in output
    assert f"{role}_state: absent" in output
    assert not any(change.startswith("bare:") for change in play.changed)
    skipped = scenario.play("site.yml", "--tags", role, "--limit", "bare", inventory=inventory, **{f"{role}_state": "absent"})
    # The run removes the target that the failed run has left.
    assert (skipped.rc, [change for change in skipped.changed if "Refresh" not in change]) == (0, [])
    assert scenario.play("site.yml", "--tags", "targets").rc == 0


def test_an_exporter_of_ones_own(scenario: t.Any) -> None:
    """The example of docs/own_exporter.md works: the role release_service with variables."""
    text = (ROOT / "docs/own_exporter.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    first = next(index for index, block in enumerate(blocks) if "release_service_name: pushgateway" in block)
    playbook, variables = blocks[first : first + 2]
    directory = ROOT / ".cache" / "own_exporter"
    directory.mkdir(parents=True, exist_ok=True)
    # A version on the mirror.
    version = scenario.var("web1", "pushgateway_version")
    (directory / "pushgateway.yml").write_text(re.sub(r"(?<=release_service_version: ).*", version, playbook))
    scrapes = yaml.safe_load(variables)["batch"]["vars"]["monitoring_scrapes"]
    play = scenario.play(str(directory / "pushgateway.yml"), hosts="web1")
    assert play.rc == 0, play.output
    play = scenario.play("site.yml", "--tags", "targets,verify", "--limit", "web1", monitoring_scrapes=scrapes)
    assert play.rc == 0, play.output
    assert values(scenario, 'up{job="pushgateway", host="web1"}', "instance") == {"web1:9091": 1}


def test_tls_and_a_password_for_all_by_one_variable(scenario: t.Any, edited: t.Any) -> None:
    """Prometheus uses TLS and the password.

    Requests without the password fail, and nothing shows the password. Removing it works, too.
    """
    secret = uuid.uuid4().hex
    web = {
        "cert_file": "/etc/ssl/vigie.crt",
        "key_file": "/etc/ssl/vigie.key",
        "ca_file": "/etc/ssl/vigie.crt",
        "server_name": "monitoring.example.com",
        "username": "prometheus",
        "password": secret,
        "password_hash": bcrypt.hashpw(secret.encode(), bcrypt.gensalt(4)).decode(),
    }
    # The stand-in for uwsgi_exporter does not support TLS.
    inventory = edited(lambda groups: groups.pop("uwsgi_exporter"))
    (inventory / "group_vars/all/web.yml").write_text(yaml.safe_dump({"monitoring_web": web}))
    # Targets of an earlier test can still exist.
    play = scenario.play("site.yml", "--diff", inventory=inventory, prometheus_lost_targets="accept")
    assert play.rc == 0, play.output
    jobs = {"node web1", "apache web1", "postgres db1", "haproxy db1", "haproxy web1", "blackbox monitor", "probe_tls web1"}
    with scenario.served_with(web):
        scenario.wait(lambda: set(targets(scenario).values()) == {"up"}, lambda: targets(scenario))
        assert jobs <= set(targets(scenario))
        scenario.wait(lambda: values(scenario, 'probe_success{module="http_2xx"}', "site") == {"shop": 1})
    machine = scenario.on("web1")
    program = "import sys, ssl, urllib.request as u; u.urlopen(sys.argv[1], context=ssl._create_unverified_context())"
    assert "401" in machine.run("python3 -c %s %s", program, "https://127.0.0.1:9100/metrics").stderr
    assert "400" in machine.run("python3 -c %s %s", program, "http://127.0.0.1:9100/metrics").stderr
    seen = machine.check_output("ps auxeww; journalctl --no-pager; ls -lR /etc/vigie /run/vigie")
    assert secret not in seen + play.output
    assert web["password_hash"] not in seen + play.output
    again = scenario.play("site.yml", inventory=inventory)
    assert (again.rc, again.changed) == (0, [])
    # A new password, to lock out users of the first one.
    web["password"] = uuid.uuid4().hex
    web["password_hash"] = bcrypt.hashpw(web["password"].encode(), bcrypt.gensalt(4)).decode()
    (inventory / "group_vars/all/web.yml").write_text(yaml.safe_dump({"monitoring_web": web}))
    play = scenario.play("site.yml", inventory=inventory)
    assert play.rc == 0, play.output
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output
    assert "200" in machine.check_output(
        "python3 -c %s", "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9100/metrics').status)"
    )


@pytest.mark.usefixtures("torn")
def test_offboarding_leaves_nothing(scenario: t.Any) -> None:
    """The playbook offboard removes all files of the collection from the host. Other services keep running."""
    own = scenario.on("web1").run("ls -d /opt/vigie/pushgateway /usr/local/bin/pushgateway 2>/dev/null").stdout
    play = scenario.play("offboard.yml", host="web1")
    assert play.rc == 0, play.output
    machine = scenario.on("web1")
    left = "cd /etc/systemd/system; ls -d *exporter* vigie* /usr/local/bin/* /usr/local/lib/vigie /opt/vigie/* 2>/dev/null"
    assert machine.run(left).stdout == own
    assert "vigie" not in machine.file("/etc/haproxy/haproxy.cfg").content_string
    assert not machine.file("/etc/apache2/conf-enabled/vigie-status.conf").exists
    assert all(machine.service(name).is_running for name in ("haproxy", "apache2", "uwsgi-shop", "supervisor"))
    assert "VIGIE" not in machine.check_output("iptables-save")
