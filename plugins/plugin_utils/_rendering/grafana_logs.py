# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel with the logs of the hosts, for fleets with a Loki. Private to the collection."""

from __future__ import annotations

import typing as t

# The dashboard of the hosts gets the panel.
UID = "vigie-node"
_COLUMNS, _HEIGHT = 24, 12
# "All" of the variable is ".*". Loki rejects a query that also matches streams without the label, hence the second matcher.
_QUERY = '{host=~"$node",host=~".+"}'


def with_logs(dashboard: dict[str, t.Any], source: str) -> dict[str, t.Any]:
    """Return the dashboard of the hosts with the logs of the selected hosts below the other panels; other dashboards unchanged.

    :param source: the uid of a data source of the type loki, or an empty string if the fleet has no Loki.
    """
    if not source or dashboard.get("uid") != UID:
        return dashboard
    panels = dashboard["panels"]
    y = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    row = {
        "id": len(panels) + 1,
        "type": "row",
        "title": "Logs",
        "collapsed": False,
        "panels": [],
        "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1},
    }
    datasource = {"type": "loki", "uid": source}
    logs = {
        "id": len(panels) + 2,
        "type": "logs",
        "title": "Logs",
        "description": "The lines that Alloy sent from the selected hosts.",
        "datasource": datasource,
        "gridPos": {"x": 0, "y": y + 1, "w": _COLUMNS, "h": _HEIGHT},
        "targets": [{"refId": "A", "expr": _QUERY, "queryType": "range", "datasource": datasource}],
        "options": {
            "dedupStrategy": "none",
            "enableLogDetails": True,
            "prettifyLogMessage": False,
            "showCommonLabels": False,
            "showLabels": False,
            "showLogContextToggle": True,
            "showTime": True,
            "sortOrder": "Descending",
            "wrapLogMessage": True,
        },
        "fieldConfig": {"defaults": {}, "overrides": []},
    }
    return {**dashboard, "panels": [*panels, row, logs]}
