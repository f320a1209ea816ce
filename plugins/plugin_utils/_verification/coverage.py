# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the expected targets with the targets of Prometheus. Private to the collection."""

from __future__ import annotations

import typing as t

# If rows or cells with several states become one, the first of these states counts.
BY_URGENCY = ("down", "missing", "extra", "up")
COLUMNS = ("host", "job", "address", "state", "reason")
# Up to this number of targets, the table has all targets; above, only those that are not up.
SHOWN_WHOLE = 60


def coverage(
    expected: t.Iterable[t.Mapping[str, str]],
    active: t.Iterable[t.Mapping[str, t.Any]],
    hosts: t.Iterable[str] | None = None,
) -> list[dict[str, str]]:
    """Return a row for each target: host, job, instance, address, state (up, down, missing or extra) and the reason.

    :param expected: the expected targets, see `targets.expected_targets`.
    :param active: the targets of Prometheus: job, instance, host, address, health and last_error of each.
    :param hosts: return extra targets of these hosts only.
    """
    seen = {(target["job"], target["instance"]): target for target in active}
    of_hosts = None if hosts is None else set(hosts)
    rows = []
    for target in expected:
        found = seen.pop((target["job"], target["instance"]), None)
        row = {key: target[key] for key in ("host", "job", "instance", "address")}
        if found is None:
            rows.append({**row, "state": "missing", "reason": "Prometheus does not know this target"})
        elif found["health"] == "up":
            rows.append({**row, "state": "up", "reason": ""})
        else:
            rows.append({**row, "state": "down", "reason": found["last_error"] or "not scraped yet"})
    for (job, instance), found in seen.items():
        name = found.get("host") or ""
        if of_hosts is None or name in of_hosts:
            row = {"host": name, "job": job, "instance": instance, "address": found.get("address") or instance}
            rows.append({**row, "state": "extra", "reason": "the inventory does not have this target"})
    return sorted(rows, key=lambda row: (row["host"], row["job"], row["instance"]))


def merged(rows: t.Mapping[str, t.Iterable[t.Mapping[str, str]]]) -> list[dict[str, str]]:
    """Return one row for each target of replicas: the most urgent state, and the reason after the names of the servers with it.

    :param rows: the rows of `coverage` by server. Those of a single server are returned as they are.
    """
    found: dict[tuple[str, str], dict[str, t.Mapping[str, str]]] = {}
    for server, of_server in rows.items():
        for row in of_server:
            found.setdefault((row["job"], row["instance"]), {})[server] = row
    result = []
    for by_server in found.values():
        state = min((row["state"] for row in by_server.values()), key=BY_URGENCY.index)
        having = [server for server, row in by_server.items() if row["state"] == state]
        row = {**by_server[having[0]], "servers": ", ".join(having) if len(rows) > 1 and state != "up" else ""}
        result.append({**row, "reason": f"{row['servers']}: {row['reason']}" if row["servers"] else row["reason"]})
    return sorted(result, key=lambda row: (row["host"], row["job"], row["instance"]))


def table(rows: t.Sequence[t.Mapping[str, str]]) -> list[str]:
    """Return *rows* as lines of a table with a heading, and a line with the number of targets that are up.

    For a large fleet, the table has only the targets that are not up.
    """
    shown = rows if len(rows) <= SHOWN_WHOLE else [row for row in rows if row["state"] != "up"]
    lines = [dict(zip(COLUMNS, (name.upper() for name in COLUMNS))), *shown] if shown else []
    widths = [max((len(line[name]) for line in lines), default=0) for name in COLUMNS]
    text = ["  ".join(line[name].ljust(width) for name, width in zip(COLUMNS, widths)).rstrip() for line in lines]
    return [*text, f"{sum(row['state'] == 'up' for row in rows)} of {len(rows)} targets are up"]
