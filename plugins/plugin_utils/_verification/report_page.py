# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the coverage page: a table of hosts and jobs. Private to the collection."""

from __future__ import annotations

import json
import time
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import alertmanager
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.checks import Answer, compare
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.coverage import BY_URGENCY
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.verification import SYMBOLS

NOT_PLANNED = "·"
LEGEND = "✔ up · ✗ down · ! expected, but not a target of Prometheus · ? not in the inventory · a dot: not expected"


def report_page(
    model: Model, asked: t.Mapping[str, t.Any], hosts: t.Collection[str], now: float | None = None
) -> dict[str, t.Any]:
    """Return the page as Markdown (``markdown``), and its data for the HTML page (``json``, fit for a script element).

    :param asked: see `checks.answers`.
    :param hosts: the hosts that have a row.
    :param now: the time to print on the page, in seconds since 1970. By default, the current time.
    """
    answered, checks, rows = compare(model, asked, hosts)
    data = {
        "made": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)),
        "servers": list(answered),
        "jobs": sorted({row["job"] for of_server in rows.values() for row in of_server}),
        "hosts": _hosts(model, answered, rows, hosts),
        "alerts": [alert for alert in _alerts(answered) if alert["host"] not in model["hosts"]],
        # Problems of single targets are in the table.
        "problems": list(dict.fromkeys(check.problem for check in checks if check.problem and check.kind != "target")),
    }
    # A string of the inventory must not end the script element.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return {"json": text, "markdown": markdown(data)}


def _hosts(
    model: Model,
    answered: t.Mapping[str, Answer],
    rows: t.Mapping[str, list[dict[str, t.Any]]],
    hosts: t.Collection[str],
) -> list[dict[str, t.Any]]:
    """Return a row for each host: name, address, labels, cells by job, and the alerts that fire for it."""
    found: dict[str, dict[str, t.Any]] = {}
    for name in sorted(hosts):
        known = model["hosts"].get(name)
        if known is not None:
            found[name] = {"name": name, "address": known["address"], "labels": known["labels"], "cells": {}, "alerts": []}
    for server, of_server in rows.items():
        info = answered[server].info or {}
        versions = {row["instance"]: row["version"] for row in info.get("builds", [])}
        for row in of_server:
            # A probe that several hosts have in common has no host.
            name = row["host"] or row["instance"]
            host = found.setdefault(name, {"name": name, "address": row["address"], "labels": {}, "cells": {}, "alerts": []})
            reason = f"{server}: {row['reason']}" if row["reason"] and len(rows) > 1 else row["reason"]
            _add_to_cell(host["cells"], row["job"], row["state"], reason, versions.get(row["instance"], ""))
    for alert in _alerts(answered):
        if alert["host"] in found:
            found[alert["host"]]["alerts"].append(alert)
    return list(found.values())


def _add_to_cell(cells: dict[str, dict[str, str]], job: str, state: str, reason: str, version: str) -> None:
    """Add a target to the cell of the job, which keeps the most urgent state and all reasons."""
    cell = cells.setdefault(job, {"state": state, "reason": "", "version": version})
    cell["state"] = min(cell["state"], state, key=BY_URGENCY.index)
    cell["version"] = cell["version"] or version
    if reason and reason not in cell["reason"]:
        cell["reason"] = f"{cell['reason']}; {reason}" if cell["reason"] else reason


def _alerts(answered: t.Mapping[str, Answer]) -> list[dict[str, str]]:
    """Return the alerts that fire. The same alert of several servers is one alert.

    The watchdog is left out, because it always fires as long as alerting works.
    """
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for answer in answered.values():
        for alert in (answer.info or {}).get("alerts", []):
            if alert["name"] == alertmanager.WATCHDOG:
                continue
            key = (alert["name"], alert["host"], alert["severity"], alert["summary"])
            found.setdefault(key, dict(zip(("name", "host", "severity", "summary"), key)))
    return [found[key] for key in sorted(found)]


def markdown(data: t.Mapping[str, t.Any]) -> str:
    """Return the page as Markdown."""
    jobs = data["jobs"]
    lines = ["# Coverage", "", f"{data['made']}, as seen by {', '.join(data['servers']) or 'no server'}. {LEGEND}.", ""]
    lines += [f"- {_alert_text(alert)}" for alert in data["alerts"]]
    lines += [f"- Difference from the inventory: {_escaped(problem)}" for problem in data["problems"]]
    lines += ["", _row(["server", *jobs, "labels", "alerts"]), _row(["---"] * (len(jobs) + 3))]
    for host in data["hosts"]:
        labels = " ".join(f"{name}={value}" for name, value in host["labels"].items())
        alerts = "; ".join(_alert_text(alert) for alert in host["alerts"])
        lines.append(_row([host["name"], *(_cell(host["cells"].get(job)) for job in jobs), labels, alerts]))
    return "\n".join(lines) + "\n"


def _cell(cell: t.Mapping[str, str] | None) -> str:
    if cell is None:
        return NOT_PLANNED
    return " ".join(part for part in (SYMBOLS[cell["state"]], cell["reason"] or cell["version"]) if part)


def _alert_text(alert: t.Mapping[str, str]) -> str:
    severity = f" ({alert['severity']})" if alert["severity"] else ""
    return f"{alert['name']}{severity}" + (f": {alert['summary']}" if alert["summary"] else "")


def _row(cells: t.Iterable[str]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(text: str) -> str:
    """Return *text* as one line with special characters of Markdown escaped."""
    text = " ".join(text.split()).replace("\\", "\\\\")
    for sign in "|<`*_[":
        text = text.replace(sign, "\\" + sign)
    return text
