# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that exporters ask, as monitoring_probes and monitoring_snmp of the inventory. Private to the collection."""

from __future__ import annotations

import itertools
import typing as t
from urllib.parse import urlsplit

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.host_names import inventory_name
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.job_options import NotPlainError
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import HOST_NAME, PROBERS, Target
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import parse_address
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import TIMES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.probes import SNMP, USUAL_AUTHS, Prober

Modules = t.Mapping[str, t.Any]
Hosts = dict[str, dict[str, t.Any]]


def check_probe(target: Target, modules: Modules) -> None:
    """Check that monitoring_probes or monitoring_snmp can express *target*.

    :raises NotPlainError: if it cannot.
    """
    endpoint, params = target.endpoint, target.endpoint["params"]
    if target.options:
        raise NotPlainError(f"a probe has no option {', '.join(sorted(target.options))}")
    if endpoint["scheme"] != "http":
        raise NotPlainError("the exporter of the probes is scraped over https. monitoring_web sets that for all exporters")
    if target.prober == SNMP:
        _check_device(params)
        return
    if set(params) != {"module", "target"} or any(len(values) != 1 for values in params.values()):
        raise NotPlainError("a probe has one value for each of the parameters module and target, and no other parameter")
    module = modules.get(params["module"][0])
    if not isinstance(module, dict):
        raise NotPlainError(
            f"blackbox_exporter_modules has no module {params['module'][0]}. To adopt the modules, too, add "
            "-e adopt_blackbox=blackbox.yml"
        )
    if module.get("prober") == "tcp" and not _host_of(params["target"][0])[1]:
        raise NotPlainError(f"the TCP probe of {params['target'][0]} has no port")


def _check_device(params: t.Mapping[str, list[str]]) -> None:
    """Check the parameters of a target of an SNMP exporter."""
    if set(params) - {"auth"} != {"module", "target"} or any(len(values) != 1 for values in params.values()):
        raise NotPlainError("a device has one value for each of the parameters module, target and auth, and no other parameter")
    auth = params.get("auth", USUAL_AUTHS)[0]
    if auth not in USUAL_AUTHS:
        raise NotPlainError(
            f"snmp.yml has the credentials {auth}. Copy them to snmp_exporter_auths, and the targets to monitoring_snmp"
        )


def _host_of(target: str) -> tuple[str, str]:
    """Return the host in the target of a probe (a URL, an address, an address with a port), and the rest."""
    if parse_address(target):
        return str(parse_address(target)), ""
    parts = urlsplit(target if "://" in target else f"//{target}")
    return parts.hostname or "", target


def by_prober(targets: t.Iterable[Target]) -> dict[Prober, list[Target]]:
    """Return the probes among *targets*, by the kind of exporter that runs them."""
    found: dict[Prober, list[Target]] = {}
    for target in targets:
        if target.prober:
            found.setdefault(target.prober, []).append(target)
    return found


def groups_of(probes: t.Mapping[Prober, list[Target]]) -> dict[str, Hosts]:
    """Return the group of each kind of exporter, with its host."""
    found: dict[str, Hosts] = {}
    for prober, (first, *_others) in probes.items():
        port = first.endpoint["port"]
        found[prober.role] = {first.host: {} if port == PROBERS[prober][0] else {f"{prober.role}_port": port}}
    return found


def add_all(probes: t.Mapping[Prober, list[Target]], hosts: Hosts) -> list[str]:
    """Add the probes, and the hosts that run them, to *hosts*; return the notes."""
    notes: list[str] = []
    for prober, of_prober in probes.items():
        runs = of_prober[0].host
        for target in of_prober:
            is_named = target.is_local or target.address == target.host
            hosts.setdefault(target.host, {} if is_named else {"monitoring_address": target.address})
        add_probes(of_prober, hosts, runs, notes)
        notes.append(
            f"the {PROBERS[prober][1]} exporter on {runs} runs the probes. The playbook site replaces the exporter and its "
            f"modules by those of the role {prober.role}"
        )
    return notes


def add_probes(targets: t.Iterable[Target], hosts: Hosts, prober: str, notes: list[str]) -> None:
    """Add monitoring_probes or monitoring_snmp to *hosts*: to the host that a target is, to a new host, or to the *prober*.

    A target has the labels of the host that has the probe. A host with labels that a target does not have gets no such probe.
    """
    by_address = {variables.get("monitoring_address", name): name for name, variables in hosts.items()}
    for target in targets:
        what, module = target.endpoint["params"]["target"][0], target.endpoint["params"]["module"][0]
        probed, _rest = _host_of(what)
        name = target.named or by_address.get(probed) or inventory_name(probed)
        if name not in hosts and HOST_NAME.fullmatch(name):
            hosts[name] = {"monitoring_address": probed} if name != probed else {}
            hosts[name]["monitoring_labels"] = dict(sorted(target.labels.items()))
            by_address[probed] = name
        elif name not in hosts or not _fits(hosts[name], target):
            name = next(free for free in _names(prober) if free not in hosts or _fits(hosts[free], target))
            hosts.setdefault(name, {})
        if target.named not in ("", name):
            notes.append(f"the probe of {what} gets the label host={name} instead of {target.named}, which has other labels")
        host = hosts[name]
        shared = host.get("monitoring_labels", {})
        own = {label: value for label, value in sorted(target.labels.items()) if label not in shared}
        probe: dict[str, t.Any] = {"module": module}
        if what != host.get("monitoring_address", name):
            probe["target"] = what
        probe["job"] = target.endpoint["job"]
        if target.instance != what:
            probe["instance"] = target.instance
        probe |= {key: target.endpoint[key] for key in TIMES if key in target.endpoint}
        if "auth" in target.endpoint["params"]:
            probe["auth"] = target.endpoint["params"]["auth"][0]
        variable = "monitoring_snmp" if target.prober == SNMP else "monitoring_probes"
        host.setdefault(variable, []).append({**probe, **({"labels": own} if own else {})})


def _fits(host: t.Mapping[str, t.Any], target: Target) -> bool:
    """Return whether *target* has all labels of *host*."""
    return set(host.get("monitoring_labels", {}).items()) <= set(target.labels.items())


def _names(prober: str) -> t.Iterator[str]:
    """Yield the prober, and names for hosts that only have probes."""
    yield prober
    for number in itertools.count(1):
        yield f"{prober}-probes-{number}"
