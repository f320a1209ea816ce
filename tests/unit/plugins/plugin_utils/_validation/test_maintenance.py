# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance windows in the inventory: merged, converted to UTC, and rejected if they are wrong."""

from __future__ import annotations

import datetime
import typing as t
from pathlib import Path

import inventories
import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.maintenance import validate_maintenance

NOW = datetime.datetime(2026, 12, 1, 12, tzinfo=datetime.timezone.utc)
WINDOW = {"from": "2026-12-01 22:00", "until": "2026-12-02T02:00", "why": "new disks"}


def validated(*windows: t.Any, alertmanagers: t.Any = ("mon",)) -> tuple[t.Any, list[str]]:
    """Return the windows of a host, and the problems."""
    servers = {name: {"alertmanager_state": "present"} for name in alertmanagers}
    model: t.Any = {"hosts": {"web1": {"maintenance": list(windows)}, "web2": {}}, "servers": {"alertmanager": servers}}
    problems = Problems()
    validate_maintenance(model, problems, NOW)
    return model["hosts"]["web1"]["maintenance"], problems.lines


@pytest.mark.parametrize(
    ("changes", "start", "end"),
    [
        ({}, "2026-12-01T22:00:00Z", "2026-12-02T02:00:00Z"),
        ({"time_zone": "Europe/Paris"}, "2026-12-01T21:00:00Z", "2026-12-02T01:00:00Z"),
        ({"from": "2026-11-01T00:00+02:00"}, "2026-10-31T22:00:00Z", "2026-12-02T02:00:00Z"),
        ({"until": datetime.date(2026, 12, 24)}, "2026-12-01T22:00:00Z", "2026-12-24T00:00:00Z"),
        ({"until": datetime.datetime(2026, 12, 24, 7)}, "2026-12-01T22:00:00Z", "2026-12-24T07:00:00Z"),  # noqa: DTZ001 - of YAML
    ],
)
def test_times_are_converted_to_utc(changes: dict[str, t.Any], start: str, end: str) -> None:
    """A time zone applies to times without an offset. A window can have started."""
    assert validated({**WINDOW, **changes}) == ([{"from": start, "until": end, "why": "new disks"}], [])


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("tonight", "monitoring_maintenance[0], value 'tonight': must be a dictionary with the keys from, until and why"),
        ({**WINDOW, "untill": "x"}, "monitoring_maintenance[0], value 'untill': unknown key. The known keys are from, until"),
        ({**WINDOW, "why": ""}, "monitoring_maintenance[0].why, value '': the maintenance has no reason. Add a text"),
        ({**WINDOW, "time_zone": "Europe/Pari"}, "monitoring_maintenance[0].time_zone, value 'Europe/Pari': unknown time zone"),
        ({**WINDOW, "time_zone": "Local"}, "monitoring_maintenance[0].time_zone, value 'Local': unknown time zone"),
        ({**WINDOW, "from": "tonight"}, "monitoring_maintenance[0].from, value 'tonight': must be a date and a time"),
        ({key: WINDOW[key] for key in ("from", "why")}, "monitoring_maintenance[0].until, value None: must be a date and a time"),
        ({**WINDOW, "until": 2}, "monitoring_maintenance[0].until, value 2: must be a date and a time"),
        (
            {**WINDOW, "until": "2026-12-01 21:00"},
            "monitoring_maintenance[0].until, value '2026-12-01 21:00': the end must be after the start",
        ),
        (
            {**WINDOW, "from": "2026-11-30 22:00", "until": "2026-12-01 11:00"},
            "monitoring_maintenance[0].until, value '2026-12-01 11:00': the maintenance has ended. Remove the entry",
        ),
    ],
)
def test_a_wrong_window_is_one_error(window: t.Any, message: str) -> None:
    """The error names host, variable, value and remedy."""
    windows, (line,) = validated(window)
    assert windows == []
    assert line.startswith(f"host web1, variable {message}")


def test_maintenance_needs_an_alertmanager() -> None:
    """Without an Alertmanager, nothing sends alerts that a silence could mute."""
    _windows, (line,) = validated(WINDOW, alertmanagers=())
    assert "the inventory has no Alertmanager. Add a host to the group alertmanager" in line


def test_the_windows_of_a_host_and_its_groups_are_joined(tmp_path: Path) -> None:
    """The model has the windows of all groups of the host. Other hosts have none."""
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:00Z")
    group, own = ({"from": "2026-01-01", "until": later, "why": why} for why in ("group", "host"))
    files = inventories.simple({"monitoring_maintenance": [own]}, alertmanager={"hosts": {"p": None}})
    files["hosts.yml"]["all"]["children"]["node_exporter"]["vars"] = {"monitoring_maintenance": [group]}
    model, problems = inventories.Made(tmp_path, files).build(contracts())
    assert problems == []
    assert [window["why"] for window in model["hosts"]["h"]["maintenance"]] == ["group", "host"]
    assert "maintenance" not in model["hosts"]["p"]
