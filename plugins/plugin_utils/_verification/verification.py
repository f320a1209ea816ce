# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report a verification: tables and cards for people, JSON and JUnit for machines. Private to the collection."""

from __future__ import annotations

import dataclasses
import json
import time
import typing as t
from xml.etree import ElementTree as ET

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.checks import (
    Answer,
    Check,
    compare,
    rows_of_shards,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.coverage import table

SYMBOLS = {"up": "✔", "down": "✗", "missing": "!", "extra": "?"}
# XML cannot have control characters, and the error of a scrape can quote any character.
_NOT_XML = {code: "?" for code in range(32) if chr(code) not in "\t\n\r"}


def verification_report(
    model: Model, asked: t.Mapping[str, t.Any], hosts: t.Collection[str], *, cards: bool = False
) -> dict[str, t.Any]:
    """Return ``table`` and ``problems`` (lists of lines for people), and all checks as ``json`` and ``junit``.

    :param asked: see `checks.answers`.
    :param hosts: the hosts of the run.
    :param cards: return a short summary for each host in place of the table.
    """
    answered, checks, rows = compare(model, asked, hosts)
    lines: list[str] = []
    if cards:
        for host in hosts:
            lines += _card(model, host, answered, rows)
    else:
        for servers, of_shard in rows_of_shards(model, rows).items():
            largest = next(
                (answered[name] for name in servers.split(", ") if (answered[name].info or {}).get("largest")), Answer()
            )
            lines += [f"Prometheus on {servers}:", *table(of_shard), *_largest(largest)]
    return {
        "table": lines,
        "problems": list(dict.fromkeys(check.problem for check in checks if check.problem)),
        "json": as_json(checks),
        "junit": as_junit(checks),
    }


def _largest(answer: Answer) -> list[str]:
    """Return the targets with the most series as lines, the largest first."""
    rows = (answer.info or {}).get("largest") or []
    width = max((len(str(row["series"])) for row in rows), default=0)
    lines = [f"{row['series']:>{width}}  {row['instance']} (job {row['job']})" for row in rows]
    return ["targets with the most series:", *lines] if lines else []


def _card(model: Model, host: str, answered: t.Mapping[str, Answer], rows: t.Mapping[str, list[dict[str, t.Any]]]) -> list[str]:
    """Return a short summary of *host*: address, labels, targets and alerts."""
    known = model["hosts"].get(host)
    address = known["address"] if known else ""
    labels = " ".join(f"{name}={value}" for name, value in known["labels"].items()) if known else ""
    lines = ["  ".join(part for part in (host, address if address != host else "", labels) if part)]
    by_shard = rows_of_shards(model, rows)
    for servers, of_shard in by_shard.items():
        infos = [answered[server].info or {} for server in servers.split(", ")]
        builds = {row["instance"]: f"{row['program']} {row['version']}" for info in infos for row in info.get("builds", [])}
        named = f"  (seen from {servers})" if len(by_shard) > 1 else ""
        for row in of_shard:
            if row["host"] == host:
                said = row["reason"] or builds.get(row["instance"], "")
                lines.append(f"{SYMBOLS[row['state']]} {row['job']:<16} {row['address']}  {said}{named}".rstrip())
        alerts = [
            f"! {alert['name']} fires ({alert['severity'] or 'no severity'}): {alert['summary']}{named}"
            for info in infos
            for alert in info.get("alerts", [])
            if alert["host"] == host
        ]
        # The replicas evaluate the same alerts.
        lines += dict.fromkeys(alerts)
    return lines if len(lines) > 1 else [*lines, "· no Prometheus server scrapes this host"]


def as_json(checks: t.Sequence[Check]) -> str:
    """Return the checks as a JSON text: ``ok``, and each with server, kind, name, host and problem."""
    data = {
        "ok": not any(check.problem for check in checks),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "checks": [dataclasses.asdict(check) for check in checks],
    }
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def as_junit(checks: t.Sequence[Check]) -> str:
    """Return the checks as JUnit's XML: a suite for each server, with a case for each check."""
    root = ET.Element("testsuites", name="vigie.monitoring.verify")
    for server in dict.fromkeys(check.server for check in checks):
        of_server = [check for check in checks if check.server == server]
        failures = str(sum(bool(check.problem) for check in of_server))
        suite = ET.SubElement(root, "testsuite", name=server, tests=str(len(of_server)), failures=failures, errors="0")
        for check in of_server:
            case = ET.SubElement(suite, "testcase", classname=f"{check.kind}.{check.host}", name=check.name)
            if check.problem:
                message = check.problem.translate(_NOT_XML)
                ET.SubElement(case, "failure", message=message).text = message
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
