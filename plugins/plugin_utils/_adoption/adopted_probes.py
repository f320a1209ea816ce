# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that a blackbox exporter probes, as monitoring_probes of the inventory. Private to the collection."""

from __future__ import annotations

import itertools
import typing as t
from urllib.parse import urlsplit

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.host_names import inventory_name
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.job_options import NotPlainError
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import HOST_NAME, Target
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import parse_address
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import TIMES

Modules = t.Mapping[str, t.Any]
Hosts = dict[str, dict[str, t.Any]]


def check_probe(target: Target, modules: Modules) -> None:
    """Check that monitoring_probes can express *target*.

    :raises NotPlainError: if it cannot.
    """
    endpoint, params = target.endpoint, target.endpoint["params"]
    if target.options:
        raise NotPlainError(f"a probe has no option {', '.join(sorted(target.options))}")
    if endpoint["scheme"] != "http":
        raise NotPlainError("the blackbox exporter is scraped over https. monitoring_web sets that for all exporters")
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


def _host_of(target: str) -> tuple[str, str]:
    """Return the host in the target of a probe (a URL, an address, an address with a port), and the rest."""
    if parse_address(target):
        return str(parse_address(target)), ""
    parts = urlsplit(target if "://" in target else f"//{target}")
    return parts.hostname or "", target


def add_probes(targets: t.Iterable[Target], hosts: Hosts, prober: str, notes: list[str]) -> None:
    """Add monitoring_probes to *hosts*: to the host that a target probes, to a new host, or to the *prober*.

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
        host.setdefault("monitoring_probes", []).append({**probe, **({"labels": own} if own else {})})


def _fits(host: t.Mapping[str, t.Any], target: Target) -> bool:
    """Return whether *target* has all labels of *host*."""
    return set(host.get("monitoring_labels", {}).items()) <= set(target.labels.items())


def _names(prober: str) -> t.Iterator[str]:
    """Yield the prober, and names for hosts that only have probes."""
    yield prober
    for number in itertools.count(1):
        yield f"{prober}-probes-{number}"
