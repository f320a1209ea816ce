# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the fleet: a plain structure that everything else is derived from. Private to the collection.

The model::

    {"hosts": {name: {"address": str, "roles": [str], "versions": {role: str}, "labels": {str: str},
                      "thresholds": {}, "probes": [],
                      "sources": [str], (where its connections come from; only where it is not the address)
                      "scraped": False, (only where the inventory says that no Prometheus server scrapes it)
                      "endpoints": [{"role", "job", "port", "path", "scheme", "params", "labels", "instance",
                                     "public", "scrape_interval", "scrape_timeout" (only where the inventory says it),
                                     "web": what Prometheus needs of monitoring_web (only where it is for the endpoint)}]}},
     "servers": {role: {name: {variable of the role: value}}},
     "unknown": [variables with our prefixes that nothing reads] (only where there are any),
     "jobs": [job], (of all roles, also of those that no host has)
     "access": {role: {"clients": [name], "admins": bool, "peers": variable with their port or ""}},
     "rules": {role: text},
     "dashboards": {role: {name: text}} (only where a Grafana may need them)}
"""

from __future__ import annotations

import ipaddress
import math
import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.vigie.monitoring.plugins.module_utils._redaction import redacted

Model = dict[str, t.Any]
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_JOB = re.compile(r"[a-zA-Z0-9_.:-]+")
_NAME_OR_IPV4 = re.compile(r"[^\s/:\[\]]+")
_MAX_PORT = 65535
_SCHEMES = ("http", "https")
# What the collection and Prometheus give every target themselves.
RESERVED = ("host", "instance", "job")
# How often and how long an endpoint is scraped, where the servers' own settings do not fit it.
TIMES = ("scrape_interval", "scrape_timeout")
ENDPOINT_KEYS = ("job", "port", "path", "scheme", "params", "labels", "instance", "public", "web", *TIMES)
# Prometheus' documentation, "Configuration", <duration>.
DURATION = re.compile(r"((\d+)y)?((\d+)w)?((\d+)d)?((\d+)h)?((\d+)m)?((\d+)s)?((\d+)ms)?")
_MILLISECONDS = (31536000000, 604800000, 86400000, 3600000, 60000, 1000, 1)


class Problems:
    """Mistakes of the inventory: all are collected, so that one run shows them all."""

    def __init__(self) -> None:
        """Start with none."""
        self._hosts: dict[tuple[str, str, str], list[str]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._hosts)

    def add(self, host: str, variable: str, value: t.Any, remedy: str) -> None:
        """Note one mistake; *remedy* says what to do."""
        # A value may be somebody's whole scrape config, with its password.
        shown = repr(value if value == "…" else redacted(value, variable.rsplit(".", maxsplit=1)[-1]))
        hosts = self._hosts.setdefault((variable, shown, remedy), [])
        if host not in hosts[-1:]:
            hosts.append(host)

    @property
    def lines(self) -> list[str]:
        """Return a line for each. What several hosts have from one group is one mistake."""
        return [
            # No host's name has a space.
            f"{'' if ' ' in hosts[0] else 'host '}{_some(hosts)}, variable {variable}, value {value}: {remedy}"
            for (variable, value, remedy), hosts in self._hosts.items()
        ]


def _some(names: list[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest} more" if rest > 0 else "")


Report = t.Callable[[str, t.Any, str], None]


def settings_of(model: Model, role: str, host: str) -> dict[str, t.Any]:
    """Return the variables of a *role* that serves the fleet, for a *host* that has it.

    :raises ValueError: where it has not.
    """
    servers = model["servers"].get(role, {})
    if host not in servers:
        known = ", ".join(sorted(servers)) or "none"
        raise ValueError(f"{host} is not in the inventory's group for {role}: put it there (there are: {known})")
    return servers[host]


def serving(model: Model, role: str) -> dict[str, dict[str, t.Any]]:
    """Return the hosts whose *role* serves the fleet, with its variables: all of the role's but those that are retired."""
    servers = model["servers"].get(role, {})
    return {name: settings for name, settings in servers.items() if settings.get(f"{role}_state") != "absent"}


def label_problem(name: str, value: t.Any) -> str | None:
    """Return what is wrong with a label, or None."""
    if not _LABEL.fullmatch(name):
        return "a label's name has letters, digits and underscores, and starts with no digit"
    if name.startswith("__") or name in RESERVED:
        return f"{name} is reserved: choose another name for the label"
    if not isinstance(value, str):
        return "a label's value is a text: put it in quotes, or `| string` behind it in a template"
    return None


def threshold_problem(name: str, value: t.Any) -> str | None:
    """Return what is wrong with a threshold, or None."""
    if not _LABEL.fullmatch(name):
        return "a threshold's name has letters, digits and underscores, and starts with no digit"
    for item in value.values() if isinstance(value, dict) else [value]:
        if number(item) is None:
            return "a threshold is a number, or a dictionary of numbers by severity"
    return None


def number(value: t.Any) -> float | None:
    """Return a number, also one that is written as a text, as templates do before ansible-core 2.19; else None."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, int):
        return value
    try:
        found = float(value)
    except ValueError:
        return None
    if not math.isfinite(found):
        return None
    return int(value) if isinstance(value, str) and value.isdigit() else found


def thresholds(values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return thresholds that have no problem as numbers, or numbers by severity."""
    return {
        name: {severity: number(item) for severity, item in value.items()} if isinstance(value, dict) else number(value)
        for name, value in values.items()
    }


def address(value: t.Any) -> str | None:
    """Return the address of a host, an IPv6 one without brackets, or None where it is none."""
    text = value if isinstance(value, str) else str(value)
    if _NAME_OR_IPV4.fullmatch(text):
        return text
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        ipaddress.IPv6Address(bare)
    except ValueError:
        return None
    return bare


def source(value: t.Any) -> str | None:
    """Return an address or a network that connections come from, or None where it is none."""
    try:
        return str(ipaddress.ip_network(str(value), strict=False)) if "/" in str(value) else address(value)
    except ValueError:
        return None


def host_port(host: str, port: int | str) -> str:
    """Return an address and a *port* as one; an IPv6 address gets brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reached_at(listen_address: str, port: int | str) -> str:
    """Return where a service is reached from its own host, which listens on an address, or on all (empty, 0.0.0.0, ::)."""
    everywhere = listen_address in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return host_port("localhost" if everywhere else listen_address, port)


def route_prefix(external_url: t.Any, flags: t.Mapping[str, t.Any] | None = None) -> str:
    """Return the path below which a Prometheus or an Alertmanager serves all that it has, without a slash at its end.

    That of the flag ``web.route-prefix``, else that of the URL under which people reach it (both programs' documentation).
    """
    given = flags or {}
    prefix = given.get("web.route-prefix")
    if not prefix:
        prefix = urlsplit(str(given.get("web.external-url") or external_url or "")).path
    path = str(prefix).strip("/")
    return f"/{path}" if path else ""


def served_below(settings: t.Mapping[str, t.Any], role: str) -> str:
    """Return `route_prefix` of a server with such *settings*."""
    return route_prefix(settings.get(f"{role}_external_url"), settings.get(f"{role}_flags"))


def port_number(value: t.Any) -> int | None:
    """Return a TCP port, or None where it is none."""
    text = str(value)
    port = int(text) if text.isascii() and text.isdigit() else 0
    return port if 1 <= port <= _MAX_PORT else None


def endpoint(role: str, raw: dict[str, t.Any], host: str, report: Report) -> dict[str, t.Any] | None:
    """Return one endpoint of *host* in full, or None where it is none.

    :param raw: job and port at least; path, scheme, params, labels and instance.
    :param report: is told of each mistake: field, value, remedy.
    """
    problems: list[tuple[str, t.Any, str]] = []
    unknown = [key for key in raw if key not in ENDPOINT_KEYS]
    if unknown:
        problems.append(("", ", ".join(sorted(unknown)), f"unknown; known are {', '.join(ENDPOINT_KEYS)}"))
    job = raw.get("job")
    if not isinstance(job, str) or not _JOB.fullmatch(job):
        problems.append(("job", job, "a job's name has letters, digits, and any of _ . : -"))
    port = port_number(raw.get("port"))
    if port is None:
        problems.append(("port", raw.get("port"), f"a port is a number from 1 to {_MAX_PORT}"))
    scheme = raw.get("scheme") or "http"
    if scheme not in _SCHEMES:
        problems.append(("scheme", scheme, f"a scheme is one of {', '.join(_SCHEMES)}"))
    path = raw.get("path") or "/metrics"
    if not isinstance(path, str) or not path.startswith("/") or "?" in path:
        problems.append(("path", path, "a path starts with a slash; what comes after a question mark belongs into params"))
    instance = raw.get("instance") or f"{host}:{port}"
    if not isinstance(instance, str):
        problems.append(("instance", instance, "an instance is a text: put it in quotes"))
    problems += [(key, raw[key], "it is true or false") for key in ("public", "web") if not isinstance(raw.get(key, False), bool)]
    problems += [
        (key, raw[key], "a time is a number with a unit: 30s, 1m, 500ms")
        for key in TIMES
        if key in raw and not milliseconds(raw[key])
    ]
    params = _params(raw.get("params"), problems)
    labels = _labels(raw.get("labels"), problems)
    for problem in problems:
        report(*problem)
    if problems:
        return None
    found = {
        "role": role,
        "job": job,
        "port": port,
        "path": path,
        "scheme": scheme,
        "params": params,
        "labels": labels,
        "instance": instance,
    }
    # Few have them.
    return {**found, **{key: raw[key] for key in ("public", *TIMES) if key in raw}}


def milliseconds(duration: t.Any) -> int:
    """Return one of Prometheus' durations in milliseconds, or 0 where it is none."""
    match = DURATION.fullmatch(duration) if isinstance(duration, str) else None
    return sum(int(number or 0) * unit for number, unit in zip(match.groups()[1::2], _MILLISECONDS)) if match else 0


def _params(raw: t.Any, problems: list[tuple[str, t.Any, str]]) -> dict[str, list[str]]:
    if not raw:
        return {}
    if not isinstance(raw, dict):
        problems.append(("params", raw, "it must be a dictionary"))
        return {}
    params = {}
    for name, value in sorted(raw.items()):
        values = value if isinstance(value, list) else [value]
        if all(isinstance(item, (str, int, float)) for item in values):
            params[name] = [str(item).lower() if isinstance(item, bool) else str(item) for item in values]
        else:
            problems.append((f"params.{name}", value, "it must be a text, or a list of texts"))
    return {name: values for name, values in params.items() if values}


def _labels(raw: t.Any, problems: list[tuple[str, t.Any, str]]) -> dict[str, str]:
    if not raw:
        return {}
    if not isinstance(raw, dict):
        problems.append(("labels", raw, "it must be a dictionary"))
        return {}
    labels = {name: value for name, value in sorted(raw.items()) if value is not None}
    for name, value in labels.items():
        remedy = label_problem(name, value)
        if remedy:
            problems.append((f"labels.{name}", value, remedy))
    return labels


def for_the_job(name: str, values: list[str]) -> bool:
    """Return whether a parameter can be given to a job only, and not to one of its targets.

    A target has it as a label ``__param_NAME``, which holds one value (Prometheus' documentation, relabel_config).
    """
    return len(values) != 1 or not _LABEL.fullmatch(name)
