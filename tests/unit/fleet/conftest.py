# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that stand in for those that need root, Docker or the network, and what was asked of them."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

FLEET = Path(__file__).parents[3] / "tools/fleet"
sys.path.insert(0, str(FLEET))

# What apt says of a mirror in the middle of a synchronization, and mmdebstrap of apt.
MIRROR_FAILS = """\
E: Failed to fetch http://mirror.example.com/debian/dists/bookworm/main/binary-amd64/Packages  File has unexpected size (2 != 1).
E: Some index files failed to download. They have been ignored, or old ones used instead.
E: apt-get update --error-on=any failed
"""


class StandIns:
    """A directory of stand-ins, first in the PATH of what is run."""

    def __init__(self, directory: Path) -> None:
        """Start with no stand-in, and an empty cache."""
        self.cache = directory / "cache"
        self.bin = directory / "stand-ins"
        self.calls = directory / "calls"
        for made in (self.cache, self.bin):
            made.mkdir()
        self.calls.touch()

    def add(self, name: str, script: str = "", failures: int = 0, says: str = MIRROR_FAILS, local: str = "") -> None:
        """Let *name* fail *failures* times, saying *says*, before it does what *script* says.

        Each call is noted, but for one that *local* answers and ends: it asks no network.
        """
        program = self.bin / name
        (self.bin / f"{name}.says").write_text(says)
        fails = f'cat "{program}.says" >&2; exit 100'
        program.write_text(
            f'#!/bin/sh\n{local}\necho "{name} $*" >>"{self.calls}"\n'
            f'if [ "$(grep -c "^{name} " "{self.calls}")" -le {failures} ]; then {fails}; fi\n{script}\n'
        )
        program.chmod(0o755)

    def called(self, name: str) -> list[str]:
        """Return the arguments of each call of *name*."""
        return [line.partition(" ")[2] for line in self.calls.read_text().splitlines() if line.startswith(f"{name} ")]

    def run(self, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run *command* with the stand-ins and with no pause between two tries."""
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "XDG_CACHE_HOME": str(self.cache),
                "VIGIE_NETWORK_PAUSE": "0",
                "VIGIE_NETWORK_TRIES": "3",
                **environment,
            },
        )


@pytest.fixture
def stand_ins(tmp_path: Path) -> StandIns:
    """Return a directory of stand-ins."""
    return StandIns(tmp_path)


@pytest.fixture
def fleet() -> t.Callable[[str], Path]:
    """Return a function that gives the path of a script of the fleet."""
    return FLEET.joinpath
