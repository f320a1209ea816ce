# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test that a failed host does not affect other hosts, and that a run finishes an interrupted run.

The tests share a fleet and run in any order.
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
# The message of each broken host, and the command that repairs the host.
BROKEN = {
    "unreachable": ("ssh: connect to host 198.18.5.12 port 22", "true"),
    "full": ("bytes free. Free some space", "umount /opt"),
    "pythonless": ("/usr/bin/python3", "mv /root/away/* /usr/bin"),
    "stranger": ("Permission denied (publickey)", "mv /root/away/* /etc/ssh"),
    "readonly": ("Read-only file system", "umount -l /usr"),
}


def states(scenario: t.Any) -> dict[str, str]:
    """Return the health of the node_exporter target of every host."""
    return {x["labels"]["host"]: x["health"] for x in scenario.targets() if x["labels"]["job"] == "node"}


def inside(scenario: t.Any, host: str, script: str) -> str:
    """Run a script in the container of *host*, without SSH and Python."""
    command = ["docker", "exec", f"vigie-{scenario.fleet}-{host}", "sh", "-ec", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def fleet() -> dict[str, t.Any]:
    """Keep the state of the fleet: ``play`` is the run against broken hosts, ``mended`` is set when the hosts are repaired."""
    return {}


@pytest.fixture
def tried(scenario: t.Any, fleet: dict[str, t.Any]) -> t.Any:
    """Return the result of a run against the broken hosts."""
    if "play" not in fleet:
        if "mended" in fleet:
            scenario.renew(*HEALTHY, *BROKEN)
            broken = scenario.play("../molecule/broken/converge.yml")
            assert broken.rc == 0, broken.output
        scenario.docker("kill", "unreachable")
        fleet["play"] = scenario.play("site.yml", "--timeout", "5")
    return fleet["play"]


def test_each_broken_host_says_what_is_wrong_and_the_others_finish(scenario: t.Any, tried: t.Any) -> None:
    """Each broken host has one failure with its reason. Healthy hosts are up, and broken hosts stay targets that are down."""
    play = tried
    assert play.rc != 0
    for host, (reason, _mend) in BROKEN.items():
        # The failed task, and, unless the connection failed, a task at the end, so that the recap counts the failure.
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
    """No unit, link or download is left on the host."""
    assert inside(scenario, host, "ls /etc/systemd/system /usr/local/bin | grep -c exporter || true").strip() == "0"
    assert inside(scenario, host, "find /opt -type f | grep -v lock || true") == ""


@pytest.mark.usefixtures("tried")
def test_verify_names_them(scenario: t.Any) -> None:
    """The playbook verify lists each broken host."""
    problems = scenario.play("verify.yml").result("monitor", "assert")["msg"]
    assert sorted(line.partition(":")[0] for line in problems) == sorted(BROKEN)


@pytest.mark.usefixtures("tried")
def test_a_batch_with_too_many_failures_stops_the_run(scenario: t.Any) -> None:
    """The run does not change later batches. Without the limit, the run tries all hosts."""
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
    """After a repair and a run that is killed with SIGKILL, the next run deploys all hosts, and a third run changes nothing."""
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
            # Some hosts are deployed, others are not. The output has colours, because Molecule enables them.
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
