# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run each Molecule scenario in containers. See the conftest.py beside this file for the time of the start."""

from __future__ import annotations

import pytest
from scenario_runs import ROOT, ScenarioRuns

# A scenario with this file takes several minutes more than `make test` should. `make matrix` runs it.
MATRIX = {path.parent.name for path in ROOT.glob("molecule/*/matrix.txt")}
SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.matrix] if name in MATRIX else []) for name in SCENARIOS])
def test_scenario(name: str, scenario_runs: ScenarioRuns, capfd: pytest.CaptureFixture[str]) -> None:
    """Run the scenario. Its output is printed at once, because a scenario takes minutes."""
    with capfd.disabled():
        print(flush=True)
        for line in scenario_runs.lines(name):
            print(f"{name:9} {line}", end="", flush=True)
        failure = scenario_runs.failure(name)
    if failure:
        pytest.fail(failure, pytrace=False)
