# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the times of an Alertmanager, and their use in routes. Private to the collection.

The rules are those of Alertmanager's package timeinterval.
"""

from __future__ import annotations

import functools
import re
import typing as t
import zoneinfo

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.contact_kinds import ROUTE_HOURS, as_list
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import Version

# Variable (below the role's prefix), value, remedy.
Problem = tuple[str, t.Any, str]
_SINCE, _ZONES_SINCE = (0, 24), (0, 25)
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = tuple("january february march april may june july august september october november december".split())  # noqa: SIM905
_KEYS = ("times", "weekdays", "days_of_month", "months", "years", "time_zone")


def times_problems(times: t.Mapping[str, t.Any], version: Version) -> t.Iterator[Problem]:
    """Yield what is wrong with the *times* of an Alertmanager of a *version*."""
    if times and version < _SINCE:
        yield "times", ", ".join(times), "Alertmanager supports times since 0.24. Set alertmanager_version to 0.24 or later"
        return
    for name, value in times.items():
        entries = as_list(value)
        if not entries:
            yield f"times.{name}", value, f"must have at least one of the keys {', '.join(_KEYS)}"
        for index, entry in enumerate(entries):
            where = f"times.{name}[{index}]" if isinstance(value, list) else f"times.{name}"
            if not isinstance(entry, dict) or not entry:
                yield where, entry, f"must be a dictionary with the keys {', '.join(_KEYS)}"
                continue
            for key, item in entry.items():
                yield from ((f"{where}.{key}", wrong, remedy) for wrong, remedy in _entry_problems(key, item, version))


def _entry_problems(key: str, value: t.Any, version: Version) -> t.Iterator[tuple[t.Any, str]]:
    if key == "time_zone":
        if version < _ZONES_SINCE:
            yield value, "Alertmanager supports time zones since 0.25. Set alertmanager_version to 0.25 or later, or use UTC"
        elif remedy := time_zone_problem(value):
            yield value, remedy
        return
    check = _CHECKS.get(key)
    if check is None:
        yield value, f"unknown key. The known keys are {', '.join(_KEYS)}"
        return
    yield from ((item, remedy) for item in as_list(value) if (remedy := check(item)))


def time_zone_problem(name: t.Any) -> str | None:
    """Return what is wrong with the *name* of a time zone, or None.

    A controller without a time zone database accepts every name.
    """
    known = _known_zones()
    if name in known or name == "Local" or (isinstance(name, str) and name and not known):
        return None
    return "unknown time zone. Write a name of the IANA time zone database, such as Europe/Paris, or UTC"


@functools.cache
def _known_zones() -> set[str]:
    # Python reads the whole database for each call. The windows of 10,000 hosts can name a time zone each.
    return zoneinfo.available_timezones()


def _clock_problem(value: t.Any) -> str | None:
    start, _dash, end = value.partition("-") if isinstance(value, str) else ("", "", "")
    if not _CLOCK.fullmatch(start) or not _CLOCK.fullmatch(end):
        return "must be two times of day as in '08:00-18:00', in quotes"
    if start >= end:
        return f"the start is not before the end. For a time across midnight, write ['{start}-24:00', '00:00-{end}']"
    return None


def _range_problem(value: t.Any, number: t.Callable[[str], int | None], form: str) -> str | None:
    """Return what is wrong with one value or with a range of two values, or None."""
    found = [number(part) for part in str(value).split(":")]
    if None in found or len(found) > 2:  # noqa: PLR2004 - a range has a start and an end
        return f"must be {form}"
    first, last = t.cast("int", found[0]), t.cast("int", found[-1])
    if (first < 0) == (last < 0) and first > last:
        return "the start of the range is after its end (a week begins with Sunday). List the values instead"
    return "a range that starts with a negative day must end with one" if first < 0 < last else None


def _weekday(text: str) -> int | None:
    return _WEEKDAYS.index(text.lower()) if text.lower() in _WEEKDAYS else None


def _month(text: str) -> int | None:
    if text.lower() in _MONTHS:
        return _MONTHS.index(text.lower()) + 1
    return int(text) if re.fullmatch(r"0?[1-9]|1[0-2]", text) else None


def _day(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?(0?[1-9]|[12]\d|3[01])", text) else None


def _year(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9]\d{3}", text) else None


_CHECKS: dict[str, t.Callable[[t.Any], str | None]] = {
    "times": _clock_problem,
    "weekdays": lambda item: _range_problem(item, _weekday, "a weekday, or two weekdays as in monday:friday"),
    "days_of_month": lambda item: _range_problem(item, _day, "a day from 1 to 31 or from -31 to -1, or two days as in 1:7"),
    "months": lambda item: _range_problem(item, _month, "a month, as a name or a number, or two months as in june:august"),
    "years": lambda item: _range_problem(item, _year, "a year, or two years as in 2026:2028"),
}


def range_problem(key: str, value: t.Any) -> str | None:
    """Return what is wrong with one value of ``weekdays``, ``days_of_month``, ``months`` or ``years``, or None."""
    return _CHECKS[key](value)


def route_times_problems(where: str, routes: t.Any, times: t.Collection[str]) -> t.Iterator[Problem]:
    """Yield the times that *routes* name and that do not exist."""
    for index, route in enumerate(routes):
        if not isinstance(route, dict):
            continue
        its = f"{where}[{index}]"
        for key in ROUTE_HOURS:
            for name in as_list(route.get(key)):
                if name not in times:
                    yield f"{its}.{key}", name, f"unknown time. alertmanager_times has {', '.join(times) or 'none'}"
        yield from route_times_problems(f"{its}.routes", route.get("routes") or [], times)
