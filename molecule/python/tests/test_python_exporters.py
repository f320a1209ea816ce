# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test the exporters that are Python programs: their metrics in Prometheus have the values of the services."""

from __future__ import annotations

import re
import typing as t

import pytest

COMMITS = """
import ZEO, transaction
db = ZEO.DB(("127.0.0.1", 8100))
with db.transaction() as connection:
    connection.root.x = connection.root.x + 1 if hasattr(connection.root, "x") else 1
db.close()
"""


def value(scenario: t.Any, expression: str) -> float | None:
    """Return the value of *expression*, which has one series; None without a series."""
    found = scenario.query(expression, "app")
    return float(found[0]["value"][1]) if len(found) == 1 else None


def becomes(scenario: t.Any, expression: str, expected: float) -> None:
    """Wait until *expression* has the *expected* value in Prometheus."""
    scenario.wait(
        lambda: value(scenario, expression) == expected,
        lambda: f"{expression} is {value(scenario, expression)}, expected {expected}",
        seconds=30,
    )


def test_a_second_run_changes_nothing(scenario: t.Any) -> None:
    """Each exporter costs two remote calls: the packages and the transaction. The sandbox is tight."""
    play = scenario.play("site.yml", "--tags", "zeo_exporter,mastodon_exporter,xml_exporter", "--skip-tags", "targets,verify")
    assert play.rc == 0, play.output
    assert play.changed == []
    for name in ("zeo_exporter", "mastodon_exporter", "xml_exporter"):
        # The first play of a host looks for Python, too.
        assert [call for call in play.remote("app", f"Deploy {name}") if call != "raw"] == ["package", "release"]
        line = scenario.on("app").check_output(f"systemd-analyze security --no-pager {name}.service | tail -n 1")
        assert float(line.split(":")[1].split()[0]) <= 2.0, line


def test_zeo(scenario: t.Any) -> None:
    """The numbers are those of zeo-nagios. The server stops, and is seen as down."""
    machine = scenario.on("app")
    machine.check_output("/opt/vigie/zeo/current/bin/python3 -c %s", COMMITS)
    own = dict(
        re.findall(r"(\w+)=(\S+)", machine.check_output("/opt/vigie/zeo/current/bin/zeo-nagios -m -s /tmp/nagios 127.0.0.1:8100"))
    )
    assert own["connections"] == "0"
    commits = value(scenario, "zeo_commits_total") or 0
    machine.check_output("/opt/vigie/zeo/current/bin/python3 -c %s", COMMITS)
    scenario.wait(lambda: (value(scenario, "zeo_commits_total") or 0) > commits)
    becomes(scenario, "zeo_up", 1)
    becomes(scenario, "zeo_storages", 1)
    becomes(scenario, "time() - zeo_last_transaction_timestamp_seconds < bool 60", 1)
    machine.check_output("systemctl stop zeo")
    try:
        becomes(scenario, "zeo_up", 0)
        assert value(scenario, "zeo_connections") is None
    finally:
        machine.check_output("systemctl start zeo")
    becomes(scenario, "zeo_up", 1)


def test_mastodon(scenario: t.Any) -> None:
    """The jobs are read by an account of Redis that can only read. The passwords are readable by the service only."""
    for expression, expected in {
        "mastodon_up": 1,
        "mastodon_active_users": 321,
        "mastodon_statuses": 34567,
        "mastodon_peers": 2,
        "mastodon_sidekiq_up": 1,
        'mastodon_sidekiq_queue_jobs{queue="push"}': 1,
        'mastodon_sidekiq_queue_jobs{queue="default"}': 0,
        'time() - mastodon_sidekiq_queue_seconds{queue="push"} > bool 1699999990': 1,
        'mastodon_sidekiq_jobs_total{result="failed"}': 7,
        "mastodon_sidekiq_processes": 1,
    }.items():
        becomes(scenario, expression, expected)
    config = scenario.on("app").file("/etc/vigie/mastodon_exporter.json")
    assert (config.user, config.mode) == ("mastodon_exporter", 0o400)
    scenario.on("app").check_output("redis-cli acl setuser vigie '>other' '<s3cret' && redis-cli client kill user vigie")
    try:
        becomes(scenario, "mastodon_sidekiq_up", 0)
        becomes(scenario, "mastodon_up", 1)
    finally:
        scenario.on("app").check_output("redis-cli acl setuser vigie '>s3cret' '<other'")
    becomes(scenario, "mastodon_sidekiq_up", 1)


def test_xml(scenario: t.Any) -> None:
    """A file that is cut off has no metrics, and other files keep theirs."""
    machine = scenario.on("app")
    becomes(scenario, 'orders{state="open"}', 2)
    becomes(scenario, "orders_queue_length", 4)
    machine.check_output("head -c 60 /srv/store/a.xml >/srv/store/b.xml")
    try:
        becomes(scenario, 'xml_file_up{file="/srv/store/b.xml"}', 0)
        becomes(scenario, "count(orders_queue_length)", 1)
        assert "/srv/store/b.xml: unclosed token" in machine.check_output("journalctl --no-pager -u xml_exporter")
    finally:
        machine.check_output("rm /srv/store/b.xml")


def test_alerts_fire(scenario: t.Any) -> None:
    """Each alert fires, and is resolved after the repair. The alert on broken XML files waits for 10 minutes, and is pending."""
    machine = scenario.on("app")
    states = {
        "ZeoDown": "firing",
        "MastodonDown": "firing",
        "MastodonSidekiqDown": "firing",
        "XmlFileBroken": "pending",
    }

    def found() -> dict[str, str]:
        names = "|".join(states)
        series = scenario.query(f'ALERTS{{alertname=~"{names}"}}', "app")
        return {one["metric"]["alertname"]: one["metric"]["alertstate"] for one in series}

    hurt = "systemctl stop zeo mastodon; redis-cli del processes; echo '<' >/srv/store/b.xml"
    heal = "systemctl start zeo mastodon; redis-cli sadd processes app:1; rm -f /srv/store/b.xml"
    try:
        machine.check_output(hurt)
        scenario.wait(lambda: found() == states, found, seconds=260)
    finally:
        machine.check_output(heal)
    scenario.wait(lambda: found() == {}, found)


@pytest.mark.usefixtures("torn")
def test_an_exporter_leaves_with_its_program(scenario: t.Any) -> None:
    """State absent removes the service, the environments and the files."""
    play = scenario.play("site.yml", "--tags", "xml_exporter", xml_exporter_state="absent")
    assert play.rc == 0, play.output
    for path in ("/opt/vigie/xml_exporter", "/etc/systemd/system/xml_exporter.service", "/etc/vigie/xml_exporter.json"):
        assert not scenario.on("app").file(path).exists, path
