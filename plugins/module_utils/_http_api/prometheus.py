# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries a Prometheus server for rules, alerts, Alertmanagers, versions and clocks. Private to the collection."""

from __future__ import annotations

import collections
import re
import typing as t
from urllib.parse import quote, urlsplit, urlunsplit

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import ApiError, get_json
from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.prometheus_targets import seconds
from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.promql import any_of

Rows = list[dict[str, t.Any]]
_BUILD = "_build_info"
# Number of targets in the list of the largest.
LARGEST = 10


def rules(url: str, timeout: float, **credentials: t.Any) -> Rows:
    """Return file, group, name, health and last_error of each loaded rule (HTTP API, "Rules")."""
    groups = get_json(f"{url}/api/v1/rules", timeout, "data", "groups", **credentials)
    return [
        {
            "file": group["file"],
            "group": group["name"],
            "name": rule["name"],
            "health": rule["health"],
            "last_error": rule.get("lastError", ""),
        }
        for group in groups
        for rule in group["rules"]
    ]


def version(url: str, timeout: float, **credentials: t.Any) -> str:
    """Return the version of the Prometheus server at *url*."""
    return str(get_json(f"{url}/api/v1/status/buildinfo", timeout, "data", "version", **credentials))


def alertmanagers(url: str, timeout: float, of_alertmanagers: t.Mapping[str, t.Any] | None = None, **credentials: t.Any) -> Rows:
    """Return address, error, number of cluster peers and version of each Alertmanager that receives alerts.

    Prometheus returns the addresses. This host, on which Prometheus runs, queries each Alertmanager.

    :param of_alertmanagers: parameters of `get_json` for the Alertmanagers. *credentials* are those for Prometheus.
    """
    rows = []
    theirs = {"server": "Alertmanager", **(of_alertmanagers or {})}
    for item in get_json(f"{url}/api/v1/alertmanagers", timeout, "data", "activeAlertmanagers", **credentials):
        parts = urlsplit(item["url"])
        row: dict[str, t.Any] = {"address": parts.netloc, "error": "", "peers": 0, "version": ""}
        status = urlunsplit(parts._replace(path=re.sub(r"/alerts$", "/status", parts.path)))
        try:
            row["peers"] = len(get_json(status, timeout, "cluster", **theirs).get("peers") or [])
            row["version"] = str(get_json(status, timeout, "versionInfo", "version", **theirs))
        except ApiError as error:
            row["error"] = str(error)
        rows.append(row)
    return rows


def notifiers(url: str, timeout: float, **credentials: t.Any) -> Rows:
    """Return address, error, peers (0) and version (empty) of each Alertmanager that a vmalert sends alerts to."""
    found = get_json(f"{url}/api/v1/notifiers", timeout, "data", "notifiers", **credentials)
    return [
        {"address": urlsplit(target["address"]).netloc, "error": target.get("lastError") or "", "peers": 0, "version": ""}
        for notifier in found
        for target in notifier["targets"]
    ]


def alerts(url: str, timeout: float, hosts: t.Collection[str], **credentials: t.Any) -> Rows:
    """Return name, host, severity, since (seconds since 1970), summary and labels of each firing alert."""
    return [
        {
            "name": alert["labels"].get("alertname", ""),
            "host": alert["labels"].get("host", ""),
            "severity": alert["labels"].get("severity", ""),
            "since": seconds(alert.get("activeAt", "")),
            "summary": alert.get("annotations", {}).get("summary", ""),
            "labels": alert["labels"],
        }
        for alert in get_json(f"{url}/api/v1/alerts", timeout, "data", "alerts", **credentials)
        if alert["state"] == "firing" and (not hosts or alert["labels"].get("host") in hosts)
    ]


def builds(url: str, timeout: float, hosts: t.Collection[str], **credentials: t.Any) -> Rows:
    """Return host, instance, program and version of each target with a metric PROGRAM_build_info in its last scrape.

    After an upgrade of the program and a restart of Prometheus, a query returns the series of both versions for five minutes
    (Prometheus' documentation, "Querying basics", staleness). Therefore, only the series of the last scrape is returned.
    """
    all_series = [
        labels for labels, _value in _query(url, timeout, f'{{__name__=~".+{_BUILD}"{_host_matcher(hosts)}}}', **credentials)
    ]
    duplicates: dict[str, set[str]] = {}
    for key, count in collections.Counter(map(_metric_and_target, all_series)).items():
        if count > 1:
            duplicates.setdefault(key[0], set()).add(key[2])
    stamps: dict[frozenset[tuple[str, str]], float] = {}
    for name, instances in duplicates.items():
        for labels, stamp in _query(url, timeout, f"timestamp({name}{{instance=~{any_of(instances)}}})", **credentials):
            stamps[frozenset({**labels, "__name__": name}.items())] = stamp
    last: dict[tuple[str, str, str], float] = {}
    for series, stamp in stamps.items():
        key = _metric_and_target(dict(series))
        last[key] = max(stamp, last.get(key, 0.0))
    return [
        {
            "host": labels.get("host", ""),
            "instance": labels.get("instance", ""),
            "program": labels["__name__"][: -len(_BUILD)],
            "version": labels.get("version", ""),
        }
        for labels in all_series
        if stamps.get(frozenset(labels.items()), 0.0) >= last.get(_metric_and_target(labels), 0.0)
    ]


def _metric_and_target(labels: t.Mapping[str, str]) -> tuple[str, str, str]:
    """Return the metric and the target of a series."""
    return labels["__name__"], labels.get("job", ""), labels.get("instance", "")


def clocks(url: str, timeout: float, hosts: t.Collection[str], **credentials: t.Any) -> Rows:
    """Return host, instance and offset (seconds ahead of the clock of Prometheus) of the clock of each host."""
    selector = f'node_time_seconds{{job!=""{_host_matcher(hosts)}}}'
    offsets = _query(url, timeout, f"{selector} - timestamp({selector})", **credentials)
    return [
        {"host": labels.get("host", ""), "instance": labels.get("instance", ""), "offset": round(value, 3)}
        for labels, value in offsets
    ]


def largest(url: str, timeout: float, hosts: t.Collection[str], **credentials: t.Any) -> Rows:
    """Return host, job, instance and series (number of series in the last scrape) of the targets with the most series."""
    matchers = f"{{{_host_matcher(hosts).removeprefix(', ')}}}"
    found = _query(url, timeout, f"topk({LARGEST}, scrape_samples_post_metric_relabeling{matchers})", **credentials)
    rows = [
        {**{key: labels.get(key, "") for key in ("host", "job", "instance")}, "series": int(value)} for labels, value in found
    ]
    return sorted(rows, key=lambda row: (-row["series"], row["job"], row["instance"]))


def _host_matcher(hosts: t.Collection[str]) -> str:
    """Return a label matcher for the series of *hosts*, to append to other matchers; empty for all hosts."""
    return f", host=~{any_of(hosts)}" if hosts else ""


def _query(url: str, timeout: float, expression: str, **credentials: t.Any) -> list[tuple[dict[str, str], float]]:
    result = get_json(f"{url}/api/v1/query?query={quote(expression)}", timeout, "data", "result", **credentials)
    return [(item["metric"], float(item["value"][1])) for item in result]
