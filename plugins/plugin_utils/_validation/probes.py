# Copyvalid: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate monitoring_probes and monitoring_snmp. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import JOB, TIMES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import label_problem, parse_duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.probes import BLACKBOX, OPTIONAL, SNMP, USUAL_AUTHS
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems

# The form that Go's net.Dial accepts.
_HOST_PORT = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.]+(?:%\w+)?\]):[\w-]+")
_KEYS = ("module", "target", "labels", *OPTIONAL)
_SNMP_KEYS = ("target", "module", "auth", "labels", *OPTIONAL)


def validate_probes(model: Model, problems: Problems) -> None:
    """Report problems of the probes of *model*, and bring valid probes into one form."""
    probers = active_servers(model, BLACKBOX.role)
    modules = {
        name: module for settings in probers.values() for name, module in (settings["blackbox_exporter_modules"] or {}).items()
    }
    askers = active_servers(model, SNMP.role)
    auths = {*USUAL_AUTHS, *(name for settings in askers.values() for name in settings["snmp_exporter_auths"] or {})}
    for name, host in model["hosts"].items():
        if BLACKBOX.role in model["servers"]:
            probes = host.get("probes") or []
            found = [list(_probe_problems(raw, modules, known=bool(probers))) for raw in probes]
            host["probes"] = _valid(name, "monitoring_probes", probes, found, problems)
        devices = host.get("snmp")
        if devices and SNMP.role in model["servers"]:
            found = [list(_snmp_problems(raw, auths, known=bool(askers))) for raw in devices]
            host["snmp"] = _valid(name, "monitoring_snmp", devices, found, problems)


def _valid(
    host: str, variable: str, raw: list[t.Any], found: list[list[tuple[str, t.Any, str]]], problems: Problems
) -> list[dict[str, t.Any]]:
    """Report the problems that are *found* in each item of *raw*; return the items without problems in one form."""
    valid = []
    for index, (item, of_item) in enumerate(zip(raw, found)):
        where = f"{variable}[{index}]"
        for field, value, remedy in of_item:
            problems.add(host, f"{where}.{field}" if field else where, value, remedy)
        if not of_item:
            usual = {"module": item["module"], "target": item.get("target") or "", "labels": item.get("labels") or {}}
            valid.append({**usual, **{key: item[key] for key in ("auth", *OPTIONAL) if item.get(key)}})
    return valid


def _probe_problems(raw: t.Any, modules: t.Mapping[str, t.Any], *, known: bool) -> t.Iterator[tuple[str, t.Any, str]]:
    if not isinstance(raw, dict):
        yield "", raw, "must be a dictionary with module and target"
        return
    yield from _common_problems(raw, _KEYS, "" if known else BLACKBOX.role)
    if known and raw.get("module") not in modules:
        yield "module", raw.get("module"), f"unknown module. blackbox_exporter_modules has {', '.join(sorted(modules))}"
    if (
        _prober(modules.get(str(raw.get("module")))) == "tcp"
        and isinstance(raw.get("target") or "", str)
        and not _HOST_PORT.fullmatch(raw.get("target") or "")
    ):
        yield "target", raw.get("target"), "a TCP probe needs host:port. Put brackets around an IPv6 address: [2001:db8::1]:443"


def _snmp_problems(raw: t.Any, auths: t.Collection[str], *, known: bool) -> t.Iterator[tuple[str, t.Any, str]]:
    if not isinstance(raw, dict):
        yield "", raw, "must be a dictionary with target, module and auth"
        return
    yield from _common_problems(raw, _SNMP_KEYS, "" if known else SNMP.role)
    # The file of the release defines the modules, and the name of a module becomes the name of a scrape job.
    if not isinstance(raw.get("module"), str) or not JOB.fullmatch(raw["module"]):
        yield "module", raw.get("module"), "must be the name of one module of snmp.yml, for example if_mib"
    auth = raw.get("auth") or USUAL_AUTHS[-1]
    if known and (not isinstance(auth, str) or auth not in auths):
        yield "auth", raw["auth"], f"unknown credentials. snmp_exporter_auths and the release have {', '.join(sorted(auths))}"


def _common_problems(raw: dict[str, t.Any], keys: t.Sequence[str], missing: str) -> t.Iterator[tuple[str, t.Any, str]]:
    """Yield the problems of what all kinds of probes have.

    :param missing: the role that no host runs, or an empty text.
    """
    unknown = sorted(set(raw) - set(keys))
    if unknown:
        yield "", ", ".join(unknown), f"unknown key. The known keys are {', '.join(keys)}"
    if missing:
        yield "", raw.get("module"), f"no host of the inventory runs {missing}. Add a host to the group of this role"
    if not isinstance(raw.get("target") or "", str):
        yield "target", raw["target"], "must be a string. Put the value in quotes"
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
