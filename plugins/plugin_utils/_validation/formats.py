# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate types, durations and sizes of the variables of servers, as the programs parse them. Private to the collection.

A program that cannot parse a flag would otherwise fail after the restart.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import TIMES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import DURATION, parse_duration, size_problem
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import specification

# Returns the problem of a value, or None.
Check = t.Callable[[t.Any], str | None]
# Go's time.ParseDuration.
_GO_DURATION = re.compile(r"0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+")


def duration(value: t.Any, *, zero: bool = False) -> str | None:
    """Return the problem of a duration of Prometheus, or None. *zero* allows the value 0."""
    if str(value) == "0" or (isinstance(value, str) and value and DURATION.fullmatch(value)):
        return None if zero or parse_duration(value) else "must be longer than 0"
    return "must be a duration, whole numbers with the units y, w, d, h, m, s and ms in this order and without spaces: 30d, 1h30m"


def _zero_or_duration(value: t.Any) -> str | None:
    return duration(value, zero=True)


def _go_duration(value: t.Any) -> str | None:
    if _GO_DURATION.fullmatch(str(value)):
        return None
    return (
        "must be a duration, numbers with the units h, m, s and ms without spaces: 120h, 1h30m. This program has no unit for days"
    )


def _size(value: t.Any) -> str | None:
    # Without a value, there is no limit.
    return None if value == "" else size_problem(value)


LOST_TARGETS_LIMIT = re.compile(r"(\d+)\s*(%?)")


def lost_targets_limit_problem(limit: t.Any) -> str | None:
    """Return what is wrong with a value of ``prometheus_max_lost_targets``, or None."""
    if isinstance(limit, (str, int)) and not isinstance(limit, bool) and LOST_TARGETS_LIMIT.fullmatch(str(limit)):
        return None
    return "must be a number of targets, or a percentage of the server's targets: 20%"


_EMPTY: dict[str, t.Any] = {"dict": {}, "list": []}
FORMATS: dict[str, Check] = {
    "prometheus_retention_time": _zero_or_duration,
    "prometheus_retention_size": _size,
    "prometheus_scrape_interval": duration,
    "prometheus_scrape_timeout": duration,
    "prometheus_evaluation_interval": duration,
    "prometheus_max_lost_targets": lost_targets_limit_problem,
    "alertmanager_group_wait": _zero_or_duration,
    "alertmanager_group_interval": duration,
    "alertmanager_repeat_interval": duration,
    # Alertmanager parses this flag with Go's time.ParseDuration.
    "alertmanager_retention": _go_duration,
}


def validate_formats(model: Model, problems: Problems) -> None:
    """Report variables of servers that the programs cannot parse, and replace wrong dictionaries and lists by empty ones."""
    for role, servers in model["servers"].items():
        options = specification(role)
        for name, settings in servers.items():
            for variable in settings:
                for where, value, remedy in _variable_problems(role, variable, options.get(variable) or {}, settings):
                    problems.add(name, where, value, remedy)
            if role == "prometheus":
                _check_timeout(name, settings, problems)
            for module, content in (settings.get("blackbox_exporter_modules") or {}).items():
                if isinstance(content, dict) and "timeout" in content and (wrong := _go_duration(content["timeout"])):
                    problems.add(name, f"blackbox_exporter_modules.{module}.timeout", content["timeout"], wrong)


def _variable_problems(
    role: str, variable: str, option: t.Mapping[str, t.Any], settings: dict[str, t.Any]
) -> t.Iterator[tuple[str, t.Any, str]]:
    """Yield (variable, value, remedy) for each problem of a *variable*; replace a wrong dictionary or list by an empty one."""
    value, kind = settings[variable], option.get("type")
    if kind in _EMPTY and not isinstance(value, type(_EMPTY[kind])):
        settings[variable] = type(_EMPTY[kind])()
        if value is not None:
            yield variable, value, f"must be a {'dictionary' if kind == 'dict' else 'list'}"
    elif kind == "list" and option.get("elements") == "dict":
        settings[variable] = [item for item in value if isinstance(item, dict)]
        yield from (
            (f"{variable}[{n}]", item, "must be a dictionary") for n, item in enumerate(value) if not isinstance(item, dict)
        )
    # The port of the role itself is validated with the endpoint.
    elif kind == "int" and variable != f"{role}_port" and not re.fullmatch(r"None|-?\d+", str(value)):
        yield variable, value, "must be a whole number"
    elif variable in FORMATS and value is not None and (remedy := FORMATS[variable](value)):
        yield variable, value, remedy


def _check_timeout(server: str, settings: t.Mapping[str, t.Any], problems: Problems) -> None:
    interval, timeout = (settings.get(f"prometheus_{key}") for key in TIMES)
    if 0 < parse_duration(interval) < parse_duration(timeout):
        remedy = f"must not be longer than prometheus_scrape_interval, which is {interval}"
        problems.add(server, "prometheus_scrape_timeout", timeout, remedy)
