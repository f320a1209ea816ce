# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each scenario in containers, as molecule runs it; three at a time, since much of it is waiting."""

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
# What tells why a scenario failed, of the thousands of lines that it prints: pytest's, Ansible's, molecule's.
TELLING = re.compile(r"(?:E  |FAILED |ERROR|CRITICAL|fatal: |\[ERROR\]|=+ .* in [\d.]+s)")
# A message of tests/fleet/network.py, wherever in a line.
NETWORK = "the network failed, not a test"
# Colours, and the frame that molecule draws.
DECORATION = re.compile(r"\x1b\[[\d;]*m|^(\x1b\[[\d;]*m|\s)*│(\x1b\[[\d;]*m)* ?")
SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))


def run(name: str) -> str:
    """Run a scenario; show what it says, a line at a time with its name, and return why it failed, if it did."""
    environment = {
        **os.environ,
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        # A collection's scenarios may lie at its top, too.
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        # What it frames is folded at its width.
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
    """Start the scenarios of this session, and return what becomes of them."""
    with ThreadPoolExecutor(3) as pool:
        # Tests of other files may have parameters of the same name.
        items = [item for item in request.session.items if getattr(item, "module", None) is request.module]
        names = [item.callspec.params["name"] for item in items]
        # The longest comes first: nothing waits for it alone at the end.
        names.sort(key=lambda name: name != "exporters")
        yield {name: pool.submit(run, name) for name in names}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, runs: dict[str, Future[str]], capfd: pytest.CaptureFixture[str]) -> None:
    """Its output is shown as it comes: a scenario takes minutes."""
    with capfd.disabled():
        failure = runs[name].result()
    if failure:
        pytest.fail(failure, pytrace=False)
