# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The start of the scenarios.

The unit tests before them use one core, and a scenario mostly waits. The longest scenario therefore runs beside the unit tests.
"""

from __future__ import annotations

import typing as t

import pytest
from scenario_runs import ScenarioRuns

RUNS = pytest.StashKey[ScenarioRuns]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the longest of the selected scenarios, before the first test."""
    # Tests of other files may have parameters with the same name.
    names = [
        str(item.callspec.params["name"])
        for item in session.items
        if isinstance(item, pytest.Function) and item.module.__name__ == "test_scenarios"
    ]
    if names and not session.config.option.collectonly:
        session.stash[RUNS] = ScenarioRuns(names)
        session.stash[RUNS].start(1)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Start no further scenario after an interruption."""
    if RUNS in session.stash:
        session.stash[RUNS].close()


@pytest.fixture(scope="session")
def scenario_runs(request: pytest.FixtureRequest) -> t.Any:
    """Start all selected scenarios and return their runs."""
    runs = request.session.stash[RUNS]
    runs.start_all()
    return runs
