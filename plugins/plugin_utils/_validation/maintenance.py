# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate monitoring_maintenance. Private to the collection."""

from __future__ import annotations

import datetime
import typing as t
import zoneinfo

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import utc_text
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.times import time_zone_problem

_KEYS = ("from", "until", "why", "time_zone")
_TIME = "must be a date and a time as in '2026-12-01 22:00', in quotes"


def validate_maintenance(model: Model, problems: Problems, now: datetime.datetime) -> None:
    """Report the problems of the maintenance windows in *model*, and replace their times with times in UTC."""
    alertmanagers = active_servers(model, "alertmanager")
    for name, host in model["hosts"].items():
        if "maintenance" not in host:
            continue
        if not alertmanagers:
            remedy = "the inventory has no Alertmanager. Add a host to the group alertmanager, or remove the maintenance"
            problems.add(name, "monitoring_maintenance", "…", remedy)
        right = []
        for index, raw in enumerate(host["maintenance"]):
            where = f"monitoring_maintenance[{index}]"
            window: dict[str, str] = {}
            for field, value, remedy in _window_problems(raw, now, window):
                problems.add(name, f"{where}.{field}" if field else where, value, remedy)
            if window:
                right.append(window)
        host["maintenance"] = right


def _window_problems(raw: t.Any, now: datetime.datetime, window: dict[str, str]) -> t.Iterator[tuple[str, t.Any, str]]:
    """Yield key, value and remedy of each problem. A window without a problem is added to *window*, with times in UTC."""
    if not isinstance(raw, dict):
        yield "", raw, "must be a dictionary with the keys from, until and why"
        return
    unknown = sorted(str(key) for key in set(raw) - set(_KEYS))
    if unknown:
        yield "", ", ".join(unknown), f"unknown key. The known keys are {', '.join(_KEYS)}"
        return
    if not isinstance(raw.get("why"), str) or not raw["why"].strip():
        yield "why", raw.get("why"), "the maintenance has no reason. Add a text"
        return
    zone = raw.get("time_zone", "UTC")
    # The time zone of the Alertmanager host is unknown here.
    unknown_zone = time_zone_problem("" if zone == "Local" else zone)
    if unknown_zone:
        yield "time_zone", zone, unknown_zone
        return
    times = {key: _parsed(raw.get(key), str(zone)) for key in ("from", "until")}
    start, end = times["from"], times["until"]
    if start is None or end is None:
        yield from ((key, raw.get(key), _TIME) for key, time in times.items() if time is None)
    elif end <= start:
        yield "until", raw["until"], f"the end must be after the start, which is {raw['from']}"
    elif end <= now:
        yield "until", raw["until"], "the maintenance has ended. Remove the entry"
    else:
        window.update({"from": utc_text(start), "until": utc_text(end), "why": raw["why"].strip()})


def _parsed(value: t.Any, zone: str) -> datetime.datetime | None:
    # YAML reads a date without quotes as a date.
    text = str(value) if isinstance(value, (str, datetime.date)) else ""
    try:
        found = datetime.datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    except (ValueError, zoneinfo.ZoneInfoNotFoundError):
        return None
