# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/exporters.json: what the tests of scenarios have seen of each exporter role, or why nobody has run the role."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FACTS = json.loads((ROOT / "docs/exporters.json").read_text())
RUN = {role: facts for role, facts in FACTS.items() if "not_run" not in facts}
NOT_RUN = {role: facts for role, facts in FACTS.items() if "not_run" in facts}


def groups(pattern: str) -> set[str]:
    """Return the groups in the inventories of the scenarios whose names match *pattern*."""
    inventories = [yaml.safe_load(path.read_text()) for path in ROOT.glob(f"molecule/{pattern}/inventory/hosts.yml")]
    return {group for inventory in inventories for group in inventory["all"].get("children", {})}


def test_each_role_that_the_scenario_services_runs_has_its_figures() -> None:
    """The tests of the scenario write them."""
    exporters = {path.parents[1].name for path in ROOT.glob("roles/*/monitoring/scrape.yml")}
    assert set(RUN) == (groups("services") & exporters) - {"prometheus"}


@pytest.mark.parametrize("role", RUN)
def test_the_figures_are_complete(role: str) -> None:
    """Exposure and calls are at most what the tests of the scenario allow."""
    facts = RUN[role]
    assert set(facts) == {"version", "service", "metric", "alert", "exposure", "calls"}
    assert facts["exposure"] <= {"smartctl_exporter": 2.1}.get(role, 2.0)
    assert 1 <= facts["calls"] <= 2


def test_no_scenario_runs_a_role_that_is_marked() -> None:
    """The mark leaves the documentation when a scenario runs the role."""
    assert set(NOT_RUN) & groups("*") == set()
    assert {path.name for path in (ROOT / "roles").iterdir()} >= set(NOT_RUN)


def test_a_mark_has_a_reason_and_a_source() -> None:
    """The source is a file or a directory in the repository of the exporter, at the version of the role."""
    for role, facts in NOT_RUN.items():
        defaults = yaml.safe_load((ROOT / "roles" / role / "defaults/main.yml").read_text())
        assert facts["not_run"]
        assert f"/v{defaults[f'{role}_version']}/" in facts["source"]
