# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus' API says of its targets. Private to the collection."""

from __future__ import annotations

import datetime
import math
import re
import time
import typing as t
from urllib.parse import quote, urlsplit

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import get
from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.promql import any_of

Target = dict[str, t.Any]
# Seconds after which Prometheus has read a changed targets file: it takes what it has found every five seconds.
FOUND_WITHIN = 10
# A duration as Prometheus writes it: 1h30m.
_UNITS = {"y": 31536000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_PART = re.compile(r"(\d+)(ms|[ywdhms])")


def fetch(url: str, timeout: float) -> list[Target]:
    """Return the active targets of the Prometheus at *url*, see `reduce`.

    :raises ApiError: where it does not answer.
    """
    targets = get(f"{url.rstrip('/')}/api/v1/targets?state=active", timeout, "data", "activeTargets")
    return [reduce(target) for target in targets]


def not_up(url: str, expected: t.Sequence[t.Mapping[str, str]], since: float, timeout: float) -> list[str]:
    """Return the instances of the *expected* targets whose last scrape after *since* the Prometheus at *url* has not, or failed.

    It reads the series ``up``, of these targets alone: what that costs does not grow with the fleet.

    :raises ApiError: where it does not answer.
    """
    if not expected:
        return []
    jobs, instances = (any_of({target[key] for target in expected}) for key in ("job", "instance"))
    # A range of an instant query gives the samples themselves, each with the time of its scrape.
    window = math.ceil(time.time() - since) + 5
    expression = f"up{{job=~{jobs}, instance=~{instances}}}[{window}s]"
    found = get(f"{url.rstrip('/')}/api/v1/query?query={quote(expression)}", timeout, "data", "result")
    last = {(series["metric"]["job"], series["metric"]["instance"]): series["values"][-1] for series in found}
    missing = []
    for target in expected:
        when, value = last.get((target["job"], target["instance"]), (0, "0"))
        if float(when) < since or float(value) != 1:
            missing.append(target["instance"])
    return missing


def reduce(target: t.Mapping[str, t.Any]) -> Target:
    """Return what matters of one item of ``activeTargets`` (Prometheus' documentation, HTTP API, "Targets").

    ``last_scrape`` is in seconds since 1970, 0 for never; ``interval`` is in seconds.
    """
    labels = target["labels"]
    return {
        "job": labels.get("job", ""),
        # The job of the configuration, whatever the label is.
        "pool": target.get("scrapePool", ""),
        "instance": labels.get("instance", ""),
        "host": labels.get("host", ""),
        "address": urlsplit(target["scrapeUrl"]).netloc,
        "health": target["health"],
        "last_error": target.get("lastError", ""),
        "last_scrape": seconds(target.get("lastScrape", "")),
        "interval": sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(target.get("scrapeInterval", ""))),
    }


def seconds(stamp: str) -> float:
    """Return an RFC 3339 time, with up to nine digits of a second, as seconds since 1970; 0 for Go's zero time."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", stamp)
    if not match or stamp.startswith("0001-"):
        return 0.0
    zone = "+00:00" if match.group(3) == "Z" else match.group(3)
    return datetime.datetime.fromisoformat(match.group(1) + zone).timestamp() + float(match.group(2) or 0)


def waiting_for(
    expected: t.Iterable[t.Mapping[str, str]],
    active: t.Iterable[Target],
    since: float,
    now: float = 0,
    deadline: float = math.inf,
) -> list[tuple[str, bool]]:
    """Return a line for each *expected* target that is not up by a scrape after *since*: why, and whether that is final.

    Final is a scrape that failed, one that comes after the *deadline*, and a target that Prometheus would have found by *now*.
    All times are in seconds since 1970.
    """
    known = {(target["job"], target["instance"]): target for target in active}
    lines = []
    for target in expected:
        found = known.get((target["job"], target["instance"]))
        where = f"{target['instance']} (job {target['job']})"
        if found is None:
            lines.append((f"{where}: Prometheus does not know this target", now - since >= FOUND_WITHIN))
        elif found["last_scrape"] < since:
            late = found["last_scrape"] > 0 and found["last_scrape"] + found["interval"] > deadline
            lines.append((f"{where}: Prometheus has not scraped this target yet", late))
        elif found["health"] != "up":
            lines.append((f"{where}: {found['health']}: {found['last_error']}", True))
    return lines
