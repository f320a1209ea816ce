# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints: address, port and path of one exporter or program on one host. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import MAX_PORT, parse_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import LABEL_NAME, label_problem, parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Endpoint
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Report
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import OPTIONS, option_problems, options_of

JOB = re.compile(r"[a-zA-Z0-9_.:-]+")
_SCHEMES = ("http", "https")
# Scrape interval and timeout of an endpoint that overrides the settings of the Prometheus servers.
TIMES: tuple[t.Literal["scrape_interval"], t.Literal["scrape_timeout"]] = ("scrape_interval", "scrape_timeout")
_FLAGS = ("public", "web")
# Few endpoints have these keys.
_OPTION_NAMES = frozenset(OPTIONS)
_OPTIONAL = {*_FLAGS, *TIMES, *OPTIONS}
ENDPOINT_KEYS = ("job", "port", "path", "scheme", "params", "labels", "instance", "public", "web", *TIMES, *OPTIONS)
_KNOWN = frozenset(ENDPOINT_KEYS)


def build_endpoint(role: str, raw: dict[str, t.Any], host: str, report: Report) -> Endpoint | None:
    """Return one complete endpoint of *host*, or None if *raw* has problems.

    :param raw: job and port at least; path, scheme, params, labels and instance.
    :param report: is called for each problem: field, value, remedy.
    """
    problems = list(_problems(raw))
    params = _params(raw.get("params"), problems)
    labels = _labels(raw.get("labels"), problems)
    for problem in problems:
        report(*problem)
    job, port = raw.get("job"), parse_port(raw.get("port"))
    if problems or port is None or not isinstance(job, str):
        return None
    found: Endpoint = {
        "role": role,
        "job": job,
        "port": port,
        "path": raw.get("path") or "/metrics",
        "scheme": raw.get("scheme") or "http",
        "params": params,
        "labels": labels,
        "instance": raw.get("instance") or f"{host}:{port}",
    }
    if "public" in raw:
        found["public"] = raw["public"]
    if raw.keys() & _OPTIONAL:
        for key in TIMES:
            if key in raw:
                found[key] = raw[key]
        if not _OPTION_NAMES.isdisjoint(raw) and (options := options_of(raw)):
            found["options"] = options
    return found


def _problems(raw: dict[str, t.Any]) -> t.Iterator[tuple[str, t.Any, str]]:
    """Yield the problems of an endpoint, except those of params and labels: key, value, remedy."""
    unknown = raw.keys() - _KNOWN
    if unknown:
        yield "", ", ".join(sorted(unknown)), f"unknown key. The known keys are {', '.join(ENDPOINT_KEYS)}"
    if not isinstance(raw.get("job"), str) or not JOB.fullmatch(raw["job"]):
        yield "job", raw.get("job"), "must be a string of letters, digits and the characters _ . : -"
    if parse_port(raw.get("port")) is None:
        yield "port", raw.get("port"), f"must be a port number from 1 to {MAX_PORT}"
    if (raw.get("scheme") or "http") not in _SCHEMES:
        yield "scheme", raw["scheme"], f"must be one of {', '.join(_SCHEMES)}"
    path = raw.get("path") or "/metrics"
    if not isinstance(path, str) or not path.startswith("/") or "?" in path:
        yield "path", path, "must start with a slash and have no question mark. Put query parameters into params"
    if not isinstance(raw.get("instance") or "", str):
        yield "instance", raw["instance"], "must be a string. Put the value in quotes"
    if raw.keys() & _OPTIONAL:
        yield from _optional_problems(raw)


def _optional_problems(raw: dict[str, t.Any]) -> t.Iterator[tuple[str, t.Any, str]]:
    for key in _FLAGS:
        if not isinstance(raw.get(key, False), bool):
            yield key, raw[key], "must be true or false"
    for key in TIMES:
        if key in raw and not parse_duration(raw[key]):
            yield key, raw[key], "must be a duration with a unit: 30s, 1m, 500ms"
    if not _OPTION_NAMES.isdisjoint(raw):
        yield from option_problems(options_of(raw))


def _params(raw: t.Any, problems: list[tuple[str, t.Any, str]]) -> dict[str, list[str]]:
    if not raw:
        return {}
    if not isinstance(raw, dict):
        problems.append(("params", raw, "must be a dictionary"))
        return {}
    params = {}
    for name, value in sorted(raw.items()):
        values = value if isinstance(value, list) else [value]
        if all(isinstance(item, (str, int, float)) for item in values):
            params[name] = [str(item).lower() if isinstance(item, bool) else str(item) for item in values]
        else:
            problems.append((f"params.{name}", value, "must be a string, a number, or a list of these"))
    return {name: values for name, values in params.items() if values}


def _labels(raw: t.Any, problems: list[tuple[str, t.Any, str]]) -> dict[str, str]:
    if not raw:
        return {}
    if not isinstance(raw, dict):
        problems.append(("labels", raw, "must be a dictionary"))
        return {}
    labels = {name: value for name, value in sorted(raw.items()) if value is not None}
    for name, value in labels.items():
        remedy = label_problem(name, value)
        if remedy:
            problems.append((f"labels.{name}", value, remedy))
    return labels


def is_parameter_of_job(name: str, values: list[str]) -> bool:
    """Return whether Prometheus can set a parameter only for a job, and not for single targets.

    A target has the parameter as a label ``__param_NAME``, which holds one value (Prometheus' documentation, relabel_config).
    """
    return len(values) != 1 or not LABEL_NAME.fullmatch(name)
