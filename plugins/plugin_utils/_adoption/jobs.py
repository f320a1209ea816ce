# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of a job with static targets, as Prometheus scrapes them. Private to the collection.

The order of the steps: PopulateLabels in Prometheus' package scrape.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption import inventory_file, target_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.expressions import NotSupportedError
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.job_options import NotPlainError, options_of_job
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.relabeling import Labels, relabeled
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import fields
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import JOB, TIMES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.probes import BLACKBOX, PREFIXES, SNMP, Prober
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import Options
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import secret_values

HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_GLOBAL_TIMES = {"scrape_interval": "1m", "scrape_timeout": "10s"}
# The usual port of an exporter that asks targets, and a word in its address or its job, which tell it from other exporters.
PROBERS = {BLACKBOX: (9115, "blackbox"), SNMP: (9116, "snmp")}
_PORTS = {"http": 80, "https": 443}
_PARAM = "__param_"
# Newer versions of Prometheus set these labels before relabeling.
_NEW_LABELS = dict.fromkeys(
    ("__convert_classic_histograms_to_nhcb__", "__always_scrape_classic_histograms__", "__scrape_native_histograms__"), "false"
)
# Prometheus' documentation, <duration>: years and weeks only if nothing is left.
_UNITS = (("y", 31536000000), ("w", 604800000), ("d", 86400000), ("h", 3600000), ("m", 60000), ("s", 1000), ("ms", 1))
TargetGroups = t.Iterable[t.Mapping[str, t.Any]]


@dataclasses.dataclass
class Target:
    """One target of a job, as Prometheus sees it before it scrapes."""

    scrape_config: str
    # The name of the host, if the target has a label host.
    named: str
    address: str
    instance: str
    endpoint: dict[str, t.Any]
    labels: Labels
    options: Options
    # The name of the host in the inventory.
    host: str = ""

    @property
    def is_local(self) -> bool:
        """Return whether the target is on the Prometheus server, and has no name but this."""
        return self.address in LOOPBACK

    @property
    def prober(self) -> Prober | None:
        """Return the kind of exporter that asks this target, or None. Other exporters have the same path, and other ports."""
        if "target" not in self.endpoint["params"]:
            return None
        for prober, (port, word) in PROBERS.items():
            is_this = self.endpoint["port"] == port or word in self.address + self.scrape_config
            if is_this and self.endpoint["path"] == prober.path:
                return prober
        return None

    @property
    def is_probe(self) -> bool:
        """Return whether an exporter asks this target for Prometheus."""
        return self.prober is not None

    @property
    def has_own_instance(self) -> bool:
        """Return whether the configuration sets the label instance to something else than the address."""
        return self.instance != host_port(self.address, self.endpoint["port"])

    @property
    def expected_instance(self) -> str:
        """Return the instance that the inventory gives this target without a key instance."""
        return f"{self.host}:{self.endpoint['port']}"


def static_groups(job: t.Mapping[str, t.Any], files: target_files.TargetFiles) -> list[dict[str, t.Any]]:
    """Return the target groups of *job*, from the job and from the *files* that it names.

    :raises NotPlainError: if a file is missing.
    """
    groups = list(job.get("static_configs") or [])
    for pattern in sorted(target_files.patterns(job)):
        found = files.get(pattern)
        if found is None:
            raise NotPlainError(f"no file matches {pattern} on the controller")
        for path, of_file in found.items():
            groups += [{**group, "labels": {**(group.get("labels") or {}), "__meta_filepath": path}} for group in of_file]
    return groups


def targets_of_job(
    job: t.Mapping[str, t.Any], groups: TargetGroups, times: t.Mapping[str, t.Any]
) -> tuple[list[Target], list[str]]:
    """Return the targets of *job* in *groups*, and the addresses of those that relabeling drops.

    :param times: the section global of prometheus.yml.
    :raises NotPlainError: if the inventory cannot express the job.
    """
    options = options_of_job(job)
    secret = sorted(key for key in job.get("params") or {} if secret_values.IN_PROMETHEUS(key))
    if secret:
        raise NotPlainError(f"the parameter {', '.join(secret)} is a secret")
    usual = {key: times.get(key) or value for key, value in _GLOBAL_TIMES.items()}
    base = _labels_of_job(job, usual)
    found: dict[tuple[tuple[str, str], ...], Target] = {}
    dropped = []
    for group in groups:
        own = {str(name): _label(name, value) for name, value in (group.get("labels") or {}).items()}
        for address in group.get("targets") or []:
            after = _relabeled({**base, **{k: v for k, v in own.items() if v}, "__address__": str(address)}, job)
            if after is None:
                dropped.append(str(address))
                continue
            # Prometheus scrapes a duplicate target once.
            key = tuple(sorted((name, value) for name, value in after.items() if not name.startswith("__meta_")))
            if key not in found:
                found[key] = _target(after, job, usual, options)
    return list(found.values()), dropped


def _label(name: str, value: t.Any) -> str:
    if isinstance(value, (bool, dict, list)) or value is None:
        raise NotPlainError(f"the label {name} is {value!r}, which is not a string. Put the value in quotes")
    return str(value)


def _labels_of_job(job: t.Mapping[str, t.Any], usual: t.Mapping[str, t.Any]) -> Labels:
    """Return the labels that all targets of *job* have before relabeling, if the target groups do not override them."""
    interval = fields.parse_duration(job.get("scrape_interval") or usual["scrape_interval"])
    timeout = fields.parse_duration(job.get("scrape_timeout")) or min(fields.parse_duration(usual["scrape_timeout"]), interval)
    params = {name: values if isinstance(values, list) else [values] for name, values in (job.get("params") or {}).items()}
    return {
        "job": job["job_name"],
        "__metrics_path__": job.get("metrics_path") or "/metrics",
        "__scheme__": job.get("scheme") or "http",
        "__scrape_interval__": _duration(interval),
        "__scrape_timeout__": _duration(timeout),
        **{f"{_PARAM}{name}": str(values[0]) for name, values in params.items() if values},
    }


def _duration(milliseconds: int) -> str:
    """Return a duration as Prometheus writes it."""
    text = ""
    for unit, size in _UNITS:
        if milliseconds >= size and (unit not in ("y", "w") or not milliseconds % size):
            text += f"{milliseconds // size}{unit}"
            milliseconds %= size
    return text


def _relabeled(labels: Labels, job: t.Mapping[str, t.Any]) -> Labels | None:
    rules = job.get("relabel_configs") or []
    try:
        found = relabeled(labels, rules)
        if rules:
            newer = relabeled({**_NEW_LABELS, **labels}, rules)
            if newer is not None:
                newer = {name: value for name, value in newer.items() if name not in _NEW_LABELS}
            if newer != found:
                raise NotPlainError("the result of relabel_configs depends on the version of Prometheus")
    except NotSupportedError as error:
        raise NotPlainError(str(error)) from error
    return found


def _target(after: Labels, job: t.Mapping[str, t.Any], usual: t.Mapping[str, t.Any], options: Options) -> Target:
    """Return the target that has the labels *after* relabeling."""
    endpoint: dict[str, t.Any] = {
        "job": after.get("job", ""),
        "path": after.get("__metrics_path__", ""),
        "scheme": after.get("__scheme__", ""),
        "params": _params(after, job),
    }
    if not JOB.fullmatch(endpoint["job"]) or endpoint["job"].startswith(PREFIXES):
        raise NotPlainError(f"the inventory cannot have a scrape job with the name {endpoint['job']!r}")
    if endpoint["scheme"] not in _PORTS:
        raise NotPlainError(f"the scheme {endpoint['scheme']!r} is not http or https")
    if not endpoint["path"].startswith("/") or "?" in endpoint["path"]:
        raise NotPlainError(f"the path {endpoint['path']!r} does not start with a slash, or has parameters")
    for key in TIMES:
        time = after.get(f"__{key}__", "")
        if not fields.parse_duration(time):
            raise NotPlainError(f"{key} is {time!r}, which is not a duration")
        if fields.parse_duration(time) != fields.parse_duration(usual[key]):
            endpoint[key] = time
    address = after.get("__address__", "")
    host, endpoint["port"] = host_and_port(address, _PORTS[endpoint["scheme"]] if "instance" in after else None)
    labels = {
        name: value for name, value in after.items() if not name.startswith("__") and name not in ("job", "instance", "host")
    }
    wrong = [f"the label {name}: {problem}" for name, value in labels.items() if (problem := fields.label_problem(name, value))]
    if wrong or any(sign in value for value in labels.values() for sign in inventory_file.TEMPLATE):
        raise NotPlainError(wrong[0] if wrong else "a label value contains double braces")
    named = after.get("host", "")
    if named and not HOST_NAME.fullmatch(named):
        raise NotPlainError(f"the label host is {named!r}, which cannot be the name of a host")
    return Target(job["job_name"], named, host, after.get("instance") or address, endpoint, labels, options)


def _params(after: Labels, job: t.Mapping[str, t.Any]) -> dict[str, list[str]]:
    """Return the parameters of the URL. A label replaces the first value of the parameter of the job."""
    params: dict[str, list[str]] = {
        name: list(map(str, values if isinstance(values, list) else [values]))
        for name, values in (job.get("params") or {}).items()
    }
    for name, value in after.items():
        if name.startswith(_PARAM):
            params[name[len(_PARAM) :]] = [value, *params.get(name[len(_PARAM) :], [])[1:]]
    return {name: values for name, values in params.items() if values}


def host_and_port(address: str, default: int | None = None) -> tuple[str, int]:
    """Return host and port of the address of a target.

    :param default: the port of an address without one.
    :raises NotPlainError: also if there is no port and no *default*, since Prometheus 2 and 3 make different instances of it.
    """
    try:
        parts = urlsplit(f"//{address}")
        port = parts.port or default
    except ValueError as error:
        raise NotPlainError(f"the target {address} is not a valid address: {error}") from error
    if not parts.hostname or "/" in address:
        raise NotPlainError(f"the target {address} is not a valid address")
    if port is None:
        raise NotPlainError(f"the target {address} has no port")
    without_port = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    return parts.netloc.rpartition("]")[0].lstrip("[") or without_port, port
