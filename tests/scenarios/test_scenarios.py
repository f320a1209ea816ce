# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run each Molecule scenario in containers, three at a time, because a scenario mostly waits."""

from __future__ import annotations

import os
import re
import subprocess
import typing as t
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Lines of pytest, Ansible and Molecule that explain why a scenario failed, among thousands of lines.
TELLING = re.compile(r"(?:E  |FAILED |ERROR|CRITICAL|fatal: |\[ERROR\]|=+ .* in [\d.]+s)")
# A message of tools/fleet/network.py, at any place in a line.
NETWORK = "the network failed, not a test"
# Colours, and the frame that Molecule draws.
DECORATION = re.compile(r"\x1b\[[\d;]*m|^(\x1b\[[\d;]*m|\s)*│(\x1b\[[\d;]*m)* ?")
SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))


def run(name: str) -> str:
    """Run a scenario, print its output line by line with its name, and return the reason of a failure, or an empty text."""
    environment = {
        **os.environ,
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        # Molecule otherwise warns about scenarios at the top of a collection.
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        # Molecule wraps its output at this width.
        "COLUMNS": "160",
    }
    command = ["molecule", "test", "--scenario-name", name]
    print(f"\n--- {' '.join(command)}", flush=True)
    telling: deque[str] = deque(maxlen=40)
    reason = ""
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as made:
        for line in made.stdout or ():
            print(f"{name:9} {line}", end="", flush=True)
            plain = DECORATION.sub("", line)
            if NETWORK in plain:
                reason = f" ({NETWORK})"
            if TELLING.match(plain):
                telling.append(plain[:500].rstrip())
    return "\n".join([f"scenario {name} ended with {made.returncode}{reason}:", *telling]) if made.returncode else ""


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> t.Iterator[dict[str, Future[str]]]:
    """Start the scenarios of this session, and return their results as futures."""
    with ThreadPoolExecutor(3) as pool:
        # Tests of other files may have parameters with the same name.
        items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.module is request.module]
        names = [str(item.callspec.params["name"]) for item in items]
        # The longest scenario starts first, so that it does not run alone at the end.
        names.sort(key=lambda name: name != "exporters")
        yield {name: pool.submit(run, name) for name in names}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, runs: dict[str, Future[str]], capfd: pytest.CaptureFixture[str]) -> None:
    """Run the scenario. Its output is printed at once, because a scenario takes minutes."""
    with capfd.disabled():
        failure = runs[name].result()
    if failure:
        pytest.fail(failure, pytrace=False)
