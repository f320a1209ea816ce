# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets that exporters ask for Prometheus: websites, certificates and hosts (blackbox exporter), devices (SNMP exporter).

A target of the job ``probe_MODULE`` is scraped at a blackbox exporter, which probes what ``__param_target`` says
(blackbox_exporter's README, "Prometheus Configuration"), and a target of ``snmp_MODULE`` at an SNMP exporter. The target has the
labels of the host that has the probe in monitoring_probes or monitoring_snmp. A probe with a job of its own is in the same scrape
config, with another label ``job``. Private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import TIMES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import shared_hosts

Target = dict[str, t.Any]


class Prober(t.NamedTuple):
    """A role whose exporter asks targets for Prometheus."""

    role: str
    # The key of a host of the model that holds what the exporter asks, and its variable without the prefix.
    key: t.Literal["probes", "snmp"]
    path: str
    # The beginning of the names of the jobs. The module follows.
    prefix: str


BLACKBOX = Prober("blackbox_exporter", "probes", "/probe", "probe_")
SNMP = Prober("snmp_exporter", "snmp", "/snmp", "snmp_")
PROBERS = (BLACKBOX, SNMP)
# The credentials that each release of snmp_exporter has. The last ones are the program's default.
USUAL_AUTHS = ("public_v1", "public_v2")
PREFIXES = tuple(prober.prefix for prober in PROBERS)
# What a probe needs not have.
OPTIONAL = ("job", "instance", *TIMES)


def probe_targets(model: Model, server: str) -> dict[str, list[Target]]:
    """Return, by job, the file_sd groups of what is probed for the Prometheus *server*, one a target.

    Every exporter of a kind among the hosts of the server, and of the other shards, runs all its probes. If there are several,
    the instance names the exporter.
    """
    jobs: dict[str, list[Target]] = {}
    for prober in PROBERS:
        jobs.update(_targets_of(prober, model, server))
    return dict(sorted(jobs.items()))


def role_of(job: str) -> str:
    """Return the role whose exporter asks the targets of a scrape config that probe_targets returns."""
    return next(prober.role for prober in PROBERS if job.startswith(prober.prefix))


def exporters_of(prober: Prober, model: Model, server: str) -> dict[str, dict[str, t.Any]]:
    """Return the exporters of one kind that probe for the Prometheus *server*, with their variables, by host."""
    exporters = active_servers(model, prober.role)
    hosts = shared_hosts(model, server) if exporters else ()
    return {name: settings for name, settings in exporters.items() if name in hosts}


def _targets_of(prober: Prober, model: Model, server: str) -> dict[str, list[Target]]:
    """Return the targets of the exporters of one kind."""
    selected = set(model["servers"]["prometheus"][server]["scrape_hosts"])
    exporters = exporters_of(prober, model, server)
    probed = _probed_targets(prober, model, set(shared_hosts(model, server)), selected) if exporters else {}
    jobs: dict[str, list[Target]] = {}
    for (module, target, job, named, auth), labels in probed.items():
        instance = named or target
        for name, settings in exporters.items():
            own = {
                "__metrics_path__": prober.path,
                "__param_module": module,
                "__param_target": target,
                "instance": instance if len(exporters) == 1 else f"{instance} from {name}",
                "module": module,
                "prober": name,
            }
            if auth:
                own["__param_auth"] = auth
            if job:
                own["job"] = job
            at = model["hosts"][name]
            if any(item["role"] == prober.role and item["scheme"] == "https" for item in at["endpoints"]):
                own["__scheme__"] = "https"
            address = host_port(at["address"], int(settings[f"{prober.role}_port"]))
            jobs.setdefault(f"{prober.prefix}{module}", []).append({"targets": [address], "labels": {**own, **labels}})
    return jobs


def _probed_targets(
    prober: Prober, model: Model, hosts: t.Collection[str], selected: t.Collection[str]
) -> dict[tuple[str, str, str, str, str], dict[str, str]]:
    """Return the labels of each probed target, by module, target, job, instance and credentials.

    Hosts with the same probe: only labels that all have. One shard has the target: that of the first of these hosts.

    :param hosts: the hosts of all shards.
    :param selected: the hosts of the server's shard.
    """
    found: dict[tuple[str, str, str, str, str], dict[str, str]] = {}
    owners: dict[tuple[str, str, str, str, str], str] = {}
    for name, host in model["hosts"].items():
        for probe in (host.get(prober.key) or ()) if name in hosts else ():
            job, instance, auth = (probe.get(key) or "" for key in ("job", "instance", "auth"))
            key = probe["module"], probe["target"] or host["address"], job, instance, auth
            times = {f"__{time}__": probe[time] for time in TIMES if time in probe}
            labels = {"host": name, **times, **host["labels"], **probe["labels"]}
            first = found.get(key)
            found[key] = labels if first is None else {k: v for k, v in first.items() if labels.get(k) == v}
            owners.setdefault(key, name)
    return {key: labels for key, labels in found.items() if owners[key] in selected}
