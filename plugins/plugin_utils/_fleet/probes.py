# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets that blackbox exporters probe: websites, certificates, hosts. Private to the collection.

A target of the job ``probe_MODULE`` is scraped at a blackbox exporter, which probes what ``__param_target`` says
(blackbox_exporter's README, "Prometheus Configuration"). The target has the labels of the host that
has the probe in monitoring_probes. A probe with a job of its own is in the same scrape config, with another label ``job``.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import TIMES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers

ROLE = "blackbox_exporter"
Target = dict[str, t.Any]
# What a probe needs not have.
OPTIONAL = ("job", "instance", *TIMES)


def probe_targets(model: Model, server: str) -> dict[str, list[Target]]:
    """Return, by job, the file_sd groups of what is probed for the Prometheus *server*, one a target.

    Every blackbox exporter that the server scrapes runs all probes. If there are several, the instance names the exporter.
    """
    selected = set(model["servers"]["prometheus"][server]["scrape_hosts"])
    probers = {name: settings for name, settings in active_servers(model, ROLE).items() if name in selected}
    jobs: dict[str, list[Target]] = {}
    for (module, target, job, named), labels in _probed_targets(model, selected).items() if probers else ():
        instance = named or target
        for prober, settings in probers.items():
            own = {
                "__metrics_path__": "/probe",
                "__param_module": module,
                "__param_target": target,
                "instance": instance if len(probers) == 1 else f"{instance} from {prober}",
                "module": module,
                "prober": prober,
            }
            if job:
                own["job"] = job
            at = model["hosts"][prober]
            if any(item["role"] == ROLE and item["scheme"] == "https" for item in at["endpoints"]):
                own["__scheme__"] = "https"
            address = host_port(at["address"], int(settings["blackbox_exporter_port"]))
            jobs.setdefault(f"probe_{module}", []).append({"targets": [address], "labels": {**own, **labels}})
    return dict(sorted(jobs.items()))


def _probed_targets(model: Model, hosts: t.Collection[str]) -> dict[tuple[str, str, str, str], dict[str, str]]:
    """Return the labels of each probed target, by module, target, job and instance.

    Hosts with the same probe: only labels that all have.
    """
    found: dict[tuple[str, str, str, str], dict[str, str]] = {}
    for name, host in model["hosts"].items():
        for probe in (host.get("probes") or ()) if name in hosts else ():
            key = probe["module"], probe["target"] or host["address"], probe.get("job") or "", probe.get("instance") or ""
            times = {f"__{time}__": probe[time] for time in TIMES if time in probe}
            labels = {"host": name, **times, **host["labels"], **probe["labels"]}
            first = found.get(key)
            found[key] = labels if first is None else {k: v for k, v in first.items() if labels.get(k) == v}
    return found
