# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the way of the logs from the hosts to Loki. Private to the collection."""

from __future__ import annotations

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems

_SHORTEST_RETENTION = "1d"


def validate_log_files(model: Model, problems: Problems) -> None:
    """Report logs that no program sends, hosts without a Loki to send to, and log rules that no Loki evaluates."""
    lokis = active_servers(model, "loki")
    for name, settings in lokis.items():
        retention = str(settings["loki_retention"])
        if parse_duration(retention) < parse_duration(_SHORTEST_RETENTION):
            remedy = f"must be a duration with a unit, and at least {_SHORTEST_RETENTION}, for instance 31d"
            problems.add(name, "loki_retention", settings["loki_retention"], remedy)
    add = "Add a host to the group of the role loki"
    if "alloy" not in model["roles"]:
        return
    for name, host in model["hosts"].items():
        if "log_files" in host and "alloy" not in host["roles"]:
            remedy = "no program sends the logs of the host. Add the host to the group of the role alloy"
            problems.add(name, "monitoring_log_files", "…", remedy)
        elif "log_files" in host and not lokis:
            problems.add(name, "monitoring_log_files", "…", f"the inventory has no Loki that receives the logs. {add}")
    if model.get("logs_engine") == "loki" and not lokis:
        problems.add("all", "monitoring_logs_engine", "loki", f"the inventory has no Loki that evaluates the rules. {add}")
