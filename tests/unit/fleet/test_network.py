# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that fails is tried again, and reported as what it is; nothing else is."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import network
import pytest

Fleet = t.Callable[[str], Path]


@pytest.mark.parametrize(
    "line",
    [
        "E: Failed to fetch http://a.example/debian/dists/sid/InRelease  Temporary failure resolving 'a.example'",
        "E: Failed to fetch http://a.example/debian/x.deb  404  Not Found [IP: 192.0.2.1 80]",
        "   File has unexpected size (8690 != 8590). Mirror sync in progress? [IP: 192.0.2.1 80]",
        "E: The repository 'http://a.example/debian sid Release' does not have a Release file.",
        "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?",
        "ERROR: Could not find a version that satisfies the requirement ruff==0.14.0 (from versions: none)",
        "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='a.example', port=443): Read timed out.",
        "ERROR: HTTP error 503 while getting https://a.example/ruff.whl",
    ],
)
def test_a_failure_of_the_network_is_recognized(line: str) -> None:
    """As apt, mmdebstrap and pip report it."""
    assert network.network_errors(f"Reading package lists...\n{line}\nE: mmdebstrap failed to run\n") == [line.strip()]


@pytest.mark.parametrize(
    "line",
    [
        "E: Unable to locate package no-such-package",
        "dpkg: error processing package docker.io (--configure):",
        "cannot write to disk: No space left on device",
        "Ign:3 http://a.example/debian sid/main amd64 Packages  Connection failed",
        "WARNING: Retrying (Retry(total=4)) after connection broken by 'HTTPSConnectionPool(host='a.example'): refused'",
    ],
)
def test_another_failure_is_not_taken_for_one_of_the_network(line: str) -> None:
    """Nor is what apt and pip try again by themselves."""
    assert network.network_errors(line) == []


def test_the_command_runs_again_until_it_succeeds(stand_ins: t.Any, fleet: Fleet) -> None:
    """Each failure is shown with its step, the address and the number of the try."""
    stand_ins.add("flaky", "echo done", failures=2)
    done = stand_ins.run(sys.executable, fleet("network.py"), "step", "flaky", "argument")
    assert done.returncode == 0, done.stderr
    assert stand_ins.called("flaky") == ["argument"] * 3
    assert (
        "step: the network or the mirror failed (try 2 of 3):\n    E: Failed to fetch http://mirror.example.com/" in done.stderr
    )


def test_a_network_that_stays_away_has_its_own_exit_code_and_advice(stand_ins: t.Any, fleet: Fleet) -> None:
    """After the last try, and without a further pause."""
    stand_ins.add("flaky", failures=9)
    done = stand_ins.run(sys.executable, fleet("network.py"), "step", "flaky")
    assert done.returncode == network.NETWORK_FAILED
    assert len(stand_ins.called("flaky")) == 3
    assert done.stderr.count("trying again") == 2
    assert done.stderr.splitlines()[-1].startswith("step: the network failed, not a test. Check that this machine reaches")


def test_another_failure_is_not_repeated(stand_ins: t.Any, fleet: Fleet) -> None:
    """The exit code is the command's own, and its last words are shown."""
    stand_ins.add("broken", failures=9, says="dpkg: error: this is no package\n")
    done = stand_ins.run(sys.executable, fleet("network.py"), "step", "broken")
    assert done.returncode == 100
    assert len(stand_ins.called("broken")) == 1
    assert "dpkg: error: this is no package" in done.stderr
    assert "network" not in done.stderr


def test_long_work_shows_its_last_line(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the seconds that it took so far."""
    monkeypatch.setattr(network, "PROGRESS_SECONDS", 0.2)
    network.run("step", ["sh", "-c", "echo unpacking; sleep 0.5"])
    assert "step: 0 s: unpacking\n" in capfd.readouterr().err
