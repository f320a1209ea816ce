# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries a Prometheus server for its targets. Private to the collection."""

from __future__ import annotations

import datetime
import math
import re
import time
import typing as t
from urllib.parse import quote, urlsplit

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import get_json
from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.promql import any_of

Target = dict[str, t.Any]
# Seconds after which Prometheus has discovered the targets of a changed file. It applies discovered targets every five seconds.
DISCOVERED_WITHIN = 10
# The units of a duration in the notation of Prometheus, such as 1h30m, in seconds.
_UNITS = {"y": 31536000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_PART = re.compile(r"(\d+)(ms|[ywdhms])")


def fetch(url: str, timeout: float, **credentials: t.Any) -> list[Target]:
    """Return the active targets of the Prometheus server at *url*, see `summarize`.

    :raises ApiError: if the server does not answer.
    """
    targets = get_json(f"{url.rstrip('/')}/api/v1/targets?state=active", timeout, "data", "activeTargets", **credentials)
    return [summarize(target) for target in targets]


def not_up(url: str, expected: t.Sequence[t.Mapping[str, str]], since: float, timeout: float, **credentials: t.Any) -> list[str]:
    """Return the instances of the *expected* targets without a successful last scrape after *since* (seconds since 1970).

    The query reads the series ``up`` of these targets only, so that its cost does not grow with the fleet.

    :raises ApiError: if the server does not answer.
    """
    if not expected:
        return []
    jobs, instances = (any_of({target[key] for target in expected}) for key in ("job", "instance"))
    # A range selector returns the samples themselves, each with the time of its scrape.
    window = math.ceil(time.time() - since) + 5
    expression = f"up{{job=~{jobs}, instance=~{instances}}}[{window}s]"
    result = get_json(f"{url.rstrip('/')}/api/v1/query?query={quote(expression)}", timeout, "data", "result", **credentials)
    last = {(series["metric"]["job"], series["metric"]["instance"]): series["values"][-1] for series in result}
    missing = []
    for target in expected:
        when, value = last.get((target["job"], target["instance"]), (0, "0"))
        if float(when) < since or float(value) != 1:
            missing.append(target["instance"])
    return missing


def summarize(target: t.Mapping[str, t.Any]) -> Target:
    """Return the needed parts of one item of ``activeTargets`` (Prometheus' documentation, HTTP API, "Targets").

    ``last_scrape`` is in seconds since 1970, 0 for never; ``interval`` is in seconds.
    """
    labels = target["labels"]
    return {
        "job": labels.get("job", ""),
        # The job in the configuration. Relabeling can change the label job.
        "pool": target.get("scrapePool", ""),
        "instance": labels.get("instance", ""),
        # A target of the job federate is a server, whose host the label server has.
        "host": labels.get("host") or labels.get("server", ""),
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
    """Return (line, final) for each *expected* target that is not up in a scrape after *since*. The line has the reason.

    Waiting for a final target is useless: the scrape failed, or the next scrape is after the *deadline*, or Prometheus would have
    discovered the target until *now*. All times are in seconds since 1970.
    """
    known = {(target["job"], target["instance"]): target for target in active}
    lines = []
    for target in expected:
        current = known.get((target["job"], target["instance"]))
        where = f"{target['instance']} (job {target['job']})"
        if current is None:
            lines.append((f"{where}: Prometheus does not know this target", now - since >= DISCOVERED_WITHIN))
        elif current["last_scrape"] < since:
            late = current["last_scrape"] > 0 and current["last_scrape"] + current["interval"] > deadline
            lines.append((f"{where}: Prometheus has not scraped this target yet", late))
        elif current["health"] != "up":
            lines.append((f"{where}: {current['health']}: {current['last_error']}", True))
    return lines
