# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on one host harms no other, and a run that was stopped is finished by the next.

The tests share a fleet, and run in any order.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from playbook_runs import ENVIRONMENT

ROOT = Path(__file__).parents[3]
HEALTHY = ["monitor", "healthy"]
# What one host's failure says, and how it is mended.
BROKEN = {
    "unreachable": ("ssh: connect to host 198.18.5.12 port 22", "true"),
    "full": ("bytes free. Free some space", "umount /opt"),
    "pythonless": ("/usr/bin/python3", "mv /root/away/* /usr/bin"),
    "stranger": ("Permission denied (publickey)", "mv /root/away/* /etc/ssh"),
    "readonly": ("Read-only file system", "umount -l /usr"),
}


def states(scenario: t.Any) -> dict[str, str]:
    """Return the health of every host's target of node_exporter."""
    return {x["labels"]["host"]: x["health"] for x in scenario.targets() if x["labels"]["job"] == "node"}


def inside(scenario: t.Any, host: str, script: str) -> str:
    """Run a script in the container of *host*, without SSH and Python."""
    command = ["docker", "exec", f"vigie-{scenario.fleet}-{host}", "sh", "-ec", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def fleet() -> dict[str, t.Any]:
    """Keep what has become of the fleet: ``play`` while its hosts are broken and were tried, ``mended`` when they are whole."""
    return {}


@pytest.fixture
def tried(scenario: t.Any, fleet: dict[str, t.Any]) -> t.Any:
    """Return what a run says of hosts that are broken, each in its way."""
    if "play" not in fleet:
        if "mended" in fleet:
            scenario.renew(*HEALTHY, *BROKEN)
            broken = scenario.play("../molecule/broken/converge.yml")
            assert broken.rc == 0, broken.output
        scenario.docker("kill", "unreachable")
        fleet["play"] = scenario.play("site.yml", "--timeout", "5")
    return fleet["play"]


def test_each_broken_host_says_what_is_wrong_and_the_others_finish(scenario: t.Any, tried: t.Any) -> None:
    """One failure a host, with the reason; what is healthy is up, what is not stays a target that is down."""
    play = tried
    assert play.rc != 0
    for host, (reason, _mend) in BROKEN.items():
        # Once where it happens; where it was not the connection, once more at the end, so that the recap counts it.
        failure, *again = [result for result in play.of(host) if result["failed"]]
        assert [result["task"] for result in again] in ([], ["Fail for the host that has failed"])
        assert f"{host}: " in play.output.partition("List every host that has failed")[2]
        message = " ".join(str(failure["res"].get(key, "")) for key in ("msg", "module_stderr"))
        print(f"{host}: {failure['res']['msg']}")
        assert reason in message, failure["res"]
    assert [host for host in HEALTHY if any(result["failed"] for result in play.of(host))] == []
    found = states(scenario)
    assert {host for host, state in found.items() if state == "up"} == set(HEALTHY)
    assert set(found) == {*HEALTHY, *BROKEN}


@pytest.mark.usefixtures("tried")
@pytest.mark.parametrize("host", ["full", "readonly"])
def test_nothing_is_half_there(scenario: t.Any, host: str) -> None:
    """No unit, no link, no leftover of the download."""
    assert inside(scenario, host, "ls /etc/systemd/system /usr/local/bin | grep -c exporter || true").strip() == "0"
    assert inside(scenario, host, "find /opt -type f | grep -v lock || true") == ""


@pytest.mark.usefixtures("tried")
def test_verify_names_them(scenario: t.Any) -> None:
    """Each with its host."""
    problems = scenario.play("verify.yml").result("monitor", "assert")["msg"]
    assert sorted(line.partition(":")[0] for line in problems) == sorted(BROKEN)


@pytest.mark.usefixtures("tried")
def test_a_batch_with_too_many_failures_stops_the_run(scenario: t.Any) -> None:
    """What comes behind it is not touched; without the limit all are tried."""
    arguments = ("--tags", "node_exporter", "--limit", "full,readonly,healthy,monitor", "--skip-tags", "targets,verify")
    play = scenario.play("site.yml", *arguments, site_serial=1, site_max_fail_percentage=0)
    tried = {result["host"] for result in play.results if result["action"] == "release"}
    assert play.rc != 0
    assert len(tried) < 4, tried
    play = scenario.play("site.yml", *arguments, site_serial=2)
    assert {result["host"] for result in play.results if result["action"] == "release"} == {
        "full",
        "readonly",
        "healthy",
        "monitor",
    }


def test_a_run_that_is_killed_is_finished_by_the_next(scenario: t.Any, fleet: dict[str, t.Any]) -> None:
    """Mended, killed with -9 while hosts are being deployed, run again: all is up, and a third run has nothing to do."""
    fleet.clear()
    fleet["mended"] = True
    scenario.docker("start", "unreachable")
    for host, (_reason, mend) in BROKEN.items():
        inside(scenario, host, mend)
    scenario.heal()
    command = [ROOT / ".venv/bin/ansible-playbook", "-i", ROOT / "molecule/shared/inventory", "-i", scenario.inventory]
    with subprocess.Popen(
        [*command, "--forks", "2", ROOT / "playbooks/site.yml"],
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            # Some hosts are done, others have not begun. Molecule has asked for colours.
            if "changed: [" in line:
                break
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    play = scenario.play("site.yml")
    assert play.rc == 0, play.output
    assert play.changed != []
    deadline = time.monotonic() + 20
    while set(states(scenario).values()) != {"up"}:
        assert time.monotonic() < deadline
        time.sleep(1)
    assert scenario.play("site.yml").changed == []
    assert scenario.play("verify.yml").rc == 0
