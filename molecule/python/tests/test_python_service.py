# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test Python programs as services. The wheels come from the controller, or from a package index that the mirror serves.

The tests share a host and run in any order.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import wheelhouse

PLAYBOOK = str(Path(__file__).parents[1] / "program.yml")
# A program that answers with its version.
SERVER = """
import argparse
import http.server

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--web.listen-address", dest="address")
    host, _, port = parser.parse_args().address.rpartition(":")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{version}")

    http.server.ThreadingHTTPServer((host.strip("[]"), int(port)), Handler).serve_forever()
"""
# Kills the module that builds version 2.0, and what it has started.
KILLER = """
while :; do
    for process in $(pgrep -f -- "-m venv /opt/vigie/prog/2.0"); do
        module=$(ps -o ppid= -p $process)
        [ -e /opt/vigie/prog/2.0/bin ] && kill -9 $module $process && exit
    done
    sleep 0.1
done
"""
DIES = "import time\n\ndef main():\n    print('I start and die')\n    time.sleep(1)\n    raise SystemExit(3)\n"


class Program:
    """The program prog on the host app, whose wheels the tests write."""

    def __init__(self, scenario: t.Any, wheels: Path) -> None:
        """Use the directory *wheels* on the controller."""
        self.scenario = scenario
        self.wheels = wheels

    def write(self, version: str, **wheel: str) -> str:
        """Write a wheel; return its requirement."""
        code = SERVER.replace("{version}", version)
        return wheelhouse.requirement(wheelhouse.write(self.wheels, "prog", version, **{"code": code, **wheel}))

    def play(self, version: str, requirements: str, *arguments: str, **variables: t.Any) -> t.Any:
        """Deploy *version* of the program."""
        service = {
            "python_service_name": "prog",
            "python_service_version": version,
            "python_service_requirements": requirements,
            "python_service_wheels": str(self.wheels),
            "python_service_listen_address": "127.0.0.1",
            "python_service_port": 9400,
            "python_service_probe_timeout": 6,
        }
        return self.scenario.play(PLAYBOOK, *arguments, **{**service, **variables})

    def answer(self) -> str:
        """Return the version that answers."""
        return self.scenario.get("app", "http://127.0.0.1:9400/metrics").strip()

    def state(self) -> str:
        """Return the files and the process of the program that a failed run must not change."""
        machine = self.scenario.on("app")
        files = machine.check_output(
            "find /opt/vigie/prog /etc/systemd/system/prog.service -not -type d -printf '%p %T@ %s %l\\n' | sort"
        )
        return f"{files}\n{machine.check_output('systemctl show --property ActiveState,InvocationID prog')}"


@pytest.fixture
def program(scenario: t.Any, tmp_path: Path) -> Program:
    """Provide the program in version 1.0 on the host."""
    found = Program(scenario, tmp_path)
    play = found.play("1.0", found.write("1.0"))
    assert play.rc == 0, play.output
    return found


def test_a_program_is_deployed_from_wheels_of_the_controller(scenario: t.Any, tmp_path: Path) -> None:
    """Check mode predicts the run. The host, which has no package index, gets the wheels once. A second run changes nothing."""
    program = Program(scenario, tmp_path)
    requirements = program.write("1.0")
    play = program.play("1.0", requirements, python_service_state="absent")
    assert play.rc == 0, play.output
    assert not scenario.on("app").file("/opt/vigie/prog").exists

    play = program.play("1.0", requirements, "--check", "--diff")
    assert play.rc == 0, play.output
    predicted = play.result("app", "release")["actions"]
    assert predicted == ["environment", "switch", "unit", "enable", "start"]
    assert requirements in [item["after"] for item in play.result("app", "release")["diff"]]
    assert not scenario.on("app").file("/opt/vigie/prog").exists

    play = program.play("1.0", requirements)
    assert play.rc == 0, play.output
    assert play.result("app", "release")["actions"] == predicted
    assert program.answer() == "1.0"
    assert scenario.on("app").check_output("find / -xdev -name wheels.tar") == ""
    exposure = scenario.on("app").check_output("systemd-analyze security --no-pager prog.service | tail -n 1")
    assert float(exposure.split(":")[1].split()[0]) <= 2.0, exposure

    (tmp_path / "prog-1.0-py3-none-any.whl").unlink()
    again = program.play("1.0", requirements)
    assert again.rc == 0, again.output
    assert again.changed == []
    assert len(again.remote("app")) == 2


@pytest.mark.parametrize("fault", ["wrong hash", "other architecture", "missing", "index out of reach"])
def test_half_an_environment_never_goes_live(program: Program, fault: str) -> None:
    """No file and no process changes, and the message says what is wrong."""
    requirements, variables = "", dict[str, t.Any]()
    if fault == "wrong hash":
        requirements, expected = program.write("2.0").replace("sha256:", "sha256:0")[:-2] + "\n", "DO NOT MATCH THE HASHES"
    elif fault == "other architecture":
        requirements = program.write("2.0", tag="cp311-cp311-manylinux_2_17_riscv64")
        expected = "has no wheel for Python 3.11 on x86_64 of: prog 2.0 (it has prog-2.0-cp311-cp311-manylinux_2_17_riscv64.whl)"
    elif fault == "missing":
        requirements = program.write("2.0") + "missing==1 --hash=sha256:" + "0" * 64 + "\n"
        expected = "has no wheel for Python 3.11 on x86_64 of: missing 1."
    else:
        # Port 81 of the mirror refuses connections.
        requirements = program.write("2.0")
        variables = {"python_service_wheels": "", "python_service_index_url": "http://198.18.23.2:81/simple"}
        expected = "No matching distribution found for prog==2.0"
    before = program.state()
    play = program.play("2.0", requirements, **variables)
    assert play.rc != 0
    assert expected in play.result("app", "release")["msg"]
    assert program.state() == before
    assert program.answer() == "1.0"


def test_a_converged_host_needs_no_index(program: Program) -> None:
    """The index is out of reach, and the run does not notice it."""
    play = program.play(
        "1.0", program.write("1.0"), python_service_wheels="", python_service_index_url="http://198.18.23.2:81/simple"
    )
    assert play.rc == 0, play.output
    assert play.changed == []


def test_a_program_comes_from_a_package_index(scenario: t.Any, program: Program) -> None:
    """The module writes the password of the index nowhere."""
    wheel = program.wheels / "prog-3.0-py3-none-any.whl"
    requirements = program.write("3.0")
    scenario.overlay(f"wheels/{wheel.name}", wheel.read_bytes())
    scenario.overlay("simple/prog/index.html", f'<a href="../../wheels/{wheel.name}">{wheel.name}</a>'.encode())
    play = program.play(
        "3.0", requirements, "-vvv",
        python_service_wheels="",
        python_service_index_url="http://vigie:hunter2@198.18.23.2/simple",
        python_service_download_environment={"PIP_TRUSTED_HOST": "198.18.23.2"},
    )  # fmt: skip
    assert play.rc == 0, play.output
    assert program.answer() == "3.0"
    assert "hunter2" not in str(play.result("app", "release"))
    search = "journalctl --no-pager | grep 'hunter[2]'; grep -r 'hunter[2]' /opt/vigie/prog"
    assert "hunter2" not in scenario.on("app").run(search).stdout


def test_a_host_without_a_network_gets_wheels_of_the_controller(program: Program) -> None:
    """The host reaches only its own network, and not the mirror in that network."""
    networks = ("0.0.0.0/1", "128.0.0.0/1", "198.18.23.2/32")
    machine = program.scenario.on("app")
    try:
        for network in networks:
            machine.check_output(f"ip route add unreachable {network}")
        assert machine.run("python3 -c \"import socket; socket.create_connection(('198.18.23.2', 80), 2)\"").rc != 0
        play = program.play("4.0", program.write("4.0"))
    finally:
        for network in networks:
            machine.run(f"ip route del unreachable {network}")
    assert play.rc == 0, play.output
    assert program.answer() == "4.0"


def test_half_an_environment_of_a_killed_run_is_built_again(program: Program) -> None:
    """The run is killed while it builds the environment. The former version runs on, until the next run has built the new one."""
    machine = program.scenario.on("app")
    invocation = machine.check_output("systemctl show --property InvocationID prog")
    # The parent of a process that builds the environment is the module.
    machine.check_output("echo %s >/run/killer && systemd-run --unit killer --collect sh /run/killer", KILLER)
    play = program.play("2.0", program.write("2.0"))
    assert play.rc != 0, play.output
    assert program.answer() == "1.0"
    assert machine.check_output("systemctl show --property InvocationID prog") == invocation
    assert machine.check_output("readlink /opt/vigie/prog/current") == "1.0"
    assert machine.file("/opt/vigie/prog/2.0/.unfinished").exists
    play = program.play("2.0", program.write("2.0"))
    assert play.rc == 0, play.output
    assert play.result("app", "release")["actions"] == ["environment", "switch", "restart"]
    assert program.answer() == "2.0"


def test_a_program_that_dies_is_rolled_back(program: Program) -> None:
    """The former environment is back in service. The environment of the failed version is removed."""
    play = program.play("2.0", program.write("2.0", code=DIES))
    assert play.rc != 0
    message = play.result("app", "release")["msg"]
    assert "exited within" in message
    assert "I start and die" in message
    assert "The previous version 1.0 is back in service" in message
    program.scenario.wait(lambda: program.answer() == "1.0")
    assert not program.scenario.on("app").file("/opt/vigie/prog/2.0").exists


def test_an_upgrade_of_python_builds_the_environment_again(program: Program) -> None:
    """The packages of an environment are in a directory of that version. The link /usr/bin/python3 shows the version."""
    machine = program.scenario.on("app")
    machine.check_output("cp -a /usr/bin/python3 /root/python3 && cp /usr/bin/python3.11 /usr/bin/python3.11-new")
    try:
        machine.check_output("ln -sf python3.11-new /usr/bin/python3")
        play = program.play("1.0", program.write("1.0"))
        assert play.rc == 0, play.output
        assert play.result("app", "release")["actions"] == ["environment", "switch", "restart"]
        assert program.answer() == "1.0"
    finally:
        machine.check_output("cp -a /root/python3 /usr/bin/python3 && rm /usr/bin/python3.11-new")
