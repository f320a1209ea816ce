# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test the way of a line in a log to the message that a contact receives."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

LOG = "/var/log/app/app.log"
NO_SPACE = "write: No space left on device"
# Writes numbered lines for three seconds. A program that reopens its log renames the log before, as logrotate does.
WRITER = """
import os, sys, time
log = open(sys.argv[1], "a", buffering=1)
for number in range(9000):
    if number in (3000, 6000):
        os.rename(sys.argv[1], f"{sys.argv[1]}.{number}")
        log = open(sys.argv[1], "a", buffering=1)
    log.write(f"{number} write: No space left on device: /{number}\\n")
    if number % 30 == 0:
        time.sleep(0.01)
"""
UNIT = """[Service]
ExecStart=/bin/sh -c 'for number in $(seq 1500); do echo job $number failed; sleep 0.002; done'
LogRateLimitIntervalSec=0
"""


def counted(scenario: t.Any, metric: str, program: str) -> float:
    """Return the value of a counter of mtail on sms1."""
    samples = scenario.get("sms1", "http://localhost:3903/metrics").splitlines()
    found = [line.split()[1] for line in samples if line.startswith(f'{metric}{{prog="{program}.mtail"}}')]
    return float(found[0]) if found else 0.0


def firing(scenario: t.Any, name: str) -> list[dict[str, str]]:
    """Return the labels of each firing alert with this name."""
    return [
        alert["labels"]
        for alert in scenario.prometheus("alerts", "monitor1")["alerts"]
        if alert["labels"]["alertname"] == name and alert["state"] == "firing"
    ]


def write(scenario: t.Any, line: str, log: str = LOG) -> None:
    """Append a line to a log of sms1."""
    scenario.on("sms1").check_output("mkdir -p /var/log/app && echo %s >> %s", line, log)


def test_a_line_is_an_alert_until_its_window_ends(scenario: t.Any, inbox: t.Any) -> None:
    """The first line after a restart of mtail fires for its host. A state ends with its other line, not with the window."""
    scenario.on("sms1").check_output(f"mkdir -p /var/log/app; touch {LOG} /var/log/app/db.log; systemctl restart mtail; sleep 1")
    inbox.messages.clear()
    write(scenario, f"{NO_SPACE}: /srv")
    write(scenario, "replica lost", "/var/log/app/db.log")
    # A scrape and an evaluation take two seconds each.
    scenario.wait(lambda: firing(scenario, "LogOutOfDisk"), seconds=8)
    (labels,) = firing(scenario, "LogOutOfDisk")
    assert (labels["host"], labels["path"], labels["function"]) == ("sms1", "/srv", "sms")
    assert "sms1 has run out of disk space in /srv" in inbox.wait(20, "sms@example.com", "FIRING", "LogOutOfDisk")
    inbox.wait(20, "sms@example.com", "FIRING", "LogReplica")
    inbox.wait(40, "sms@example.com", "RESOLVED", "LogOutOfDisk")
    assert firing(scenario, "LogReplica")
    write(scenario, "replica back", "/var/log/app/db.log")
    scenario.wait(lambda: not firing(scenario, "LogReplica"), seconds=8)
    inbox.wait(20, "sms@example.com", "RESOLVED", "LogReplica")


def test_no_line_is_lost_while_a_log_rotates(scenario: t.Any) -> None:
    """At 3,000 lines a second, mtail counts all lines through two rotations. Only three of the 9,000 values become labels."""
    machine = scenario.on("sms1")
    machine.check_output(f"mkdir -p /var/log/app; touch {LOG}; systemctl restart mtail; sleep 1")
    machine.check_output("python3 -c %s %s", WRITER, LOG)
    scenario.wait(lambda: counted(scenario, "log_rule_matches_total", "out_of_disk") >= 9000, seconds=5)
    assert counted(scenario, "log_rule_matches_total", "out_of_disk") == 9000
    series = scenario.get("sms1", "http://localhost:3903/metrics").count("\nlog_rule_out_of_disk_matches_total{")
    # The three values, and one for all others.
    assert series == 4
    scenario.wait(lambda: firing(scenario, "LogLabelValuesDropped"), seconds=10)


def test_the_journal_is_read_through_restarts_without_loss(scenario: t.Any) -> None:
    """The reader of the journal, mtail and journald restart while a unit writes. Each line counts once."""
    machine = scenario.on("sms1")
    machine.check_output("systemctl stop mtail; echo %s > /etc/systemd/system/jobs.service; systemctl daemon-reload", UNIT)
    machine.check_output(
        "systemctl start --no-block jobs; for restart in 1 2 3; do sleep 0.7; systemctl restart systemd-journald;"
        " systemctl restart vigie-mtail-journal; done; systemctl kill --signal KILL vigie-mtail-journal; systemctl start mtail"
    )
    scenario.wait(lambda: machine.run("systemctl is-active jobs").stdout.strip() == "inactive", seconds=30)
    scenario.wait(lambda: counted(scenario, "log_rule_matches_total", "jobs") >= 1500, seconds=10)
    assert counted(scenario, "log_rule_matches_total", "jobs") == 1500
    scenario.wait(lambda: firing(scenario, "LogJobs"), seconds=10)


def test_an_example_that_does_not_match_changes_nothing(scenario: t.Any, edited: t.Any) -> None:
    """The message names the rule and the line. The programs, the service and other roles stay as they are."""
    machine = scenario.on("sms1")
    look = "find /etc/mtail /opt/vigie ! -type d -printf '%p %l %T@\\n' | sort; systemctl show -p MainPID mtail node_exporter"
    before = machine.check_output(look)
    play = scenario.play("site.yml", "--tags", "mtail", "--limit", "sms1", inventory=edited(changed))
    assert play.rc != 0
    message = " ".join(str(result["res"].get("msg", "")) for result in play.results)
    assert "log rule jobs: match does not match the example in examples.matches: 'job is fine'" in message
    assert play.changed == []
    assert machine.check_output(look) == before


def changed(groups: dict[str, t.Any]) -> None:
    """Add an example that does not match."""
    groups["sms"]["hosts"]["sms1"]["monitoring_logs"][2]["examples"] = {"matches": ["job is fine"]}


@pytest.mark.usefixtures("torn")
def test_a_host_without_rules_has_no_mtail(scenario: t.Any, edited: t.Any) -> None:
    """The services, the programs, the pipes and the state are removed. Nothing else on the host changes."""
    machine = scenario.on("sms1")
    pid = machine.check_output("systemctl show -p MainPID node_exporter")
    copy: Path = edited(lambda groups: groups["sms"]["hosts"]["sms1"].pop("monitoring_logs"))
    play = scenario.play("site.yml", "--limit", "sms1", inventory=copy)
    assert play.rc == 0, play.output
    for path in (
        *("/etc/mtail", "/opt/vigie/mtail", "/usr/local/lib/vigie-mtail", "/run/vigie/mtail", "/var/lib/vigie-mtail-journal"),
        *("/etc/systemd/system/mtail.service", "/etc/systemd/system/vigie-mtail-journal.service"),
        *("/usr/local/bin/mtail", "/var/lib/private/vigie-mtail-journal"),
    ):
        assert not machine.run("test -e %s -o -L %s", path, path).succeeded, path
    for service in ("mtail", "vigie-mtail-journal"):
        assert machine.run("systemctl is-active %s", service).stdout.strip() == "inactive"
    assert machine.check_output("systemctl show -p MainPID node_exporter") == pid
    assert not [target for target in scenario.targets("monitor1") if target["labels"]["job"] == "mtail"]
