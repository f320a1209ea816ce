# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of Molecule scenarios, several at a time, because a scenario mostly waits."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The longest scenario starts first, so that it does not run alone at the end.
LONGEST = "exporters"
AT_A_TIME = 3
# Lines of pytest, Ansible and Molecule that explain why a scenario failed, among thousands of lines.
TELLING = re.compile(r"(?:E  |FAILED |ERROR|CRITICAL|fatal: |\[ERROR\]|=+ .* in [\d.]+s)")
# A message of tools/fleet/network.py, at any place in a line.
NETWORK = "the network failed, not a test"
# Colours, and the frame that Molecule draws.
DECORATION = re.compile(r"\x1b\[[\d;]*m|^(\x1b\[[\d;]*m|\s)*│(\x1b\[[\d;]*m)* ?")


class ScenarioRuns:
    """Runs the scenarios *names*. The output of each goes to a file, which `lines` reads while the scenario runs."""

    def __init__(self, names: list[str]) -> None:
        """Start nothing yet."""
        self._names = sorted(names, key=lambda name: name != LONGEST)
        self._pool = ThreadPoolExecutor(AT_A_TIME)
        self._outputs = Path(tempfile.mkdtemp(prefix="vigie-scenarios-"))
        self._runs: dict[str, Future[str]] = {}

    def start(self, number: int) -> None:
        """Start the first *number* scenarios that have not started."""
        for name in [name for name in self._names if name not in self._runs][:number]:
            self._runs[name] = self._pool.submit(self._run, name)

    def start_all(self) -> None:
        """Start all scenarios that have not started."""
        self.start(len(self._names))

    def lines(self, name: str) -> Iterator[str]:
        """Yield the lines of the output, until the scenario has ended."""
        run, path = self._runs[name], self._outputs / name
        while not path.exists() and not run.done():
            time.sleep(0.2)
        if not path.exists():
            return
        with path.open(encoding="utf-8", errors="replace") as output:
            while True:
                # The state comes first: what the scenario wrote before its end is read then.
                ended = run.done()
                yield from output
                if ended:
                    return
                time.sleep(0.5)

    def failure(self, name: str) -> str:
        """Wait for the end of the scenario; return the reason of a failure, or an empty text."""
        return self._runs[name].result()

    def close(self) -> None:
        """Start no further scenario."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, name: str) -> str:
        environment = {
            **os.environ,
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
            # Molecule otherwise warns about scenarios at the top of a collection.
            "MOLECULE_GLOB": "molecule/*/molecule.yml",
            # Molecule wraps its output at this width.
            "COLUMNS": "160",
        }
        command = ["molecule", "test", "--scenario-name", name]
        with (self._outputs / name).open("w", encoding="utf-8") as output:
            print(f"--- {' '.join(command)}", file=output, flush=True)
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
        return self._reason(name, done.returncode) if done.returncode else ""

    def _reason(self, name: str, code: int) -> str:
        """Return why the scenario failed, from its output."""
        telling: deque[str] = deque(maxlen=40)
        network = ""
        for line in (self._outputs / name).read_text(encoding="utf-8", errors="replace").splitlines():
            plain = DECORATION.sub("", line)
            if NETWORK in plain:
                network = f" ({NETWORK})"
            if TELLING.match(plain):
                telling.append(plain[:500].rstrip())
        return "\n".join([f"scenario {name} ended with {code}{network}:", *telling])
