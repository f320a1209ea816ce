# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make an inventory from the configuration of a Prometheus server. Private to the collection.

A job that the inventory cannot express stays unchanged in prometheus_extra_scrape_configs, so that no target is lost.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption import (
    adopted_probes,
    conflicts,
    host_names,
    hosts,
    inventory_file,
    target_files,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.job_options import NotPlainError
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import (
    LOOPBACK,
    Target,
    host_and_port,
    static_groups,
    targets_of_job,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.probes import BLACKBOX
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import secret_values

_GLOBAL = ("scrape_interval", "scrape_timeout", "evaluation_interval", "external_labels")
CONFIG_DIR = "/etc/prometheus"
Job = dict[str, t.Any]


@dataclasses.dataclass
class Source:
    """The parsed files of a server, by their paths on the server. Paths in *config* are absolute."""

    config: dict[str, t.Any]
    targets: target_files.TargetFiles = dataclasses.field(default_factory=dict)
    rules: dict[str, dict[str, t.Any]] = dataclasses.field(default_factory=dict)
    alertmanager: dict[str, t.Any] | None = None
    # The configuration of the blackbox exporter.
    blackbox: dict[str, t.Any] | None = None
    config_dir: str = CONFIG_DIR
    # Key of prometheus.yml and pattern of files that were not copied.
    missing: list[tuple[str, str]] = dataclasses.field(default_factory=list)


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
    modules = _modules(source, contracts)
    found = _Jobs(source, server, modules, notes)
    groups: hosts.Groups = {"prometheus": {server: {}}}
    alertmanagers = _alertmanagers(source, server, variables)
    if alertmanagers:
        groups["alertmanager"] = alertmanagers
    probes = adopted_probes.by_prober(found.targets)
    groups |= adopted_probes.groups_of(probes)
    of_hosts = hosts.adopted_hosts([target for target in found.targets if not target.is_probe], server, groups, contracts)
    notes += adopted_probes.add_all(probes, of_hosts)
    if found.left:
        taken = {target.endpoint["job"] for target in found.targets}
        taken |= {contract.scrape["job"] for contract in contracts if contract.role in groups}
        variables["prometheus_extra_scrape_configs"] = [_with_free_name(job, taken, notes) for job in found.left]
    for name in {server, *groups.get("alertmanager", {})} - set(of_hosts):
        of_hosts[name] = {}
    settings = {"prometheus": (variables, secret_values.IN_PROMETHEUS)}
    settings |= {
        group: (options, secret_values.IN_PROMETHEUS)
        for group, options in hosts.groups_with_options(found.targets, of_hosts, groups).items()
    }
    if source.alertmanager is not None:
        settings["alertmanager"] = {"alertmanager_config": source.alertmanager}, secret_values.IN_ALERTMANAGER
    if BLACKBOX in probes and source.blackbox is not None:
        settings[BLACKBOX.role] = {"blackbox_exporter_modules": modules}, secret_values.IN_PROMETHEUS
    files = {"hosts.yml": inventory_file.text(inventory_file.inventory(of_hosts, groups))}
    for group, (of_group, keys) in settings.items():
        files |= target_files.group_vars_files(of_group, group, keys, notes)
    return {
        "files": files,
        "notes": notes,
        "secret": [path for path in files if path.endswith(target_files.VAULT)],
        "share": found.share(),
    }


def _modules(source: Source, contracts: t.Sequence[Contract]) -> dict[str, t.Any]:
    """Return the modules of the blackbox exporter: those of its configuration, or those of the role."""
    if source.blackbox is not None:
        return dict(source.blackbox.get("modules") or {})
    return next(
        (dict(item.defaults["blackbox_exporter_modules"]) for item in contracts if item.role == BLACKBOX.role),
        {},
    )


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
            addresses = [host_and_port(address) for static in item["static_configs"] for address in static["targets"]]
        except NotPlainError:
            left.append(item)
            continue
        for host, port in addresses:
            name = server if host in LOOPBACK else host_names.inventory_name(host)
            hosts[name] = {"alertmanager_port": port} if port != 9093 else {}  # noqa: PLR2004 - Alertmanager's
    alerting["alertmanagers"] = left
    alerting = {key: value for key, value in alerting.items() if value}
    extra = {**variables.get("prometheus_extra_config", {}), "alerting": alerting}
    variables.pop("prometheus_extra_config", None)
    extra = {key: value for key, value in extra.items() if value}
    if extra:
        variables["prometheus_extra_config"] = extra
    return hosts or {server: {}}


class _Jobs:
    """The jobs of a configuration: the targets of those that the inventory can express, and the jobs that stay unchanged."""

    def __init__(self, source: Source, server: str, modules: adopted_probes.Modules, notes: list[str]) -> None:
        """Decide for each job of *source*, and add the decisions to *notes*."""
        self._source = source
        self._jobs: dict[str, Job] = {job["job_name"]: job for job in source.config.get("scrape_configs") or []}
        # By name of the job: why it stays unchanged, its targets, and the addresses that relabeling drops.
        self._reasons: dict[str, str] = {}
        self._targets: dict[str, list[Target]] = {}
        self._dropped: dict[str, list[str]] = {}
        for name in self._jobs:
            self._decide(name, modules)
        while True:
            self.targets = [target for of_job in self._targets.values() for target in of_job]
            host_names.name_hosts(self.targets, server)
            conflict = conflicts.first_conflict(self.targets, server)
            if conflict is None:
                break
            name, self._reasons[conflict[0]] = conflict
            del self._targets[name]
        self.left = [self._jobs[name] for name in self._jobs if name in self._reasons]
        for name in self._jobs:
            notes += self._notes(name)
        local = sorted(
            {f"{item.address}:{item.endpoint['port']}" for item in self.targets if item.is_local and not item.has_own_instance}
        )
        if local:
            notes.append(
                f"{', '.join(local)}: these targets are on the host {server}, and their instances are named after the host"
            )

    def _decide(self, name: str, modules: adopted_probes.Modules) -> None:
        """Find the targets of a job, or the reason why the job stays unchanged."""
        job = self._jobs[name]
        try:
            groups = static_groups(job, self._source.targets)
            targets, self._dropped[name] = targets_of_job(job, groups, self._source.config.get("global") or {})
            for target in targets:
                if target.is_probe:
                    adopted_probes.check_probe(target, modules)
        except NotPlainError as error:
            self._reasons[name] = str(error)
        else:
            self._targets[name] = targets

    def _notes(self, name: str) -> t.Iterator[str]:
        """Yield what differs from the configuration of a job."""
        if name in self._reasons:
            yield f"the job {name} is kept unchanged in prometheus_extra_scrape_configs: {self._reasons[name]}"
            return
        patterns = target_files.patterns(self._jobs[name])
        copied = sorted({file for pattern in patterns for file in self._source.targets.get(pattern) or ()})
        if copied:
            yield f"the job {name}: the targets are copied from {', '.join(copied)}. Prometheus no longer reads these files"
        if self._dropped[name]:
            yield f"the job {name}: relabel_configs drops {', '.join(self._dropped[name])}. They are not in the inventory"

    def share(self) -> str:
        """Return how many of all targets in the configuration and its files became hosts."""
        number = len(self.targets) + sum(_number_of_targets(job, self._source.targets) for job in self.left)
        percent = f" ({100 * len(self.targets) // number} %)" if number else ""
        return f"{len(self.targets)} of {number} targets are hosts now{percent}"


def _number_of_targets(job: Job, files: target_files.TargetFiles) -> int:
    """Return the number of targets of *job* that are known without service discovery."""
    try:
        groups = static_groups(job, files)
    except NotPlainError:
        groups = list(job.get("static_configs") or [])
    return sum(len(group.get("targets") or []) for group in groups)
