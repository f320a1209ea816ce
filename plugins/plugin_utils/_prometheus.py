# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the model of the fleet to the files of a Prometheus server. Private to the collection."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._redaction import WORD, is_secret, redacted, redacted_text
from ansible_collections.vigie.monitoring.plugins.plugin_utils import _alertmanager, _probes, _rules, _web
from ansible_collections.vigie.monitoring.plugins.plugin_utils._contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._model import (
    TIMES,
    Model,
    for_the_job,
    host_port,
    served_below,
    serving,
    settings_of,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._values import made_yaml, merged

TargetGroup = dict[str, t.Any]
# One for all: to make one costs as much as to encode a text.
_encode = json.JSONEncoder(ensure_ascii=False).encode


def endpoints(model: Model, server: str) -> t.Iterator[tuple[str, dict[str, t.Any], dict[str, t.Any]]]:
    """Yield (host's name, host, endpoint) for everything that *server* scrapes, by host."""
    selected = set(settings_of(model, "prometheus", server)["scrape_hosts"])
    for name, host in model["hosts"].items():
        if name in selected:
            for item in host["endpoints"]:
                yield name, host, item


def _other_labels(host: t.Mapping[str, t.Any], item: t.Mapping[str, t.Any]) -> t.Mapping[str, str]:
    """Return the labels of a target but host and instance, by name: the host's own dictionary where nothing is added to it."""
    added = {f"__param_{key}": values[0] for key, values in item["params"].items() if not for_the_job(key, values)}
    if item["path"] != "/metrics":
        added["__metrics_path__"] = item["path"]
    if item["scheme"] != "http":
        added["__scheme__"] = item["scheme"]
    for key in TIMES:
        if key in item:
            added[f"__{key}__"] = item[key]
    added.update(item["labels"])
    labels: t.Mapping[str, str] = host["labels"]
    return dict(sorted({**labels, **added}.items())) if added else labels


def scrape_targets(model: Model, server: str) -> dict[str, list[TargetGroup]]:
    """Return, by job, the file_sd groups of *server*: one a target, in the order of the hosts."""
    jobs: dict[str, list[TargetGroup]] = {}
    for name, host, item in endpoints(model, server):
        labels = {"host": name, "instance": item["instance"], **_other_labels(host, item)}
        jobs.setdefault(item["job"], []).append({"targets": [host_port(host["address"], item["port"])], "labels": labels})
    return dict(sorted({**jobs, **_probes.targets(model, server)}.items()))


def scrape_configs(model: Model, server: str) -> list[dict[str, t.Any]]:
    """Return the scrape configs of *server*: one a job, with its targets in a file of their own, and the server's own."""
    params: dict[str, dict[str, list[str]]] = {}
    for _name, _host, item in endpoints(model, server):
        of_job = params.setdefault(item["job"], {})
        for key, values in item["params"].items():
            if for_the_job(key, values):
                of_job[key] = values
    configs: list[dict[str, t.Any]] = []
    webs = web_of_jobs(model, server)
    for job, values_of in sorted(params.items()):
        config: dict[str, t.Any] = {"job_name": job, "file_sd_configs": [{"files": [f"targets/{job}.json"]}]}
        config.update(_web.scrape_config(job, webs.get(job, {})))
        if values_of:
            config["params"] = dict(sorted(values_of.items()))
        configs.append(config)
    for job in _probes.targets(model, server):
        config = {"job_name": job, "file_sd_configs": [{"files": [f"targets/{job}.json"]}]}
        configs.append({**config, **_web.scrape_config(job, webs.get(job, {}))})
    return configs + list(settings_of(model, "prometheus", server)["prometheus_extra_scrape_configs"])


def web_of_jobs(model: Model, server: str) -> dict[str, dict[str, t.Any]]:
    """Return, by job, what its targets need of monitoring_web; none of them is none. It is the same for all of a job."""
    found: dict[str, dict[str, t.Any]] = {}
    probers: dict[str, t.Any] = {}
    for _name, _host, item in endpoints(model, server):
        if "web" in item:
            found[item["job"]] = item["web"]
            if item["role"] == _probes.ROLE:
                probers = item["web"]
    return {**found, **dict.fromkeys(_probes.targets(model, server), probers)} if probers else found


def targets_files(model: Model, server: str) -> dict[str, str]:
    """Return, by job, a file_sd file with one target a line, so that a changed host is a changed line.

    It holds what `scrape_targets` returns.
    """
    jobs: dict[str, list[tuple[str, dict[str, t.Any], dict[str, t.Any]]]] = {}
    for name, host, item in endpoints(model, server):
        jobs.setdefault(item["job"], []).append((name, host, item))
    # Labels that hosts share are encoded once.
    shared: dict[int, str] = {}
    files = {job: _targets_file(targets, shared) for job, targets in sorted(jobs.items())}
    for job, groups in _probes.targets(model, server).items():
        files[job] = "[\n" + ",\n".join(map(_encode, groups)) + "\n]\n"
    return files


def _targets_file(targets: list[tuple[str, dict[str, t.Any], dict[str, t.Any]]], shared: dict[int, str]) -> str:
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


def alertmanagers(model: Model) -> dict[str, str]:
    """Return the addresses of the Alertmanagers, with their ports, by host."""
    return {
        name: host_port(model["hosts"][name]["address"], int(values["alertmanager_port"]))
        for name, values in serving(model, "alertmanager").items()
    }


def prometheus_config(model: Model, server: str) -> dict[str, t.Any]:
    """Return prometheus.yml of *server* as data. Its paths are relative, so that it means the same wherever it lies."""
    settings = settings_of(model, "prometheus", server)
    config: dict[str, t.Any] = {
        "global": {
            "scrape_interval": settings["prometheus_scrape_interval"],
            "scrape_timeout": settings["prometheus_scrape_timeout"],
            "evaluation_interval": settings["prometheus_evaluation_interval"],
        },
        "rule_files": ["rules/*.yml"],
    }
    if settings["prometheus_external_labels"]:
        config["global"]["external_labels"] = settings["prometheus_external_labels"]
    prefixes: dict[str, list[str]] = {}
    for name, address in alertmanagers(model).items():
        prefixes.setdefault(served_below(model["servers"]["alertmanager"][name], "alertmanager"), []).append(address)
    if prefixes:
        config["alerting"] = {
            "alertmanagers": [
                {**({"path_prefix": prefix} if prefix else {}), "static_configs": [{"targets": addresses}]}
                for prefix, addresses in prefixes.items()
            ]
        }
    config["scrape_configs"] = scrape_configs(model, server)
    return merged(config, settings["prometheus_extra_config"])


def prometheus_tree(model: Model, server: str) -> dict[str, t.Any]:
    """Return every file of the configuration of *server*: relative path -> text, or a dictionary of content and secret."""
    return _tree(model, server, prometheus_config(model, server))


def _tree(model: Model, server: str, config: dict[str, t.Any]) -> dict[str, t.Any]:
    files: dict[str, t.Any] = {"prometheus.yml": made_yaml(config)}
    for job, text in targets_files(model, server).items():
        files[f"targets/{job}.json"] = text
    for job, web in web_of_jobs(model, server).items():
        if web.get("username"):
            files[_web.password_file(job, web)] = {"content": str(web["password"]), "secret": True}
    for name, groups in _rules.alert_rules(model, server).items():
        files[f"rules/{name}.yml"] = made_yaml({"groups": groups})
    extra = settings_of(model, "prometheus", server)["prometheus_extra_rules"]
    if extra:
        files["rules/extra.yml"] = made_yaml({"groups": extra})
    return files


def rendered_files(model: Model) -> dict[str, str]:
    """Return every file of every Prometheus server, ``<server>/<relative path>`` -> text, with the tests of its own rules.

    Those of Alertmanagers lie below ``<server>/alertmanager``. No file holds a secret.

    :raises ValueError: where there is no server.
    """
    servers = serving(model, "prometheus")
    if not servers:
        raise ValueError(
            "the inventory has no Prometheus server: put one into its group (prometheus, or as monitoring_groups says)"
        )
    files = {
        f"{server}/{path}": f"{WORD}\n" if isinstance(file, dict) else file
        for server in servers
        for path, file in _tree(model, server, redacted(prometheus_config(model, server))).items()
    }
    # A parameter of a target is a label in its file. To look for secrets in the targets of a large fleet takes long.
    jobs = {item["job"] for host in model["hosts"].values() for item in host["endpoints"] if any(map(is_secret, item["params"]))}
    for name in (f"{server}/targets/{job}.json" for server in servers for job in jobs):
        if name in files:
            files[name] = redacted_text(files[name])
    for server, settings in servers.items():
        tests = settings["prometheus_extra_rule_tests"]
        if tests:
            # promtool looks for files beside the tests.
            data = {
                "rule_files": ["../rules/*.yml"],
                "evaluation_interval": settings["prometheus_evaluation_interval"],
                "tests": tests,
            }
            files[f"{server}/tests/extra.yml"] = made_yaml(data)
    for name, settings in serving(model, "alertmanager").items():
        files.update({f"{name}/alertmanager/{path}": text for path, text in _alertmanager.shown(settings).items()})
    return files


def expected_targets(
    model: Model, server: str, hosts: t.Iterable[str] | None = None, roles: t.Collection[str] = ()
) -> list[dict[str, str]]:
    """Return job, instance, host and address of every target that *server* should have up.

    :param hosts: these hosts' targets alone.
    :param roles: these roles' targets alone. An empty collection, or one with a name that is not a role's, selects all: a
        playbook that imports the collection's own may run it by a tag of any name.
    """
    if not set(roles) <= {contract.role for contract in contracts()}:
        roles = ()
    wanted = None if hosts is None else set(hosts)
    probed = [
        {"job": job, "instance": its["instance"], "host": its.get("host", ""), "address": group["targets"][0]}
        for job, groups in _probes.targets(model, server).items()
        for group in groups
        for its in [group["labels"]]
        if (wanted is None or its.get("host") in wanted) and (not roles or _probes.ROLE in roles)
    ]
    return probed + [
        {
            "job": item["job"],
            "instance": item["instance"],
            "host": name,
            "address": host_port(host["address"], item["port"]),
        }
        for name, host, item in endpoints(model, server)
        if (wanted is None or name in wanted) and (not roles or item["role"] in roles)
    ]
