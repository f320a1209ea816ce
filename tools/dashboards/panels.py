# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build dashboards: panels fill a dashboard of 24 columns from left to right.

schema.json beside this file is Grafana's schema. The unit tests validate every dashboard with the schema.
"""

from __future__ import annotations

from typing import Any

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
RED, YELLOW, GREEN = "red", "yellow", "green"
# The text and the colour of a value.
ON_OFF = {"1": ("up", GREEN), "0": ("down", RED)}
BASE = None
COLUMNS = 24
# Queries by legend, or by the name of a column of a table.
Queries = dict[str, str]
Steps = dict[float | None, str]


def _thresholds(steps: Steps) -> dict[str, Any]:
    """Return thresholds: each colour begins at a value. Below the first value the colour is green, or the colour of BASE."""
    steps = {BASE: GREEN, **steps}
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for value, color in steps.items()]}


def _mappings(texts: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    options = {
        value: {"text": text, "color": color, "index": index} for index, (value, (text, color)) in enumerate(texts.items())
    }
    return [{"type": "value", "options": options}]


def _last() -> dict[str, Any]:
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}


class Page:
    """One dashboard. Its queries contain ``host=~"$node"``, which selects hosts."""

    def __init__(self, uid: str, title: str, description: str, servers: str = 'up{host!=""}') -> None:
        """Create an empty dashboard.

        :param uid: the permanent identifier of the dashboard.
        :param servers: series whose label ``host`` lists the hosts of the dashboard.
        """
        self._head = {"uid": uid, "title": title, "description": description}
        self._variables: list[dict[str, Any]] = [
            {"name": "datasource", "type": "datasource", "label": "Data source", "query": "prometheus", "refresh": 1}
        ]
        self._panels: list[dict[str, Any]] = []
        self._x = self._y = self._row_height = 0
        self.choose("node", "Servers", f"label_values({servers}, host)")

    def choose(self, name: str, label: str, query: str) -> None:
        """Add a variable with the values that *query* finds. People can select several values; all are selected at first."""
        self._variables.append(
            {
                "name": name,
                "type": "query",
                "label": label,
                "datasource": SOURCE,
                "query": query,
                "refresh": 2,
                "sort": 1,
                "multi": True,
                "includeAll": True,
                "allValue": ".*",
                "current": {"text": "All", "value": "$__all"},
            }
        )

    def choose_one(self, name: str, label: str, values: list[str]) -> None:
        """Add a variable with which people select one of *values*."""
        first = {"text": values[0], "value": values[0]}
        self._variables.append({"name": name, "type": "custom", "label": label, "query": ",".join(values), "current": first})

    def row(self, title: str) -> None:
        """Start a row."""
        self._break()
        place = {"x": 0, "y": self._y, "w": COLUMNS, "h": 1}
        self._panels.append(
            {"id": self._next(), "type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": place}
        )
        self._y += 1

    def now(self, up: str, what: str = "Servers") -> None:
        """Start the row Now with the numbers of services that are up and down.

        :param up: the metric that is 1 for a service that is up.
        """
        self.row("Now")
        chosen = f'{up}{{host=~"$node"}}'
        self.stat(f"{what} up", "none", f"sum({chosen})")
        self.stat(f"{what} down", "none", f"count({chosen} == 0) or vector(0)", {1.0: RED})

    def stat(
        self,
        title: str,
        unit: str,
        query: str,
        steps: Steps | None = None,
        *,
        mappings: dict[str, tuple[str, str]] | None = None,
        decimals: int = 0,
        span: int = 4,
        description: str = "",
    ) -> None:
        """Add a panel with one number."""
        defaults = {"unit": unit, "decimals": decimals, "thresholds": _thresholds(steps or {})}
        if mappings:
            defaults["mappings"] = _mappings(mappings)
        options = {
            "colorMode": "background" if steps or mappings else "none",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": _last(),
            "showPercentChange": False,
            "textMode": "value",
            "wideLayout": True,
        }
        self._add("stat", title, description, {"": query}, options, defaults, span, 4)

    def graph(
        self,
        title: str,
        unit: str,
        queries: Queries,
        *,
        stacked: bool = False,
        most: float | None = None,
        span: int = 12,
        description: str = "",
    ) -> None:
        """Add a panel with lines over time, by their legends. *stacked*: the lines are added up."""
        custom = {"lineWidth": 1, "fillOpacity": 40 if stacked else 8, "showPoints": "never", "spanNulls": False}
        if stacked:
            custom["stacking"] = {"mode": "normal", "group": "A"}
        defaults = {"unit": unit, "min": 0, "custom": custom}
        if most is not None:
            defaults["max"] = most
        options = {
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
        self._add("timeseries", title, description, queries, options, defaults, span, 8)

    def bars(self, title: str, unit: str, queries: Queries, steps: Steps, *, span: int = 12, description: str = "") -> None:
        """Add a panel with one bar for each series, coloured by *steps*."""
        options = {
            "displayMode": "gradient",
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
            "maxVizHeight": 300,
            "minVizHeight": 16,
            "minVizWidth": 8,
            "namePlacement": "auto",
            "orientation": "horizontal",
            "reduceOptions": _last(),
            "showUnfilled": True,
            "sizing": "auto",
            "valueMode": "color",
        }
        self._add(
            "bargauge", title, description, queries, options, {"unit": unit, "min": 0, "thresholds": _thresholds(steps)}, span, 8
        )

    def states(
        self,
        title: str,
        queries: Queries,
        mappings: dict[str, tuple[str, str]] | None = None,
        *,
        span: int = COLUMNS,
        height: int = 8,
        description: str = "",
    ) -> None:
        """Add a panel with one line for each series, coloured by its value: up or down, or the texts of *mappings*."""
        options = {
            "alignValue": "left",
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
            "mergeValues": True,
            "rowHeight": 0.8,
            "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        }
        defaults = {"unit": "none", "mappings": _mappings(mappings or ON_OFF), "custom": {"fillOpacity": 80, "lineWidth": 0}}
        self._add("state-timeline", title, description, queries, options, defaults, span, height)

    def table(
        self,
        title: str,
        queries: Queries,
        labels: dict[str, str],
        units: dict[str, str],
        *,
        steps: dict[str, Steps] | None = None,
        span: int = COLUMNS,
        height: int = 8,
        description: str = "",
    ) -> None:
        """Add a table: a column for each of *labels* (titles by labels), and one for the value of each query, by its name.

        :param units: of the values' columns, by their names.
        :param steps: colours of the values' columns, by their names.
        """
        names = list(queries)
        values = [f"Value #{chr(ord('A') + number)}" for number in range(len(names))] if len(names) > 1 else ["Value"]
        renamed = {**labels, **dict(zip(values, names, strict=True))}
        overrides = []
        for name, unit in units.items():
            properties = [{"id": "unit", "value": unit}]
            if steps and name in steps:
                properties.append({"id": "thresholds", "value": _thresholds(steps[name])})
                properties.append({"id": "custom.cellOptions", "value": {"type": "color-background"}})
            overrides.append({"matcher": {"id": "byName", "options": name}, "properties": properties})
        transformations = [
            {"id": "merge", "options": {}},
            {"id": "filterFieldsByName", "options": {"include": {"names": list(renamed)}}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {},
                    "indexByName": {name: index for index, name in enumerate(renamed)},
                    "renameByName": renamed,
                },
            },
        ]
        options = {"cellHeight": "sm", "frameIndex": 0, "showHeader": True}
        self._add("table", title, description, queries, options, {"unit": "none"}, span, height)
        self._panels[-1]["fieldConfig"]["overrides"] = overrides
        self._panels[-1]["transformations"] = transformations

    def build(self) -> dict[str, Any]:
        """Return the dashboard in Grafana's format."""
        return {
            **self._head,
            "tags": ["vigie"],
            "schemaVersion": 42,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "browser",
            "time": {"from": "now-3h", "to": "now"},
            "refresh": "30s",
            "links": [
                {
                    "type": "dashboards",
                    "title": "Vigie",
                    "tags": ["vigie"],
                    "asDropdown": True,
                    "icon": "external link",
                    "includeVars": True,
                    "keepTime": True,
                    "targetBlank": False,
                    "tooltip": "",
                    "url": "",
                }
            ],
            "templating": {"list": self._variables},
            "panels": self._panels,
        }

    def _add(
        self,
        kind: str,
        title: str,
        description: str,
        queries: Queries,
        options: dict[str, Any],
        defaults: dict[str, Any],
        span: int,
        height: int,
    ) -> None:
        if self._x + span > COLUMNS:
            self._break()
        panel: dict[str, Any] = {"id": self._next(), "type": kind, "title": title}
        if description:
            panel["description"] = description
        now = kind in ("stat", "bargauge", "table")
        panel["datasource"] = SOURCE
        panel["gridPos"] = {"x": self._x, "y": self._y, "w": span, "h": height}
        panel["targets"] = [
            {
                "refId": chr(ord("A") + number),
                "expr": expression,
                "legendFormat": legend or "__auto",
                "instant": now,
                "range": not now,
                "format": "table" if kind == "table" else "time_series",
            }
            for number, (legend, expression) in enumerate(queries.items())
        ]
        panel["options"] = options
        panel["fieldConfig"] = {"defaults": defaults, "overrides": []}
        self._panels.append(panel)
        self._x += span
        self._row_height = max(self._row_height, height)

    def _break(self) -> None:
        """Continue below the existing panels."""
        self._y += self._row_height
        self._x = self._row_height = 0

    def _next(self) -> int:
        return len(self._panels) + 1
