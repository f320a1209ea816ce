# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each scenario in containers, as molecule runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Its output is shown as it comes: a scenario takes minutes."""
    environment = {
        **os.environ,
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        # A collection's scenarios may lie at its top, too.
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
    }
    with capfd.disabled():
        print(f"\n--- molecule test --scenario-name {name}", flush=True)
        done = subprocess.run(["molecule", "test", "--scenario-name", name], cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, f"scenario {name} failed, see above"
