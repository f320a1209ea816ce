# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of a Prometheus server: file_sd files, and the list of the expected targets. Private to the collection."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import probes
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import TIMES, is_parameter_of_job
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Endpoint, Host, Model, server_settings

TargetGroup = dict[str, t.Any]
# One for all: to make one costs as much as to encode a text.
_encode = json.JSONEncoder(ensure_ascii=False).encode


def scraped_endpoints(model: Model, server: str) -> t.Iterator[tuple[str, Host, Endpoint]]:
    """Yield (host's name, host, endpoint) for everything that *server* scrapes, by host."""
    selected = set(server_settings(model, "prometheus", server)["scrape_hosts"])
    for name, host in model["hosts"].items():
        if name in selected:
            for item in host["endpoints"]:
                yield name, host, item


def _other_labels(host: Host, item: Endpoint) -> t.Mapping[str, str]:
    """Return the labels of a target but host and instance, by name: the host's own dictionary where nothing is added to it."""
    added = {f"__param_{key}": values[0] for key, values in item["params"].items() if not is_parameter_of_job(key, values)}
    if item["path"] != "/metrics":
        added["__metrics_path__"] = item["path"]
    if item["scheme"] != "http":
        added["__scheme__"] = item["scheme"]
    added.update({f"__{key}__": item[key] for key in TIMES if key in item})
    added.update(item["labels"])
    labels: t.Mapping[str, str] = host["labels"]
    return dict(sorted({**labels, **added}.items())) if added else labels


def targets_files(model: Model, server: str) -> dict[str, str]:
    """Return, by job, a file_sd file with one target a line, so that a changed host is a changed line."""
    jobs: dict[str, list[tuple[str, Host, Endpoint]]] = {}
    for name, host, item in scraped_endpoints(model, server):
        jobs.setdefault(item["job"], []).append((name, host, item))
    # Labels that hosts share are encoded once.
    shared: dict[int, str] = {}
    files = {job: _targets_file(targets, shared) for job, targets in sorted(jobs.items())}
    for job, groups in probes.probe_targets(model, server).items():
        files[job] = "[\n" + ",\n".join(map(_encode, groups)) + "\n]\n"
    return files


def scrape_targets(model: Model, server: str) -> dict[str, list[TargetGroup]]:
    """Return, by job, the file_sd groups in the targets files of *server*: one for each target, in the order of the hosts."""
    return {job: json.loads(text) for job, text in sorted(targets_files(model, server).items())}


def _targets_file(targets: list[tuple[str, Host, Endpoint]], shared: dict[int, str]) -> str:
    # CPython lengthens a text in place; lines to be joined would be there twice.
    text = ""
    for name, host, item in targets:
        labels = _other_labels(host, item)
        others = shared.get(id(labels)) if labels is host["labels"] else None
        if others is None:
            others = "".join(f", {_encode(key)}: {_encode(value)}" for key, value in labels.items())
            if labels is host["labels"]:
                shared[id(labels)] = others
        target, instance = _encode(host_port(host["address"], item["port"])), _encode(item["instance"])
        text += ",\n" if text else "[\n"
        text += f'{{"targets": [{target}], "labels": {{"host": {_encode(name)}, "instance": {instance}{others}}}}}'
    text += "\n]\n"
    return text


def expected_targets(
    model: Model, server: str, hosts: t.Iterable[str] | None = None, roles: t.Collection[str] = ()
) -> list[dict[str, str]]:
    """Return job, instance, host and address of every target that *server* should have up.

    :param hosts: these hosts' targets alone.
    :param roles: these roles' targets alone. An empty collection, or one with a name that is not a role's, selects all: a
        playbook that imports the collection's own may run it by a tag of any name.
    """
    if roles and not set(roles) <= set(model["roles"]):
        roles = ()
    wanted = None if hosts is None else set(hosts)
    probed = [
        {"job": job, "instance": its["instance"], "host": its.get("host", ""), "address": group["targets"][0]}
        for job, groups in probes.probe_targets(model, server).items()
        for group in groups
        for its in [group["labels"]]
        if (wanted is None or its.get("host") in wanted) and (not roles or probes.ROLE in roles)
    ]
    return probed + [
        {
            "job": item["job"],
            "instance": item["instance"],
            "host": name,
            "address": host_port(host["address"], item["port"]),
        }
        for name, host, item in scraped_endpoints(model, server)
        if (wanted is None or name in wanted) and (not roles or item["role"] in roles)
    ]
