# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of Debian and of Python are installed beside a network that fails, and what was there before serves."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

Fleet = t.Callable[[str], Path]
PIP_FAILS = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('refused')': /simple/ruff/\n"
    "ERROR: Could not find a version that satisfies the requirement ruff (from versions: none)\n"
)


@pytest.fixture
def checkout(stand_ins: t.Any, tmp_path: Path) -> Path:
    """Return a checkout whose Python is a stand-in, and installs nothing."""
    made = tmp_path / "checkout"
    (made / ".venv/bin").mkdir(parents=True)
    (made / ".venv/bin/python").symlink_to(stand_ins.bin / "venv-python")
    (made / ".venv/bin/pip").touch()
    return made


def setup(stand_ins: t.Any, fleet: Fleet, checkout: Path, *arguments: str) -> t.Any:
    """Run setup.sh in *checkout*."""
    return stand_ins.run("sh", "-c", 'cd "$1" && shift && exec sh "$@"', "sh", checkout, fleet("setup.sh"), *arguments)


def test_pip_is_run_again(stand_ins: t.Any, fleet: Fleet, checkout: Path) -> None:
    """Until all is there; then the mark is set."""
    stand_ins.add("venv-python", failures=2, says=PIP_FAILS)
    done = setup(stand_ins, fleet, checkout, "python")
    assert done.returncode == 0, done.stderr
    assert len(stand_ins.called("venv-python")) == 3
    assert (checkout / ".venv/made").exists()


def test_former_python_packages_serve_and_the_next_run_tries_again(stand_ins: t.Any, fleet: Fleet, checkout: Path) -> None:
    """The mark stays as old as it was."""
    stand_ins.add("venv-python", failures=9, says=PIP_FAILS)
    done = setup(stand_ins, fleet, checkout, "python")
    assert done.returncode == 75
    assert not (checkout / ".venv/made").exists()
    mark = checkout / ".venv/made"
    mark.touch()
    before = mark.stat().st_mtime_ns
    done = setup(stand_ins, fleet, checkout, "python")
    assert done.returncode == 0
    assert "setup: using the Python packages that were installed before instead" in done.stderr
    assert mark.stat().st_mtime_ns == before


@pytest.fixture
def machine(stand_ins: t.Any) -> None:
    """Be a machine that lacks one package."""
    stand_ins.add("dpkg-query", '[ "$4" = mmdebstrap ] || echo installed')
    stand_ins.add("sudo", 'shift; exec "$@"')
    for name in ("docker", "mount", "update-binfmts", "sysctl"):
        stand_ins.add(name)


@pytest.mark.usefixtures("machine")
def test_debians_packages_are_asked_for_again_with_new_lists(stand_ins: t.Any, fleet: Fleet, checkout: Path) -> None:
    """What the lists name may be gone from the mirror; an answer of 404 is one of the network."""
    stand_ins.add("apt-get", failures=2, says="E: Failed to fetch http://mirror.example.com/debian/x.deb  404  Not Found\n")
    done = setup(stand_ins, fleet, checkout)
    assert done.returncode == 0, done.stderr
    assert [call.split()[1] for call in stand_ins.called("apt-get")] == ["update", "-o"] * 2
    assert stand_ins.called("apt-get")[-1].endswith("install --yes --no-install-recommends mmdebstrap")


@pytest.mark.usefixtures("machine")
def test_a_network_that_stays_away_is_named(stand_ins: t.Any, fleet: Fleet, checkout: Path) -> None:
    """With the step, the address and what to do."""
    stand_ins.add("apt-get", failures=99)
    done = setup(stand_ins, fleet, checkout)
    assert done.returncode == 75
    assert "setup: Debian's packages: the network failed, not a test" in done.stderr
    assert "http://mirror.example.com/" in done.stderr
