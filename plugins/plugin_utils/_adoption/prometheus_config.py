# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make an inventory from the configuration of a Prometheus server. Private to the collection.

A job that the inventory cannot express stays unchanged in prometheus_extra_scrape_configs, so that no target is lost.
"""

from __future__ import annotations

import collections
import dataclasses
import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption import inventory_file, target_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import endpoints, fields
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import secret_values

# The keys of a job that the inventory can express.
_PLAIN_JOB = {"job_name", "static_configs", "file_sd_configs", "metrics_path", "scheme", "params", *endpoints.TIMES}
_GLOBAL = ("scrape_interval", "scrape_timeout", "evaluation_interval", "external_labels")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
_PORT_VARIABLE = re.compile(r"\{\{\s*([a-z_0-9]+)\s*\}\}")
CONFIG_DIR = "/etc/prometheus"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class NotPlainError(Exception):
    """The inventory cannot express a job; the message is the reason."""


@dataclasses.dataclass
class Source:
    """The parsed files of a server, by their paths on the server. Paths in *config* are absolute."""

    config: dict[str, t.Any]
    targets: target_files.TargetFiles = dataclasses.field(default_factory=dict)
    rules: dict[str, dict[str, t.Any]] = dataclasses.field(default_factory=dict)
    alertmanager: dict[str, t.Any] | None = None
    config_dir: str = CONFIG_DIR
    # Key of prometheus.yml and pattern of files that were not copied.
    missing: list[tuple[str, str]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Target:
    """One target of a job, as Prometheus sees it before it scrapes."""

    host: str
    address: str
    endpoint: dict[str, t.Any]
    labels: dict[str, str]


def adopt(source: Source, server: str, contracts: t.Sequence[Contract]) -> dict[str, t.Any]:
    """Return ``files`` (relative path -> text) of an inventory, and ``notes`` with differences and open tasks.

    ``secret`` has the paths of the files that contain secrets.

    :param server: the inventory name of the host that the configuration comes from.
    :raises ValueError: if the configuration cannot be adopted.
    """
    notes: list[str] = []
    _check_jobs(source.config)
    notes += [
        f"{key}: {path} was not found on the controller and is not adopted. Copy it from the server as well"
        for key, path in source.missing
    ]
    config = target_files.with_inlined_targets(source.config, source.targets, source.config_dir, notes)
    source = dataclasses.replace(source, config=config)
    variables: dict[str, t.Any] = _settings(source, notes)
    targets, left = _targets(source, server, notes)
    groups: dict[str, dict[str, t.Any]] = {"prometheus": {server: {}}}
    alertmanagers = _alertmanagers(source, server, variables)
    if alertmanagers:
        groups["alertmanager"] = alertmanagers
    hosts = _hosts(targets, server, groups, contracts)
    if left:
        taken = {*(target.endpoint["job"] for target in targets), *(c.scrape["job"] for c in contracts if c.role in groups)}
        variables["prometheus_extra_scrape_configs"] = [_with_free_name(job, taken, notes) for job in left]
    for name in {server, *groups.get("alertmanager", {})} - set(hosts):
        hosts[name] = {}
    files = {
        "hosts.yml": inventory_file.text(inventory_file.inventory(hosts, groups)),
        **target_files.group_vars_files(variables, "prometheus", secret_values.IN_PROMETHEUS, notes),
    }
    if source.alertmanager is not None:
        settings = {"alertmanager_config": source.alertmanager}
        files |= target_files.group_vars_files(settings, "alertmanager", secret_values.IN_ALERTMANAGER, notes)
    return {"files": files, "notes": notes, "secret": [path for path in files if path.endswith(target_files.VAULT)]}


def _check_jobs(config: t.Mapping[str, t.Any]) -> None:
    """Check that each job has a unique name, as Prometheus does.

    :raises ValueError: with the names that several jobs have.
    """
    names = [job.get("job_name") for job in config.get("scrape_configs") or []]
    if not all(names):
        raise ValueError("scrape_configs has a job without a job_name, which Prometheus refuses. Give the job a name.")
    twice = sorted(name for name, number in collections.Counter(names).items() if number > 1)
    if twice:
        raise ValueError(
            f"several jobs of scrape_configs are named {', '.join(twice)}, which Prometheus refuses. Give each job a name of its "
            "own, or remove the job that is not in use."
        )


def _settings(source: Source, notes: list[str]) -> dict[str, t.Any]:
    """Return the variables of the Prometheus server, except its jobs."""
    config = source.config
    # The defaults of the role differ from the defaults of Prometheus.
    settings = {"scrape_interval": "1m", "scrape_timeout": "10s", "evaluation_interval": "1m", **(config.get("global") or {})}
    variables: dict[str, t.Any] = {f"prometheus_{key}": settings[key] for key in _GLOBAL if settings.get(key)}
    if source.config_dir != CONFIG_DIR:
        variables["prometheus_config_dir"] = source.config_dir
    ours = ("global", "scrape_configs", "rule_files", "scrape_config_files")
    extra = {key: value for key, value in config.items() if key not in ours and value}
    other = {key: value for key, value in settings.items() if key not in _GLOBAL}
    if other:
        extra["global"] = other
    if extra:
        variables["prometheus_extra_config"] = extra
    rules = [group for path in sorted(source.rules) for group in source.rules[path].get("groups") or []]
    names = [group["name"] for group in rules]
    for name, number in collections.Counter(names).items():
        if number > 1:
            # The names of rule groups must be unique in one file.
            notes.append(f"{number} rule groups have the name {name}: a number is appended to all but the first")
            same = [group for group in rules if group["name"] == name]
            for index, group in enumerate(same[1:], 2):
                group["name"] = f"{name}-{index}"
    if rules:
        variables["prometheus_extra_rules"] = rules
    return variables


def _with_free_name(job: dict[str, t.Any], taken: t.Collection[str], notes: list[str]) -> dict[str, t.Any]:
    """Return an unchanged job with a new name if the inventory has a job of this name. The targets keep the label job."""
    if job["job_name"] not in taken:
        return job
    name = f"{job['job_name']}-adopted"
    while name in taken:
        name += "-2"
    notes.append(
        f"the job {job['job_name']} is renamed to {name}, because the inventory has a job of this name. The targets keep their "
        "label job"
    )
    relabeling = {"target_label": "job", "replacement": job["job_name"]}
    return {**job, "job_name": name, "relabel_configs": [relabeling, *(job.get("relabel_configs") or [])]}


def _alertmanagers(source: Source, server: str, variables: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Return the hosts of the group alertmanager; none if the configuration of Alertmanager is not adopted."""
    if source.alertmanager is None:
        return {}
    hosts: dict[str, dict[str, t.Any]] = {}
    alerting = dict(variables.get("prometheus_extra_config", {}).get("alerting") or {})
    left = []
    for item in alerting.get("alertmanagers") or []:
        try:
            if set(item) - {"static_configs"}:
                raise NotPlainError("the section has more than static_configs")
            addresses = [_host_and_port(address) for static in item["static_configs"] for address in static["targets"]]
        except NotPlainError:
            left.append(item)
            continue
        for host, port in addresses:
            name = server if host in _LOOPBACK else _inventory_name(host)
            hosts[name] = {"alertmanager_port": port} if port != 9093 else {}  # noqa: PLR2004 - Alertmanager's
    alerting["alertmanagers"] = left
    alerting = {key: value for key, value in alerting.items() if value}
    extra = {**variables.get("prometheus_extra_config", {}), "alerting": alerting}
    variables.pop("prometheus_extra_config", None)
    extra = {key: value for key, value in extra.items() if value}
    if extra:
        variables["prometheus_extra_config"] = extra
    return hosts or {server: {}}


def _targets(source: Source, server: str, notes: list[str]) -> tuple[list[Target], list[dict[str, t.Any]]]:
    """Return the targets, and the jobs that stay unchanged."""
    found: list[Target] = []
    left = []
    taken: set[tuple[str, str]] = set()
    times = source.config.get("global") or {}
    for job in source.config.get("scrape_configs") or []:
        try:
            of_job = list(_of_job(job, source, server, times))
            if any(
                target.host == server and target.endpoint["job"] == "prometheus" and target.endpoint["path"] != "/metrics"
                for target in of_job
            ):
                raise NotPlainError("the metrics of the Prometheus server itself are not at /metrics")
            keys = [
                (target.endpoint["job"], target.endpoint.get("instance") or target.host + str(target.endpoint["port"]))
                for target in of_job
            ]
            if len({*keys} | taken) != len(keys) + len(taken):
                raise NotPlainError("two targets have the same instance")
            taken.update(keys)
            found += of_job
            copied = sorted({file for pattern in target_files.patterns(job) for file in source.targets.get(pattern) or ()})
            if copied:
                notes.append(
                    f"the job {job['job_name']}: the targets are copied from {', '.join(copied)}. Prometheus no longer reads "
                    "these files"
                )
        except NotPlainError as error:  # noqa: PERF203 - as many as there are jobs
            notes.append(f"the job {job['job_name']} is kept unchanged in prometheus_extra_scrape_configs: {error}")
            left.append(job)
    local = sorted({f"{target.address}:{target.endpoint['port']}" for target in found if target.address in _LOOPBACK})
    if local:
        notes.append(f"{', '.join(local)}: these targets are on the host {server}, and their instances are named after the host")
    return found, left


def _of_job(job: dict[str, t.Any], source: Source, server: str, times: t.Mapping[str, t.Any]) -> t.Iterator[Target]:
    unknown = sorted(set(job) - _PLAIN_JOB)
    if unknown:
        raise NotPlainError(f"the inventory has no counterpart of {', '.join(unknown)}")
    secret = sorted(key for key in job.get("params") or {} if secret_values.IN_PROMETHEUS(key))
    if secret:
        raise NotPlainError(f"the parameter {', '.join(secret)} is a secret")
    statics = list(job.get("static_configs") or [])
    for pattern in sorted(target_files.patterns(job)):
        files = source.targets.get(pattern)
        if files is None:
            raise NotPlainError(f"no file matches {pattern} on the controller")
        statics += [group for groups in files.values() for group in groups]
    usual: dict[str, t.Any] = {
        "job": job["job_name"],
        "path": job.get("metrics_path") or "/metrics",
        "scheme": job.get("scheme") or "http",
        "params": job.get("params") or {},
        **{key: job[key] for key in endpoints.TIMES if key in job and job[key] != times.get(key)},
    }
    # Prometheus scrapes a duplicate target once.
    known = []
    for static in statics:
        for address in static.get("targets") or []:
            if (address, static.get("labels") or {}) in known:
                continue
            known.append((address, static.get("labels") or {}))
            yield _target(str(address), {str(k): str(v) for k, v in (static.get("labels") or {}).items()}, usual, server)


def _target(address: str, labels: dict[str, str], usual: t.Mapping[str, t.Any], server: str) -> Target:
    endpoint = dict(usual)
    for label, key in (("__metrics_path__", "path"), ("__scheme__", "scheme"), ("job", "job")):
        if label in labels:
            endpoint[key] = labels.pop(label)
    for label in [label for label in labels if label.startswith("__param_")]:
        endpoint["params"] = {**endpoint["params"], label[len("__param_") :]: [labels.pop(label)]}
    for key in endpoints.TIMES:
        if f"__{key}__" in labels:
            endpoint[key] = labels.pop(f"__{key}__")
    host, endpoint["port"] = _host_and_port(address)
    instance, named = labels.pop("instance", address), labels.pop("host", "")
    wrong = [f"the label {name}: {problem}" for name, value in labels.items() if (problem := fields.label_problem(name, value))]
    if wrong or any(sign in value for value in labels.values() for sign in inventory_file.TEMPLATE):
        raise NotPlainError(wrong[0] if wrong else "a label value contains double braces")
    prefix = instance.rpartition(":")[0] if instance.endswith(f":{endpoint['port']}") else instance
    name = server if host in _LOOPBACK else next(n for n in (named, prefix, _inventory_name(host)) if _NAME.fullmatch(n))
    if instance != f"{name}:{endpoint['port']}" and host not in _LOOPBACK:
        endpoint["instance"] = instance
    return Target(name, host, endpoint, labels)


def _host_and_port(address: str) -> tuple[str, int]:
    """Return host and port of the address of a target.

    :raises NotPlainError: also if there is no port, since Prometheus 2 and 3 make different instances of such an address.
    """
    try:
        parts = urlsplit(f"//{address}")
        port = parts.port
    except ValueError as error:
        raise NotPlainError(f"the target {address} is not a valid address: {error}") from error
    if not parts.hostname or "/" in address:
        raise NotPlainError(f"the target {address} is not a valid address")
    if port is None:
        raise NotPlainError(f"the target {address} has no port")
    return parts.netloc.rpartition("]")[0].lstrip("[") or parts.netloc.rpartition(":")[0], port


def _inventory_name(host: str) -> str:
    """Return a name for the inventory. Names cannot have the colons of an IPv6 address, because a colon precedes a port."""
    return host.replace("::", "-").replace(":", "-").strip("-") or host


def _hosts(
    targets: list[Target], server: str, groups: dict[str, dict[str, t.Any]], contracts: t.Sequence[Contract]
) -> dict[str, dict[str, t.Any]]:
    """Return the variables of each host, and put hosts into the *groups* of their roles."""
    by_host: dict[str, list[Target]] = {}
    for target in targets:
        by_host.setdefault(target.host, []).append(target)
    found = {}
    for name, of_host in sorted(by_host.items()):
        addresses = sorted({target.address for target in of_host if target.address not in _LOOPBACK})
        if len(addresses) > 1:
            raise ValueError(
                f"the targets of {name} have several addresses ({', '.join(addresses)}). Use one address for all of them, or "
                "add a label host with a different name to each"
            )
        shared = dict(set.intersection(*(set(target.labels.items()) for target in of_host)))
        variables: dict[str, t.Any] = {"monitoring_address": addresses[0]} if addresses and addresses[0] != name else {}
        if shared:
            variables["monitoring_labels"] = dict(sorted(shared.items()))
        roles = _roles(of_host, name == server, groups, contracts)
        for target in of_host:
            own = {key: value for key, value in sorted(target.labels.items()) if key not in shared}
            role = roles.get(id(target), "")
            if not role or own or not _has_defaults(target.endpoint):
                scrape = {key: value for key, value in target.endpoint.items() if value and (key, value) not in _DEFAULTS}
                variables.setdefault("monitoring_scrapes", []).append({**scrape, **({"labels": own} if own else {})})
        found[name] = variables
    return found


_DEFAULTS = (("path", "/metrics"), ("scheme", "http"))


def _has_defaults(endpoint: t.Mapping[str, t.Any]) -> bool:
    """Return whether an endpoint has no settings that a role does not have."""
    return (
        not endpoint["params"]
        and all(endpoint[key] == value for key, value in _DEFAULTS)
        and not ({"instance", *endpoints.TIMES} & set(endpoint))
    )


def _roles(
    targets: list[Target],
    is_server: bool,  # noqa: FBT001
    groups: dict[str, dict[str, t.Any]],
    contracts: t.Sequence[Contract],
) -> dict[int, str]:
    """Return the role of each target of a host, by the identity of the target, and add the host to the group of the role.

    A target has no role if no role matches, or if another target already has the role.
    """
    host, found = targets[0].host, {}
    # Ports that roles use on the host, including monitoring servers that are not scraped.
    ports: set[int] = set()
    for contract in sorted(contracts, key=lambda contract: not contract.is_server):
        variable = _PORT_VARIABLE.fullmatch(str(contract.scrape.get("port")))
        if variable is None or "instances" in contract.scrape:
            continue
        usual = contract.defaults[variable.group(1)]
        # A monitoring server is deployed only on hosts that are known to run it.
        serves = is_server if contract.role == "prometheus" else host in groups.get(contract.role, {})
        candidates = [
            target
            for target in sorted(targets, key=lambda target: target.endpoint["port"] != usual)
            if target.endpoint["job"] == contract.scrape["job"]
            and target.endpoint["path"] == "/metrics"
            and target.endpoint["port"] not in ports
        ]
        if (contract.is_server and not serves) or (not contract.is_server and not candidates):
            continue
        port = candidates[0].endpoint["port"] if candidates else groups[contract.role][host].get(variable.group(1), usual)
        ports.add(port)
        groups.setdefault(contract.role, {})[host] = {variable.group(1): port} if port != usual else {}
        if candidates:
            found[id(candidates[0])] = contract.role
    return found
