# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of targets as series, for the alerts that compare a target with its limits. Private to the collection.

Prometheus counts the scrapes that exceed a limit for the whole server only (its documentation, "Configuration",
<scrape_config>). Which target has which limit is known from the model: the series ``monitoring_scrape_limit`` has the job and the
instance of the target. A series without an instance is the limit of all other targets.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.promql import any_of
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import Pool

LIMIT = "monitoring_scrape_limit"
_OPTIONS = ("sample_limit", "body_size_limit")


def limit_groups(pools: t.Mapping[str, Pool], timeout: t.Any) -> list[dict[str, t.Any]]:
    """Return the rule group that records the limits of the targets in *pools*.

    :param timeout: the scrape timeout of targets without a timeout of their own.
    """
    rules = [_rule("scrape_timeout", "vector(1)", parse_duration(timeout) / 1000)]
    pools_of_job: dict[str, int] = {}
    for pool in pools.values():
        pools_of_job[pool.job] = pools_of_job.get(pool.job, 0) + 1
    for pool in pools.values():
        for limit in _OPTIONS:
            # A size has a unit, and no alert calculates with it: the series says only that the target has the limit.
            value = pool.options.get(limit)
            if value and value != "0":
                instances = [item["instance"] for _name, _host, item in pool.targets] if pools_of_job[pool.job] > 1 else None
                rules.append(_rule(limit, _up(pool.job, instances), value if isinstance(value, int) else 1))
    timeouts: dict[tuple[str, int], list[str]] = {}
    for pool in pools.values():
        for _name, _host, item in pool.targets:
            if "scrape_timeout" in item:
                timeouts.setdefault((pool.job, parse_duration(item["scrape_timeout"])), []).append(item["instance"])
    rules += [_rule("scrape_timeout", _up(job, found), value / 1000) for (job, value), found in sorted(timeouts.items())]
    return [{"name": "limits", "rules": rules}]


def _up(job: str, instances: list[str] | None) -> str:
    """Return an expression with the value 1 for the targets of a job; None for *instances* means all."""
    chosen = "" if instances is None else f", instance=~{any_of(instances)}"
    return f'group by (job, instance) (up{{job="{job}"{chosen}}})'


def _rule(limit: str, expression: str, value: float) -> dict[str, t.Any]:
    number = int(value) if float(value).is_integer() else value
    return {"record": LIMIT, "expr": f"{expression} * {number}", "labels": {"limit": limit}}
