# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw the dashboards with the data of a Prometheus server, as similar to Grafana as matplotlib allows.

Usage: picture.py URL DIRECTORY [PAGE...]    writes DIRECTORY/PAGE.png, for pages by their uids, all by default
"""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from PIL import Image
from queries import ask, filled

ROLES = Path(__file__).parents[2] / "roles"
WIDTH, ROW = 1280, 38
MINUTES = 15
COLORS = ["#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642", "#cca300"]
NAMED = {"green": "#73bf69", "yellow": "#fade2a", "red": "#f2495c", None: "#73bf69"}
INK, PAPER, BACK = "#24292e", "#ffffff", "#f4f5f5"
Panel = dict[str, Any]


SCALED = {"bytes": "B", "Bps": "B/s", "bps": "b/s"}
SIGNS = {
    "percent": " %",
    "d": " days",
    "ms": " ms",
    "s": " s",
    "reqps": " req/s",
    "ops": " ops/s",
    "celsius": " °C",
    "KBs": " kB/s",
}


def plain(value: float, decimals: int | None = None) -> str:
    """Return a number with a readable number of digits."""
    size = abs(value)
    digits = decimals if decimals is not None else 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    return f"{value:.{digits}f}"


def scaled(value: float, unit: str) -> str:
    """Return a number of bytes or bits."""
    for name in ("", "K", "M", "G"):
        if abs(value) < 1000:
            return f"{plain(value)} {name}{SCALED[unit]}"
        value /= 1000
    return f"{plain(value)} T{SCALED[unit]}"


def lasting(seconds: float) -> str:
    """Return a duration."""
    if abs(seconds) < 1:
        return f"{seconds * 1000:.1f} ms"
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{plain(seconds)} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def shown(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a value with its unit, as Grafana writes it."""
    special: dict[str, Callable[[], str]] = {
        **dict.fromkeys(SCALED, lambda: scaled(value, unit)),
        **dict.fromkeys(("s", "dtdurations"), lambda: lasting(value)),
        "dateTimeFromNow": lambda: f"{max(0, int(time.time() - value / 1000)) // 60} min ago",
        "bool_on_off": lambda: "On" if value else "Off",
        "percentunit": lambda: f"{value * 100:.1f} %",
    }
    if math.isnan(value):
        return "NaN"
    return special[unit]() if unit in special else plain(value, decimals) + SIGNS.get(unit, "")


def legend(pattern: str, labels: dict[str, str]) -> str:
    """Return the name of a series."""
    if pattern == "__auto":
        its = {name: value for name, value in labels.items() if name != "__name__"}
        return " ".join(its.values()) or "Value"
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), pattern).strip()


def color(value: float, steps: list[dict[str, Any]]) -> str:
    """Return the colour of a value by its thresholds."""
    found = steps[0]["color"]
    for step in steps[1:]:
        if value >= step["value"]:
            found = step["color"]
    return NAMED[found]


def frameless(axes: Any) -> None:
    """Remove the frame."""
    for side in axes.spines.values():
        side.set_visible(False)


def over_time(axes: Any) -> None:
    """Set the time axis to the last minutes."""
    axes.set_xlim(-MINUTES, 0)
    axes.xaxis.set_major_formatter(lambda at, _index: f"{at:.0f} min" if at else "now")
    frameless(axes)


class Picture:
    """The picture of one dashboard."""

    def __init__(self, url: str, page: dict[str, Any]) -> None:
        """Create an empty picture."""
        self.url, self.page, self.now = url, page, time.time()

    def ask(self, target: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the series of a query, now or in the last minutes."""
        expression = filled(target["expr"], self.page)
        if target["instant"]:
            return ask(self.url, "query", query=expression, time=self.now)["result"]
        return ask(self.url, "query_range", query=expression, start=self.now - MINUTES * 60, end=self.now, step=10)["result"]

    def series(self, panel: Panel) -> list[tuple[str, dict[str, Any]]]:
        """Return the name and the data of each series of a panel."""
        return [(legend(target["legendFormat"], one["metric"]), one) for target in panel["targets"] for one in self.ask(target)]

    def draw(self, path: Path) -> None:
        """Write the picture to *path*."""
        rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in self.page["panels"])
        height = rows * ROW + 60
        figure = plt.figure(figsize=(WIDTH / 100, height / 100), dpi=100, facecolor=BACK)
        figure.text(0.01, 1 - 22 / height, self.page["title"], fontsize=14, color=INK, weight="bold", va="center")
        names = [variable["label"] + ": " + variable["current"]["text"] for variable in self.page["templating"]["list"][1:]]
        figure.text(0.99, 1 - 22 / height, "   ".join(names), fontsize=8, color=INK, va="center", ha="right")
        kinds: dict[str, Callable[[Any, Panel], None]] = {
            "timeseries": self.lines,
            "stat": self.number,
            "bargauge": self.bars,
            "state-timeline": self.states,
            "table": self.table,
        }
        for panel in self.page["panels"]:
            place = panel["gridPos"]
            left, top = place["x"] / 24, 1 - (60 + place["y"] * ROW - 15) / height
            if panel["type"] == "row":
                title = filled(panel["title"], self.page)
                figure.text(left + 0.01, top - 18 / height, f"▾ {title}", fontsize=10, color=INK, weight="bold", va="center")
                continue
            box = (left + 0.004, top - (place["h"] * ROW - 4) / height, place["w"] / 24 - 0.008, (place["h"] * ROW - 8) / height)
            figure.add_artist(
                plt.Rectangle(
                    box[:2], box[2], box[3], facecolor=PAPER, edgecolor="#e4e5e6", transform=figure.transFigure, zorder=-1
                )
            )
            figure.text(box[0] + 0.006, box[1] + box[3] - 13 / height, panel["title"], fontsize=8.5, color=INK, va="center")
            inner = (box[0] + 0.006, box[1] + 8 / height, box[2] - 0.012, box[3] - 34 / height)
            axes = figure.add_axes(inner)
            axes.set_facecolor(PAPER)
            kinds[panel["type"]](axes, panel)
        figure.savefig(path)
        plt.close(figure)
        # This reduces the size to a third, without a visible difference.
        Image.open(path).convert("RGB").quantize(64).save(path, optimize=True)

    def nothing(self, axes: Any) -> None:
        """Write that there are no data."""
        axes.axis("off")
        axes.text(0.5, 0.5, "No data", ha="center", va="center", fontsize=10, color="#8e8e8e", transform=axes.transAxes)

    def lines(self, axes: Any, panel: Panel) -> None:
        """Draw lines over time."""
        series = [(name, one["values"]) for name, one in self.series(panel)]
        if not series:
            self.nothing(axes)
            return
        defaults = panel["fieldConfig"]["defaults"]
        times = [[(float(at) - self.now) / 60 for at, _value in values] for _name, values in series]
        numbers = [[float(value) for _at, value in values] for _name, values in series]
        if "stacking" in defaults["custom"] and len({len(its) for its in times}) == 1:
            axes.stackplot(times[0], numbers, labels=[name for name, _values in series], colors=COLORS, alpha=0.7)
        else:
            for index, (name, _values) in enumerate(series):
                axes.plot(times[index], numbers[index], linewidth=1, color=COLORS[index % len(COLORS)], label=name)
                axes.fill_between(times[index], numbers[index], alpha=0.08, color=COLORS[index % len(COLORS)])
        axes.set_ylim(bottom=0, top=defaults.get("max"))
        if axes.get_ylim()[1] < 1e-12:
            axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(lambda value, _index: shown(value, defaults["unit"]))
        axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
        axes.tick_params(labelsize=6.5, colors="#6e7680", length=0)
        axes.grid(visible=True, color="#ececec", linewidth=0.7)
        over_time(axes)
        where = axes.get_position()
        axes.set_position((where.x0 + 0.045, where.y0 + where.height * 0.2, where.width - 0.05, where.height * 0.8))
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(-0.02, -0.1),
            ncol=max(1, min(6, 110 // (8 + max(len(name) for name, _values in series)))),
            fontsize=6.5,
            frameon=False,
            handlelength=1,
            columnspacing=1,
        )

    def number(self, axes: Any, panel: Panel) -> None:
        """Draw a panel with one number."""
        found = self.series(panel)
        axes.axis("off")
        if not found:
            self.nothing(axes)
            return
        value, defaults = float(found[0][1]["value"][1]), panel["fieldConfig"]["defaults"]
        text, ink = shown(value, defaults["unit"], defaults["decimals"]), INK
        back = color(value, defaults["thresholds"]["steps"])
        for mapping in defaults.get("mappings", []):
            its = mapping["options"].get(f"{value:.0f}")
            if its:
                text, back = its["text"], NAMED[its["color"]]
        if panel["options"]["colorMode"] == "background":
            axes.axis("on")
            axes.set_facecolor(back)
            axes.set_xticks([])
            axes.set_yticks([])
            frameless(axes)
        axes.text(
            0.5,
            0.5,
            text,
            ha="center",
            va="center",
            fontsize=19 if len(text) < 7 else 13,
            color=ink,
            transform=axes.transAxes,
            weight="bold",
        )

    def bars(self, axes: Any, panel: Panel) -> None:
        """Draw a bar for each series."""
        found = [(name, float(one["value"][1])) for name, one in self.series(panel)][:8]
        axes.axis("off")
        if not found:
            self.nothing(axes)
            return
        defaults = panel["fieldConfig"]["defaults"]
        most = max(100.0 if defaults["unit"] == "percent" else 0.0, *(value for _name, value in found), 1.0)
        for index, (name, value) in enumerate(found):
            its = color(value, defaults["thresholds"]["steps"])
            axes.barh(-index, most, height=0.55, color="#eeeeee", left=0)
            axes.barh(-index, max(value, 0), height=0.55, color=its, left=0)
            axes.text(-0.02 * most, -index, name, ha="right", va="center", fontsize=7.5, color=INK)
            axes.text(1.02 * most, -index, shown(value, defaults["unit"]), va="center", fontsize=8, color=INK)
        axes.set_xlim(-0.55 * most, 1.25 * most)
        axes.set_ylim(-max(len(found), 4) + 0.4, 0.6)

    def states(self, axes: Any, panel: Panel) -> None:
        """Draw a line for each series, coloured by its value."""
        found = [(name, one["values"]) for name, one in self.series(panel)]
        if not found:
            self.nothing(axes)
            return
        texts = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
        most = max(4, panel["gridPos"]["h"] * 2 - 4)
        found = sorted(found)[:most]
        for index, (_name, values) in enumerate(found):
            for at, value in values:
                its = texts.get(f"{float(value):.0f}", {"color": None})
                axes.barh(
                    -index, 10 / 60 * 1.02, left=(float(at) - self.now) / 60, height=0.8, color=NAMED[its["color"]], linewidth=0
                )
        axes.set_yticks([-index for index in range(len(found))], [name for name, _values in found])
        axes.set_ylim(-max(len(found), 4) + 0.4, 0.6)
        axes.tick_params(labelsize=6.5, colors=INK, length=0)
        over_time(axes)
        where = axes.get_position()
        axes.set_position((where.x0 + 0.11, where.y0 + where.height * 0.08, where.width - 0.12, where.height * 0.9))

    def table(self, axes: Any, panel: Panel) -> None:
        """Draw a table."""
        names = panel["transformations"][2]["options"]["renameByName"]
        labels = [name for name in names if not name.startswith("Value")]
        rows: dict[tuple[str, ...], dict[str, float]] = {}
        for target in panel["targets"]:
            for one in self.ask(target):
                key = tuple(one["metric"].get(label, "") for label in labels)
                rows.setdefault(key, {})[target["legendFormat"]] = float(one["value"][1])
        axes.axis("off")
        if not rows:
            self.nothing(axes)
            return
        overrides = {
            item["matcher"]["options"]: {its["id"]: its["value"] for its in item["properties"]}
            for item in panel["fieldConfig"]["overrides"]
        }
        titles = [names[label] for label in labels] + [target["legendFormat"] for target in panel["targets"]]
        most = panel["gridPos"]["h"] - 2
        cells, colours = [], []
        for key, values in sorted(rows.items())[:most]:
            numbers = [values.get(target["legendFormat"]) for target in panel["targets"]]
            its = [overrides.get(target["legendFormat"], {}) for target in panel["targets"]]
            cells.append(
                [*key, *("" if n is None else shown(n, o.get("unit", "none")) for n, o in zip(numbers, its, strict=True))]
            )
            back = [
                color(n, o["thresholds"]["steps"]) if n is not None and "thresholds" in o else PAPER
                for n, o in zip(numbers, its, strict=True)
            ]
            colours.append([PAPER] * len(key) + back)
        made = axes.table(
            cellText=cells,
            cellColours=colours,
            colLabels=titles,
            cellLoc="left",
            colLoc="left",
            bbox=(0, 1 - min(1, (len(cells) + 1) / (most + 1)), 1, min(1, (len(cells) + 1) / (most + 1))),
        )
        made.auto_set_font_size(False)  # noqa: FBT003 - the signature of matplotlib
        made.set_fontsize(7.5)
        for cell in made.get_celld().values():
            cell.set_edgecolor("#e4e5e6")


def main() -> None:
    """Draw the dashboards."""
    url, directory, *wanted = sys.argv[1:]
    mpl.use("Agg")
    Path(directory).mkdir(parents=True, exist_ok=True)
    for path in sorted(ROLES.glob("*/monitoring/dashboard*.json")):
        page = json.loads(path.read_text())
        if not wanted or page["uid"] in wanted:
            Picture(url, page).draw(Path(directory) / f"{page['uid']}.png")
            print(f"picture: {page['uid']}.png", flush=True)


if __name__ == "__main__":
    main()
