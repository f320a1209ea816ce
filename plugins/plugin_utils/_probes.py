# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What blackbox exporters probe: sites, certificates, hosts. Private to the collection.

A target of the job ``probe_MODULE`` is scraped at a blackbox exporter, which probes what ``__param_target`` says
(blackbox_exporter's README, "Prometheus Configuration"). Its labels are those of the host that wants it probed.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils import _model

ROLE = "blackbox_exporter"
# As Go's net.Dial takes it.
_HOST_PORT = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.]+(?:%\w+)?\]):[\w-]+")
_KEYS = ("module", "target", "labels")
Target = dict[str, t.Any]


def check(model: _model.Model, problems: _model.Problems) -> None:
    """Report what is wrong with the probes of *model*, and bring those that are right into one form."""
    if ROLE not in model["servers"]:
        return
    probers = _model.serving(model, ROLE)
    modules = {name: its for settings in probers.values() for name, its in (settings["blackbox_exporter_modules"] or {}).items()}
    for name, host in model["hosts"].items():
        right = []
        for index, raw in enumerate(host.get("probes") or []):
            where = f"monitoring_probes[{index}]"
            found = list(_problems(raw, modules, known=bool(probers)))
            for field, value, remedy in found:
                problems.add(name, f"{where}.{field}" if field else where, value, remedy)
            if not found:
                right.append({"module": raw["module"], "target": raw.get("target") or "", "labels": raw.get("labels") or {}})
        host["probes"] = right


def _problems(raw: t.Any, modules: t.Mapping[str, t.Any], *, known: bool) -> t.Iterator[tuple[str, t.Any, str]]:
    if not isinstance(raw, dict):
        yield "", raw, "a probe is a dictionary with module and target"
        return
    unknown = sorted(set(raw) - set(_KEYS))
    if unknown:
        yield "", ", ".join(unknown), f"unknown; known are {', '.join(_KEYS)}"
    if not known:
        yield "", raw.get("module"), f"nobody probes: put a host into the group of the role {ROLE}"
    elif raw.get("module") not in modules:
        yield "module", raw.get("module"), f"blackbox_exporter_modules has {', '.join(sorted(modules))}"
    if not isinstance(raw.get("target") or "", str):
        yield "target", raw["target"], "it is a text: put it in quotes"
    elif _prober(modules.get(str(raw.get("module")))) == "tcp" and not _HOST_PORT.fullmatch(raw.get("target") or ""):
        yield "target", raw.get("target"), "a TCP probe needs host:port, and brackets around an IPv6 address: [2001:db8::1]:443"
    labels = raw.get("labels") or {}
    if not isinstance(labels, dict):
        yield "labels", labels, "it must be a dictionary"
        return
    for label, value in labels.items():
        remedy = _model.label_problem(label, value)
        if remedy:
            yield f"labels.{label}", value, remedy


def _prober(module: t.Any) -> t.Any:
    return module.get("prober") if isinstance(module, dict) else None


def targets(model: _model.Model, server: str) -> dict[str, list[Target]]:
    """Return, by job, the file_sd groups of what is probed for the Prometheus *server*, one a target.

    Every blackbox exporter among the hosts that it scrapes probes for it. Where there are several, the instance names it.
    """
    selected = set(model["servers"]["prometheus"][server]["scrape_hosts"])
    probers = {name: settings for name, settings in _model.serving(model, ROLE).items() if name in selected}
    jobs: dict[str, list[Target]] = {}
    for (module, target), labels in _wanted(model, selected).items() if probers else ():
        for prober, settings in probers.items():
            its = {
                "__metrics_path__": "/probe",
                "__param_module": module,
                "__param_target": target,
                "instance": target if len(probers) == 1 else f"{target} from {prober}",
                "module": module,
                "prober": prober,
            }
            at = model["hosts"][prober]
            if any(item["role"] == ROLE and item["scheme"] == "https" for item in at["endpoints"]):
                its["__scheme__"] = "https"
            address = _model.host_port(at["address"], int(settings["blackbox_exporter_port"]))
            jobs.setdefault(f"probe_{module}", []).append({"targets": [address], "labels": {**its, **labels}})
    return dict(sorted(jobs.items()))


def _wanted(model: _model.Model, hosts: t.Collection[str]) -> dict[tuple[str, str], dict[str, str]]:
    """Return the labels of what is probed, by module and target: of several hosts that want the same, those that they share."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name, host in model["hosts"].items():
        for probe in (host.get("probes") or ()) if name in hosts else ():
            key = probe["module"], probe["target"] or host["address"]
            labels = {"host": name, **host["labels"], **probe["labels"]}
            first = found.get(key)
            found[key] = labels if first is None else {k: v for k, v in first.items() if labels.get(k) == v}
    return found
