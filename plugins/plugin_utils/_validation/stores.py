# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the stores of the fleet, and resolve which Prometheus server writes to which store. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import Version, is_older
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.stores import (
    ROLES,
    all_stores,
    readable_stores,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import formats

# The roles whose programs have the versions of VictoriaMetrics, and the first version that the roles were tested with.
VICTORIA_ROLES = ("victoria_metrics", "vmauth", "vmalert", "vmagent")
FIRST: Version = (1, 110)
# VictoriaMetrics' documentation, "Retention". Without a unit, the number is a number of months.
_RETENTION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[hdwMy])")
_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "M": 31, "y": 365}
_VARIABLE = "prometheus_stores"


def validate_stores(inventory: Inventory, model: Model, problems: Problems) -> None:
    """Report problems of the variables of stores, and put the hosts of its stores into the settings of each Prometheus server."""
    for name, settings in model["servers"].get("prometheus", {}).items():
        _resolve(inventory, model, name, settings, problems)
    for role in VICTORIA_ROLES:
        for name, settings in active_servers(model, role).items():
            version, retention = settings.get(f"{role}_version"), settings.get(f"{role}_retention")
            if is_older(version, FIRST):
                first = ".".join(map(str, FIRST))
                problems.add(name, f"{role}_version", version, f"the role needs version {first} or later. Set a later version")
            if retention is not None and (remedy := retention_problem(retention)):
                problems.add(name, f"{role}_retention", retention, remedy)
            interval = settings.get(f"{role}_evaluation_interval")
            if interval is not None and (remedy := formats.duration(interval)):
                problems.add(name, f"{role}_evaluation_interval", interval, remedy)
    _check_readers(model, problems)


def retention_problem(value: t.Any) -> str | None:
    """Return the problem of a retention of VictoriaMetrics, or None."""
    match = _RETENTION.fullmatch(str(value))
    if match and float(match["number"]) * _DAYS[match["unit"]] >= 1:
        return None
    return "must be a number with the unit h, d, w, M (months) or y, at least one day: 90d, 6M, 2y"


def _check_readers(model: Model, problems: Problems) -> None:
    """Report a vmauth or a vmalert without stores."""
    for role in ("vmauth", "vmalert") if not readable_stores(model) else ():
        for name in active_servers(model, role):
            remedy = f"{role} has no store to send queries to. Add a host to the group victoria_metrics, or remove {role}"
            problems.add(name, "groups", role, remedy)


def _resolve(inventory: Inventory, model: Model, name: str, settings: dict[str, t.Any], problems: Problems) -> None:
    pattern = settings.get(_VARIABLE)
    if pattern in (None, "all"):
        return
    settings["store_hosts"] = []
    if pattern == "":
        return
    try:
        selected = inventory.select(pattern)
    except (ValueError, TypeError, AttributeError) as error:
        problems.add(name, _VARIABLE, pattern, f"must be an Ansible host pattern: {error}")
        return
    settings["store_hosts"] = sorted(selected)
    if not any(host in selected for role in ROLES for host in model["servers"].get(role, {})):
        hosts = ", ".join(sorted({store.host for store in all_stores(model)})) or "none"
        remedy = f"the pattern matches no store. The stores are {hosts}. Correct the pattern, or set an empty string"
        problems.add(name, _VARIABLE, pattern, remedy)
