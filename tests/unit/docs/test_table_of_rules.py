# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of docs/rules.md: the comparison with other collections of rules names the alerts that exist."""

from __future__ import annotations

import collections
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
TABLE_HEAD = "| other collection | here | otherwise, why not |"


def alerts() -> set[str]:
    """Return the alerts of all roles."""
    groups = [group for path in ROOT.glob("roles/*/monitoring/rules.yml") for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def comparison() -> list[list[str]]:
    """Return the cells of the rows that compare alerts: theirs, ours, the reason."""
    tables = PAGE.partition("## Other collections of rules")[2].split(TABLE_HEAD)[1:]
    rows = [line for table in tables for line in table.split("\n\n")[0].splitlines()[2:]]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def names(cell: str) -> list[str]:
    """Return the names of the alerts in *cell*."""
    return re.findall(r"\b[A-Z]\w{3,}", re.sub(r"\(\w+\)", "", cell))


def test_the_comparison_names_alerts_that_exist() -> None:
    """Each alert in the second column is one of the rules. Each alert of another collection has an alert, or a reason."""
    rows = comparison()
    assert len(rows) > 90
    known = alerts()
    for theirs, ours, reason in rows:
        assert set(names(ours)) <= known, ours
        assert set(re.split(", ", ours)) - {""} == set(names(ours)), ours
        assert ours or reason, theirs
        # A reason can name an alert, too.
        assert {name for name in names(reason) if name[1:] != name[1:].lower() and name != "PostgreSQL"} <= known, reason


def test_each_alert_of_another_collection_stands_once() -> None:
    """M and A are different collections: an alert can be in both of them."""
    counted: collections.Counter[str] = collections.Counter()
    for theirs, _ours, _reason in comparison():
        for part in filter(None, theirs.split("; ")):
            collection, _space, rest = part.partition(" ")
            assert collection in ("M", "A"), theirs
            counted.update(f"{collection} {name}" for name in names(rest))
    assert [name for name, count in counted.items() if count > 1] == []
    assert len(counted) > 150
