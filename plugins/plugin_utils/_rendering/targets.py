# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of a Prometheus server: file_sd files, and the list of the expected targets. Private to the collection."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import probes
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import TIMES, is_parameter_of_job
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Endpoint, Host, Model, server_settings
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import Options, revision
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.federation import JOB as FEDERATE
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.federation import federated_targets

TargetGroup = dict[str, t.Any]
# One encoder for all strings: to make an encoder takes as long as to encode a string.
_encode = json.JSONEncoder(ensure_ascii=False).encode


def scraped_endpoints(model: Model, server: str) -> t.Iterator[tuple[str, Host, Endpoint]]:
    """Yield (name of the host, host, endpoint) for each endpoint that *server* scrapes, by host."""
    selected = set(server_settings(model, "prometheus", server)["scrape_hosts"])
    for name, host in model["hosts"].items():
        if name in selected:
            for item in host["endpoints"]:
                yield name, host, item


def _other_labels(host: Host, item: Endpoint) -> t.Mapping[str, str]:
    """Return the labels of a target without host and instance. Without additions, this is the dictionary of the host itself."""
    added = {f"__param_{key}": values[0] for key, values in item["params"].items() if not is_parameter_of_job(key, values)}
    if item["path"] != "/metrics":
        added["__metrics_path__"] = item["path"]
    if item["scheme"] != "http":
        added["__scheme__"] = item["scheme"]
    added.update({f"__{key}__": item[key] for key in TIMES if key in item})
    added.update(item["labels"])
    labels: t.Mapping[str, str] = host["labels"]
    return dict(sorted({**labels, **added}.items())) if added else labels


@dataclasses.dataclass
class Pool:
    """The targets of one scrape config: of a scrape job, or those targets of the job that have the same options."""

    job: str
    options: Options
    targets: list[tuple[str, Host, Endpoint]]


def pools(model: Model, server: str) -> dict[str, Pool]:
    """Return the targets of *server*, except probes, by name of the scrape config.

    The name is the name of the job if all targets of the job have the same options, and for targets without options.
    """
    jobs: dict[str, dict[str, Pool]] = {}
    # By the identity of options, which hosts with the same groups share.
    revisions: dict[int, str] = {}
    for name, host, item in scraped_endpoints(model, server):
        options = item.get("options") or {}
        of_job = jobs.setdefault(item["job"], {})
        key = revisions.get(id(options), "")
        if options and not key:
            key = revisions[id(options)] = revision(options)
        if key not in of_job:
            of_job[key] = Pool(item["job"], options, [])
        of_job[key].targets.append((name, host, item))
    return {
        f"{job}-{key}" if key and len(of_job) > 1 else job: pool
        for job, of_job in sorted(jobs.items())
        for key, pool in sorted(of_job.items())
    }


def targets_files(model: Model, server: str) -> dict[str, str]:
    """Return a file_sd file for each scrape config, with one target per line, so that a changed host is a changed line."""
    # Encode labels that hosts share once.
    shared: dict[int, str] = {}
    files = {name: _targets_file(name, pool, shared) for name, pool in pools(model, server).items()}
    others = probes.probe_targets(model, server)
    if servers := federated_targets(model, server):
        others[FEDERATE] = servers
    for job, groups in others.items():
        files[job] = "[\n" + ",\n".join(map(_encode, groups)) + "\n]\n"
    return files


def scrape_targets(model: Model, server: str) -> dict[str, list[TargetGroup]]:
    """Return, by scrape config, the file_sd groups in the targets files of *server*: one a target, in the order of the hosts."""
    return {job: json.loads(text) for job, text in sorted(targets_files(model, server).items())}


def _targets_file(scrape_config: str, pool: Pool, shared: dict[int, str]) -> str:
    # Without this label, the label is the name of the scrape config.
    job = "" if scrape_config == pool.job else f', "job": {_encode(pool.job)}'
    # CPython extends a string in place. A list of lines to join would need twice the memory.
    text = ""
    for name, host, item in pool.targets:
        labels = _other_labels(host, item)
        others = shared.get(id(labels)) if labels is host["labels"] else None
        if others is None:
            others = "".join(f", {_encode(key)}: {_encode(value)}" for key, value in labels.items())
            if labels is host["labels"]:
                shared[id(labels)] = others
        target, instance = _encode(host_port(host["address"], item["port"])), _encode(item["instance"])
        text += ",\n" if text else "[\n"
        text += f'{{"targets": [{target}], "labels": {{"host": {_encode(name)}, "instance": {instance}{job}{others}}}}}'
    text += "\n]\n"
    return text


def expected_targets(
    model: Model, server: str, hosts: t.Iterable[str] | None = None, roles: t.Collection[str] = ()
) -> list[dict[str, str]]:
    """Return job, instance, host and address of every target that *server* must scrape.

    :param hosts: return the targets of these hosts only.
    :param roles: return the targets of these roles only. An empty collection, or one with a name that is not a role, selects all:
        a playbook that imports a playbook of the collection can have tags of any name.
    """
    if roles and not set(roles) <= set(model["roles"]):
        roles = ()
    wanted = None if hosts is None else set(hosts)
    probed = [
        {
            "job": labels.get("job", job),
            "instance": labels["instance"],
            "host": labels.get("host", ""),
            "address": group["targets"][0],
        }
        for job, groups in probes.probe_targets(model, server).items()
        for group in groups
        for labels in [group["labels"]]
        if (wanted is None or labels.get("host") in wanted) and (not roles or probes.role_of(job) in roles)
    ]
    # The servers that a global server reads from are no targets of a role.
    read = [
        {"job": FEDERATE, "instance": labels["instance"], "host": labels["server"], "address": group["targets"][0]}
        for group in federated_targets(model, server)
        for labels in [group["labels"]]
        if (wanted is None or labels["server"] in wanted) and (not roles or "prometheus" in roles)
    ]
    scraped = [
        {
            "job": item["job"],
            "instance": item["instance"],
            "host": name,
            "address": host_port(host["address"], item["port"]),
        }
        for name, host, item in scraped_endpoints(model, server)
        if (wanted is None or name in wanted) and (not roles or item["role"] in roles)
    ]
    return [*probed, *read, *scraped]
