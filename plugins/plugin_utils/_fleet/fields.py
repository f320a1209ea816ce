# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats of single values in the inventory: labels, thresholds, numbers and durations. Private to the collection."""

from __future__ import annotations

import datetime
import math
import re
import typing as t

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# Labels that the collection and Prometheus set for every target.
RESERVED = ("host", "instance", "job")
# Prometheus' documentation, "Configuration", <duration>.
DURATION = re.compile(r"((\d+)y)?((\d+)w)?((\d+)d)?((\d+)h)?((\d+)m)?((\d+)s)?((\d+)ms)?")
_MILLISECONDS = (31536000000, 604800000, 86400000, 3600000, 60000, 1000, 1)
# ParseBase2Bytes in github.com/alecthomas/units: either all units have an i, or none has.
_SIZES = tuple(re.compile(rf"0|((\d+(\.\d*)?|\.\d+)([KMGTPE]{i}B|B))+") for i in ("i", ""))


def label_problem(name: str, value: t.Any) -> str | None:
    """Return the problem of a label, or None."""
    if not LABEL_NAME.fullmatch(name):
        return "a label name must consist of letters, digits and underscores, and must not start with a digit"
    if name.startswith("__") or name in RESERVED:
        return f"the label name {name} is reserved. Choose another name"
    if not isinstance(value, str):
        return "a label value must be a string. Put the value in quotes, or append `| string` in a template"
    return None


def threshold_format_problem(name: str, value: t.Any) -> str | None:
    """Return the problem of a threshold, or None."""
    if not LABEL_NAME.fullmatch(name):
        return "a threshold name must consist of letters, digits and underscores, and must not start with a digit"
    for item in value.values() if isinstance(value, dict) else [value]:
        if parse_number(item) is None:
            return "a threshold must be a number, or a dictionary from severity to number"
    return None


def parse_number(value: t.Any) -> float | None:
    """Return a number, or None. A string with a number is accepted: before ansible-core 2.19, templates return strings."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, int):
        return value
    try:
        found = float(value)
    except ValueError:
        return None
    if not math.isfinite(found):
        return None
    return int(value) if isinstance(value, str) and value.isdigit() else found


def parse_thresholds(values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return valid thresholds as numbers, or as numbers by severity."""
    return {
        name: {severity: parse_number(item) for severity, item in value.items()}
        if isinstance(value, dict)
        else parse_number(value)
        for name, value in values.items()
    }


def parse_duration(duration: t.Any) -> int:
    """Return a duration of Prometheus in milliseconds, or 0 if it is not a duration."""
    match = DURATION.fullmatch(duration) if isinstance(duration, str) else None
    return sum(int(parse_number or 0) * unit for parse_number, unit in zip(match.groups()[1::2], _MILLISECONDS)) if match else 0


Version = tuple[int, ...]


def parse_version(text: t.Any) -> Version:
    """Return the numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", str(text))[:3])


def is_older(version: t.Any, first: Version) -> bool:
    """Return whether *version* is older than *first*. The version "latest" has no numbers, and is never older."""
    numbers = parse_version(version)
    return bool(numbers) and numbers < first


def boolean_problem(value: t.Any) -> str | None:
    """Return the problem of a boolean, or None."""
    return None if isinstance(value, bool) else "must be true or false"


def size_problem(value: t.Any) -> str | None:
    """Return the problem of a size as Prometheus parses it, or None."""
    if any(size.fullmatch(str(value)) for size in _SIZES):
        return None
    return "must be a number with one of the units B, KB, MB, GB, TB, PB and EB, without a space: 50GB"


def utc_text(time: datetime.datetime) -> str:
    """Return *time* in UTC, in the form of RFC 3339. Such texts have the order of their times."""
    return time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
