# Copyvalid: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate monitoring_probes. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import JOB, TIMES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import label_problem, parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.probes import OPTIONAL, ROLE
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems

# The form that Go's net.Dial accepts.
_HOST_PORT = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.]+(?:%\w+)?\]):[\w-]+")
_KEYS = ("module", "target", "labels", *OPTIONAL)


def validate_probes(model: Model, problems: Problems) -> None:
    """Report problems of the probes of *model*, and bring valid probes into one form."""
    if ROLE not in model["servers"]:
        return
    probers = active_servers(model, ROLE)
    modules = {
        name: module for settings in probers.values() for name, module in (settings["blackbox_exporter_modules"] or {}).items()
    }
    for name, host in model["hosts"].items():
        valid = []
        for index, raw in enumerate(host.get("probes") or []):
            where = f"monitoring_probes[{index}]"
            found = list(_probe_problems(raw, modules, known=bool(probers)))
            for field, value, remedy in found:
                problems.add(name, f"{where}.{field}" if field else where, value, remedy)
            if not found:
                usual = {"module": raw["module"], "target": raw.get("target") or "", "labels": raw.get("labels") or {}}
                valid.append({**usual, **{key: raw[key] for key in OPTIONAL if raw.get(key)}})
        host["probes"] = valid


def _probe_problems(raw: t.Any, modules: t.Mapping[str, t.Any], *, known: bool) -> t.Iterator[tuple[str, t.Any, str]]:
    if not isinstance(raw, dict):
        yield "", raw, "must be a dictionary with module and target"
        return
    unknown = sorted(set(raw) - set(_KEYS))
    if unknown:
        yield "", ", ".join(unknown), f"unknown key. The known keys are {', '.join(_KEYS)}"
    if not known:
        yield "", raw.get("module"), f"no host of the inventory runs {ROLE}. Add a host to the group of this role"
    elif raw.get("module") not in modules:
        yield "module", raw.get("module"), f"unknown module. blackbox_exporter_modules has {', '.join(sorted(modules))}"
    if not isinstance(raw.get("target") or "", str):
        yield "target", raw["target"], "must be a string. Put the value in quotes"
    elif _prober(modules.get(str(raw.get("module")))) == "tcp" and not _HOST_PORT.fullmatch(raw.get("target") or ""):
        yield "target", raw.get("target"), "a TCP probe needs host:port. Put brackets around an IPv6 address: [2001:db8::1]:443"
    yield from _optional_problems(raw)
    yield from _label_problems(raw.get("labels") or {})


def _optional_problems(raw: dict[str, t.Any]) -> t.Iterator[tuple[str, t.Any, str]]:
    if not isinstance(raw.get("job") or "", str) or not JOB.fullmatch(raw.get("job") or "probe"):
        yield "job", raw["job"], "must be a string of letters, digits and the characters _ . : -"
    if not isinstance(raw.get("instance") or "", str):
        yield "instance", raw["instance"], "must be a string. Put the value in quotes"
    for key in TIMES:
        if raw.get(key) is not None and not parse_duration(raw[key]):
            yield key, raw[key], "must be a duration with a unit: 30s, 1m, 500ms"


def _label_problems(labels: t.Any) -> t.Iterator[tuple[str, t.Any, str]]:
    if not isinstance(labels, dict):
        yield "labels", labels, "must be a dictionary"
        return
    for label, value in labels.items():
        remedy = label_problem(label, value)
        if remedy:
            yield f"labels.{label}", value, remedy


def _prober(module: t.Any) -> t.Any:
    return module.get("prober") if isinstance(module, dict) else None
