# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test two operators who deploy different configurations at the same time. The tests share a fleet and run in any order."""

from __future__ import annotations

import subprocess
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

# Holds the lock of the configuration until another process has waited long enough to print its message.
HOLD = """
import fcntl, glob, os, time
lock = "/run/vigie/.locks/the-directory-%2Fetc%2Fprometheus"
handle = os.open(lock, os.O_RDWR)
fcntl.flock(handle, fcntl.LOCK_EX)
os.pwrite(handle, b'{"user": "alice", "process": 1, "since": "today"}', 0)
print("held", flush=True)

def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""

seen, deadline = 0, time.monotonic() + 120
while seen < 14 and time.monotonic() < deadline:
    others = [path for path in glob.glob("/proc/[0-9]*/fd/*") if path.split("/")[2] != str(os.getpid())]
    seen += any(link(path) == lock for path in others)
    time.sleep(0.5)
"""
LEFT = (
    "find /etc/prometheus /etc/alertmanager /opt/vigie -name .transaction -o -name '.staged*' -o -name '*.part';"
    "find /var/lib/vigie -name 'the-directory*'"
)
DANGLING = "find /etc/prometheus /etc/alertmanager -maxdepth 1 -xtype l"


def whole(scenario: t.Any) -> str:
    """Verify that the configurations on the server are complete and in force. Return the scrape interval of one of them."""
    machine = scenario.on("native")
    machine.check_output("/opt/vigie/prometheus/current/promtool check config /etc/prometheus/prometheus.yml")
    machine.check_output("/opt/vigie/alertmanager/current/amtool check-config /etc/alertmanager/alertmanager.yml")
    assert machine.check_output(LEFT) == ""
    assert machine.check_output(DANGLING) == ""
    assert machine.file("/etc/prometheus/.current").linked_to.startswith("/etc/prometheus/.trees/")
    assert machine.check_output("systemctl is-active prometheus alertmanager node_exporter").split() == ["active"] * 3
    (line,) = machine.check_output("grep --max-count=1 scrape_interval: /etc/prometheus/prometheus.yml").splitlines()
    loaded = scenario.prometheus("status/config", "native")["yaml"]
    assert line.strip() in loaded
    return str(line.split()[-1])


def pair(scenario: t.Any, *runs: tuple[tuple[str, ...], dict[str, t.Any]]) -> list[t.Any]:
    """Run the playbook with the arguments and variables of each of the *runs* at the same time."""
    with ThreadPoolExecutor() as pool:
        started = [pool.submit(scenario.play, "site.yml", *arguments, **variables) for arguments, variables in runs]
        return [one.result() for one in started]


def configuration(number: int) -> dict[str, t.Any]:
    """Return variables that change flags and reloaded files of the server."""
    return {
        "prometheus_scrape_interval": f"{number}s",
        "prometheus_flags": {"query.timeout": f"{60 + number}s"},
        "alertmanager_contacts": {"someone": {"webhook": f"http://localhost:1/{number}"}},
    }


@pytest.fixture
def deployed(scenario: t.Any) -> None:
    """Provide a server with all services deployed."""
    if not scenario.on("native").file("/opt/vigie/prometheus").exists:
        play = scenario.play("site.yml", "--limit", "native", **configuration(1))
        assert play.rc == 0, play.output


@pytest.mark.usefixtures("bare")
def test_two_first_deployments_at_once(scenario: t.Any) -> None:
    """Accounts, programs, units and configurations are created once, and match the last run."""
    plays = pair(scenario, (("--limit", "native"), configuration(2)), (("--limit", "native"), configuration(3)))
    assert [play.rc for play in plays] == [0, 0], "\n".join(play.output for play in plays if play.rc)
    assert whole(scenario) in ("2s", "3s")
    modes = scenario.on("native").check_output(
        "stat -c '%a %U %n' /opt/vigie /opt/vigie/prometheus /etc/prometheus /etc/alertmanager"
    )
    assert [line.split()[:2] for line in modes.splitlines()] == [["755", "root"]] * 2 + [["750", "root"]] * 2
    assert not scenario.on("native").run("sudo -u nobody ls /run/vigie/.locks").succeeded


@pytest.mark.usefixtures("deployed")
def test_a_refresh_during_a_deployment(scenario: t.Any) -> None:
    """No run rolls back the change of the other run, or takes it for an interrupted run."""
    deployment = (("--tags", "prometheus", "--limit", "native"), configuration(4))
    refresh = (("--tags", "targets"), configuration(5))
    plays = pair(scenario, deployment, refresh)
    assert [play.rc for play in plays] == [0, 0], "\n".join(play.output for play in plays if play.rc)
    assert whole(scenario) in ("4s", "5s")


@pytest.mark.usefixtures("deployed")
def test_who_waits_is_told_whom_for(scenario: t.Any) -> None:
    """The message comes while the run waits. Then the run continues."""
    container = f"vigie-{scenario.fleet}-native"
    with subprocess.Popen(["docker", "exec", container, "python3", "-c", HOLD], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        play = scenario.play("site.yml", "--tags", "targets", **configuration(6))
    assert play.rc == 0, play.output
    told = " ".join(play.output.split())
    assert (
        "Host native: Another run (of the user alice, process 1, since today) is changing the directory /etc/prometheus" in told
    )
    assert whole(scenario) == "6s"
