# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the fleet: a plain structure that everything else is derived from. Private to the collection.

The model::

    {"hosts": {name: {"address": str, "roles": [str], "labels": {str: str}, "thresholds": {}, "probes": [],
                      "endpoints": [{"role", "job", "port", "path", "scheme", "params", "labels", "instance"}]}},
     "servers": {role: {name: {variable of the role: value}}},
     "rules": {role: text}}
"""

from __future__ import annotations

import re
import typing as t

Model = dict[str, t.Any]
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MAX_PORT = 65535
_SCHEMES = ("http", "https")
# What the collection and Prometheus give every target themselves.
RESERVED = ("host", "instance", "job")
ENDPOINT_KEYS = ("job", "port", "path", "scheme", "params", "labels", "instance")


def plain(value: t.Any) -> t.Any:
    """Return *value* as plain Python data: what Ansible wraps and tags its values in, other code chokes on."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return str(value)


class Problems:
    """Mistakes of the inventory: all are collected, so that one run shows them all."""

    def __init__(self) -> None:
        """Start with none."""
        self.lines: list[str] = []

    def add(self, host: str, variable: str, value: t.Any, remedy: str) -> None:
        """Note one mistake; *remedy* says what to do."""
        self.lines.append(f"host {host}, variable {variable}, value {value!r}: {remedy}")


def merge(values: t.Iterable[t.Any], host: str, variable: str, problems: Problems) -> dict[str, t.Any]:
    """Merge dictionaries, the strongest last."""
    merged: dict[str, t.Any] = {}
    for value in values:
        if isinstance(value, dict):
            merged.update(value)
        elif value is not None:
            problems.add(host, variable, value, "it must be a dictionary")
    return merged


def concatenate(values: t.Iterable[t.Any], host: str, variable: str, problems: Problems) -> list[t.Any]:
    """Put lists one behind the other, the strongest last."""
    items: list[t.Any] = []
    for value in values:
        if isinstance(value, list):
            items += value
        elif value is not None:
            problems.add(host, variable, value, "it must be a list")
    return items


def check_labels(labels: dict[str, t.Any], host: str, variable: str, problems: Problems) -> dict[str, str]:
    """Return *labels*, less those that no target can have; a null takes a label of a group away from a host."""
    checked = {}
    for name, value in labels.items():
        if value is None:
            continue
        if not isinstance(name, str) or not _LABEL.fullmatch(name):
            problems.add(host, variable, name, "a label's name has letters, digits and underscores, and starts with no digit")
        elif name.startswith("__") or name in RESERVED:
            problems.add(host, variable, name, f"{name} is reserved: choose another name for the label")
        elif not isinstance(value, str):
            problems.add(host, f"{variable}.{name}", value, "a label's value is a text: put it in quotes")
        else:
            checked[name] = value
    return dict(sorted(checked.items()))


def endpoint(role: str, raw: dict[str, t.Any], host: str, variable: str, problems: Problems) -> dict[str, t.Any] | None:
    """Return one endpoint of *host* in full, or None where it is none.

    :param raw: job and port at least; path, scheme, params, labels and instance (a name, for several of one kind).
    """
    unknown = sorted(set(raw) - set(ENDPOINT_KEYS))
    if unknown:
        problems.add(host, variable, ", ".join(unknown), f"unknown; known are {', '.join(ENDPOINT_KEYS)}")
    job, port = raw.get("job"), raw.get("port")
    before = len(problems.lines)
    if not isinstance(job, str) or not re.fullmatch(r"[a-zA-Z0-9_.:-]+", job):
        problems.add(host, f"{variable}.job", job, "a job's name has letters, digits, and any of _ . : -")
    try:
        number = int(str(port))
    except ValueError:
        number = 0
    if not 1 <= number <= _MAX_PORT or isinstance(port, (bool, float)):
        problems.add(host, f"{variable}.port", port, "a port is a number from 1 to 65535")
    scheme = raw.get("scheme") or "http"
    if scheme not in _SCHEMES:
        problems.add(host, f"{variable}.scheme", scheme, f"a scheme is one of {', '.join(_SCHEMES)}")
    path = raw.get("path") or "/metrics"
    if not isinstance(path, str) or not path.startswith("/"):
        problems.add(host, f"{variable}.path", path, "a path starts with a slash")
    params = raw.get("params") or {}
    if not isinstance(params, dict):
        problems.add(host, f"{variable}.params", params, "it must be a dictionary")
    labels = check_labels(merge([raw.get("labels")], host, f"{variable}.labels", problems), host, f"{variable}.labels", problems)
    if len(problems.lines) > before:
        return None
    return {
        "role": role,
        "job": job,
        "port": number,
        "path": path,
        "scheme": scheme,
        "params": {str(k): v if isinstance(v, list) else [v] for k, v in sorted(params.items())},
        "labels": labels,
        "instance": raw.get("instance") or f"{host}:{number}",
    }


def check_collisions(model: Model, problems: Problems) -> None:
    """Report endpoints that cannot be told apart, or that cannot both be there."""
    seen: dict[tuple[t.Any, ...], str] = {}
    for name, host in model["hosts"].items():
        ports: dict[int, str] = {}
        for item in host["endpoints"]:
            variable = f"{item['role']}_port" if item["role"] else "monitoring_scrapes"
            key = (item["job"], host["address"], item["port"], item["path"], repr(item["params"]), repr(item["labels"]))
            if key in seen:
                problems.add(
                    name,
                    variable,
                    item["port"],
                    f"{seen[key]} has the same target {host['address']} in the job {item['job']}",
                )
            seen[key] = name
            if item["role"]:
                other = ports.setdefault(item["port"], item["role"])
                if other != item["role"]:
                    problems.add(
                        name,
                        variable,
                        item["port"],
                        f"{other} has the same port on this host: give one of them another",
                    )
