# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel with the logs of the hosts."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.grafana_logs import with_logs

ROOT = Path(__file__).parents[5]
SCHEMA = json.loads((ROOT / "tools/dashboards/schema.json").read_text())
NODE = json.loads((ROOT / "roles/node_exporter/monitoring/dashboard.json").read_text())


def test_grafana_knows_the_panel() -> None:
    """The panel and its dashboard fit the schema that Grafana publishes."""
    page = with_logs(NODE, "loki-store")
    jsonschema.validate(page, SCHEMA["dashboard"])
    panel = page["panels"][-1]
    assert panel["type"] == "logs"
    jsonschema.validate(panel["options"], SCHEMA["panels"]["logs"]["options"])


def test_the_panel_is_below_all_others() -> None:
    """It covers none of them and has an identifier of its own."""
    page = with_logs(NODE, "loki-store")
    *others, row, logs = page["panels"]
    lowest = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in others)
    assert (row["gridPos"]["y"], logs["gridPos"]["y"]) == (lowest, lowest + 1)
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])
    assert others == NODE["panels"]


def test_only_the_dashboard_of_the_hosts_gets_the_panel() -> None:
    """And only if there is a Loki."""
    assert with_logs(NODE, "") == NODE
    other = {**NODE, "uid": "vigie-fleet"}
    assert with_logs(other, "loki-store") == other
