# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of an Alertmanager that the validation rejects."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
from alertmanagers import settings

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import alertmanager
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import times

WRONG: list[tuple[str, t.Any, str]] = [
    ("time_zone", "Europe/Pari", "unknown time zone. Write a name of the IANA time zone database"),
    ("times", "18:00-08:00", "For a time across midnight, write ['18:00-24:00', '00:00-08:00']"),
    ("times", "8:00-18:00", "must be two times of day as in '08:00-18:00', in quotes"),
    ("times", "08:00-24:30", "must be two times of day"),
    ("times", "08:00", "must be two times of day"),
    ("weekdays", "mon", "must be a weekday"),
    ("weekdays", "friday:monday", "the start of the range is after its end (a week begins with Sunday)"),
    ("days_of_month", 32, "must be a day from 1 to 31 or from -31 to -1"),
    ("days_of_month", "0", "must be a day from 1 to 31"),
    ("days_of_month", "-3:2", "must end with one"),
    ("months", 13, "must be a month"),
    ("months", "august:june", "the start of the range is after its end"),
    ("years", "20", "must be a year"),
    ("years", "2026:2027:2028", "must be a year"),
]


@pytest.mark.parametrize(("key", "value", "remedy"), WRONG)
def test_a_wrong_time_is_one_error(key: str, value: t.Any, remedy: str) -> None:
    """The error names the time, the key and the value."""
    ((where, shown, said),) = times.times_problems({"office": [{key: value}]}, (0, 34))
    assert (where, shown) == (f"times.office[0].{key}", value)
    assert remedy in said


# Alertmanager 0.33 accepts months that do not exist, and years and times of day in other forms.
@pytest.mark.parametrize(
    ("key", "value", "remedy"), [wrong for wrong in WRONG if wrong[1] not in (13, "8:00-18:00", "08:00", "20")]
)
def test_alertmanager_rejects_the_same_times(
    amtool: tuple[str, str], tmp_path: Path, key: str, value: t.Any, remedy: str
) -> None:
    """A time that the validation rejects fails the check of the configuration, too."""
    made = alertmanager.alertmanager_config(settings(times={"x": {key: value}}, routes=[{"contact": "ops", "active": "x"}]))
    file = tmp_path / "alertmanager.yml"
    file.write_text(alertmanager.made_yaml({**made, "templates": []}))
    done = subprocess.run([amtool[0], "check-config", file], capture_output=True, text=True, check=False)
    assert done.returncode != 0, remedy


@pytest.mark.parametrize(
    ("value", "version", "where", "remedy"),
    [
        ({"location": "UTC"}, (0, 34), "times.office.location", "unknown key. The known keys are times"),
        ({}, (0, 34), "times.office", "must be a dictionary with the keys"),
        ([], (0, 34), "times.office", "must have at least one of the keys"),
        (["evening"], (0, 34), "times.office[0]", "must be a dictionary"),
        ({"years": 2026}, (0, 23), "times", "Alertmanager supports times since 0.24"),
        ({"time_zone": "UTC"}, (0, 24), "times.office.time_zone", "Alertmanager supports time zones since 0.25"),
    ],
)
def test_what_a_time_must_be(value: t.Any, version: tuple[int, ...], where: str, remedy: str) -> None:
    """A time of an unknown form, and a time that the version of Alertmanager does not support."""
    ((variable, _shown, said),) = times.times_problems({"office": value}, version)
    assert variable == where
    assert remedy in said


def test_a_controller_without_time_zones_accepts_every_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alertmanager's host validates the time zone then."""
    monkeypatch.setattr(times, "_known_zones", set)
    assert times.time_zone_problem("Europe/Pari") is None
    assert times.time_zone_problem(7) is not None
