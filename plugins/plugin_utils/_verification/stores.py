# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what a Prometheus server reports about its stores with the fleet model. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.stores import Store, dedup_interval, removes_duplicates

# No interval, as the flag -dedup.minScrapeInterval has it.
_OFF = ("", "0", "0s")
# The programs of stores, by role.
TITLES = {"victoria_metrics": "VictoriaMetrics", "vmauth": "vmauth"}


def store_problems(model: Model, server: str, rows: t.Iterable[t.Mapping[str, t.Any]]) -> t.Iterator[tuple[str, str, str]]:
    """Yield (name of the check, host of the store, problem) for each store that *server* writes to; the problem can be empty."""
    for row in rows:
        where = f"{TITLES[row['role']]} on {row['host']}"
        problem = _problem(server, where, row)
        yield f"samples in {where}", row["host"], problem
        if not row["error"]:
            yield f"duplicates in {where}", row["host"], _dedup_problem(model, where, row)


def _problem(server: str, where: str, row: t.Mapping[str, t.Any]) -> str:
    queue = f"The queue of {server} is {row['lag']:.0f} s behind and has {row['pending']} samples"
    if row["refused"]:
        return (
            f"{server}: {where} refuses the password of {server}. Run vigie.monitoring.site, which configures the same password "
            f"on both hosts ({row['error']})"
        )
    if row["error"]:
        return f"{server}: {row['error']}"
    if row["failed"]:
        return (
            f"{server}: {where} refuses the samples of {server}: {row['failed']} samples were lost in {row['waited']:.0f} s. "
            f"The journal of prometheus.service on {server} shows the reason. {queue}"
        )
    if row["dropped"]:
        return f"{server}: Prometheus dropped {row['dropped']} samples for {where} in {row['waited']:.0f} s. {queue}"
    if not row["arrived"]:
        return f"{server}: {where} did not return a sample that {server} wrote in the last {row['waited']:.0f} s. {queue}"
    return ""


def _dedup_problem(model: Model, where: str, row: t.Mapping[str, t.Any]) -> str:
    store = Store(row["role"], row["host"])
    wanted = dedup_interval(model, store) if removes_duplicates(store) else 0
    if not wanted or row["dedup"] not in _OFF:
        return ""
    return (
        f"{row['host']}: several Prometheus servers write the same series to {where}, but it keeps the duplicates. "
        f"Run vigie.monitoring.site --tags {row['role']}"
    )
