# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs that reach no Loki."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts


def problems_of(tmp_path: Path, *, alloy: bool = True, loki: dict[str, t.Any] | None = None, **of_all: t.Any) -> list[str]:
    """Return the problems of an inventory with a host that has a log, with the role alloy or without, and with a Loki."""
    children: dict[str, t.Any] = {
        "prometheus": {"hosts": {"p": None}},
        "node_exporter": {"hosts": {"web": {"monitoring_log_files": [{"files": ["/var/log/a.log"]}]}}},
    }
    if alloy:
        children["alloy"] = {"hosts": {"web": None}}
    if loki is not None:
        children["loki"] = {"hosts": {"p": loki}}
    return Made(tmp_path, {"hosts.yml": {"all": {"vars": of_all, "children": children}}}).build(contracts())[1]


def test_a_log_with_a_way_to_loki_has_no_problem(tmp_path: Path) -> None:
    """With the rules evaluated by Loki, or not."""
    assert problems_of(tmp_path / "mtail", loki={}) == []
    assert problems_of(tmp_path / "loki", loki={"loki_retention": "1d"}, monitoring_logs_engine="loki") == []


@pytest.mark.parametrize("loki", [None, {"loki_state": "absent"}])
def test_without_a_loki_no_log_and_no_rule_works(tmp_path: Path, loki: dict[str, t.Any] | None) -> None:
    """A retired Loki does not count."""
    found = problems_of(tmp_path, loki=loki, monitoring_logs_engine="loki")
    assert [line.split(":")[0] for line in found] == [
        "host web, variable monitoring_log_files, value '…'",
        "host all, variable monitoring_logs_engine, value 'loki'",
    ]
    assert all("Add a host to the group of the role loki" in line for line in found)


def test_a_host_without_alloy_sends_no_log(tmp_path: Path) -> None:
    """The remedy is the group."""
    (found,) = problems_of(tmp_path, alloy=False, loki={})
    assert found.startswith("host web, variable monitoring_log_files")
    assert "Add the host to the group of the role alloy" in found


@pytest.mark.parametrize("retention", ["23h", "31", "a month"])
def test_the_retention_is_a_duration_of_a_day_or_more(tmp_path: Path, retention: str) -> None:
    """Loki accepts a shorter one and does not observe it."""
    (found,) = problems_of(tmp_path, loki={"loki_retention": retention})
    assert found.startswith(f"host p, variable loki_retention, value '{retention}'")
    assert "at least 1d" in found
