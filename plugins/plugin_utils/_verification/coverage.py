# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus says of its targets beside what the inventory says. Private to the collection."""

from __future__ import annotations

import typing as t

COLUMNS = ("host", "job", "address", "state", "reason")
# A fleet of this many targets is shown whole; of a larger one, what is not up.
SHOWN_WHOLE = 60


def coverage(
    expected: t.Iterable[t.Mapping[str, str]],
    active: t.Iterable[t.Mapping[str, t.Any]],
    hosts: t.Iterable[str] | None = None,
) -> list[dict[str, str]]:
    """Return a row a target: host, job, instance, address, state (up, down, missing or extra) and the reason.

    :param expected: what the inventory says, see `_prometheus.expected_targets`.
    :param active: what Prometheus says: job, instance, host, address, health and last_error of each target.
    :param hosts: extra targets are told of these hosts alone.
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


def table(rows: t.Sequence[t.Mapping[str, str]]) -> list[str]:
    """Return *rows* as lines of text in columns with a heading, and how many of them are up.

    Of a large fleet only what is not up has a line.
    """
    shown = rows if len(rows) <= SHOWN_WHOLE else [row for row in rows if row["state"] != "up"]
    lines = [dict(zip(COLUMNS, (name.upper() for name in COLUMNS))), *shown] if shown else []
    widths = [max((len(line[name]) for line in lines), default=0) for name in COLUMNS]
    text = ["  ".join(line[name].ljust(width) for name, width in zip(COLUMNS, widths)).rstrip() for line in lines]
    return [*text, f"{sum(row['state'] == 'up' for row in rows)} of {len(rows)} targets are up"]
