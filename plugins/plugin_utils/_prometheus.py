# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the model of the fleet to the files of a Prometheus server. Private to the collection."""

from __future__ import annotations

import json
import typing as t

import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._model import Model, plain

HEADER = "# Made by vigie.monitoring from the inventory. Changes made here are lost at its next run.\n"
TargetGroup = dict[str, t.Any]


def host_port(address: str, port: int) -> str:
    """Return *address* and *port* as one; an IPv6 address gets brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def settings_of(model: Model, server: str) -> dict[str, t.Any]:
    """Return the variables of the Prometheus *server*.

    :raises ValueError: where it is none.
    """
    servers = model["servers"].get("prometheus", {})
    if server not in servers:
        known = ", ".join(sorted(servers)) or "none"
        raise ValueError(f"{server} is no Prometheus server: put it into the inventory's group for them (there are: {known})")
    return servers[server]


def endpoints(model: Model, server: str) -> t.Iterator[tuple[str, dict[str, t.Any], dict[str, t.Any]]]:
    """Yield (host's name, host, endpoint) for everything that *server* scrapes, by host."""
    selected = set(settings_of(model, server)["scrape_hosts"])
    for name, host in model["hosts"].items():
        if name in selected:
            for item in host["endpoints"]:
                yield name, host, item


def scrape_targets(model: Model, server: str) -> dict[str, list[TargetGroup]]:
    """Return, by job, the file_sd groups of *server*: one a target, in the order of the hosts."""
    jobs: dict[str, list[TargetGroup]] = {}
    for name, host, item in endpoints(model, server):
        labels = {**host["labels"], **item["labels"], "host": name, "instance": item["instance"]}
        if item["path"] != "/metrics":
            labels["__metrics_path__"] = item["path"]
        if item["scheme"] != "http":
            labels["__scheme__"] = item["scheme"]
        for key, values in item["params"].items():
            # Prometheus takes one value of a parameter from a label (its documentation, relabel_config).
            labels[f"__param_{key}"] = str(values[0])
        group = {"targets": [host_port(host["address"], item["port"])], "labels": dict(sorted(labels.items()))}
        jobs.setdefault(item["job"], []).append(group)
    return dict(sorted(jobs.items()))


def scrape_configs(model: Model, server: str) -> list[dict[str, t.Any]]:
    """Return the scrape configs of *server*: one a job, with its targets in a file of their own, and the server's own."""
    jobs = [{"job_name": job, "file_sd_configs": [{"files": [f"targets/{job}.json"]}]} for job in scrape_targets(model, server)]
    return jobs + list(settings_of(model, server)["prometheus_extra_scrape_configs"])


def targets_file(groups: t.Iterable[TargetGroup]) -> str:
    """Return a file_sd file with one target a line, so that a changed host is a changed line."""
    return "[\n" + ",\n".join(json.dumps(group, ensure_ascii=False) for group in groups) + "\n]\n"


def prometheus_config(model: Model, server: str) -> dict[str, t.Any]:
    """Return prometheus.yml of *server* as data. Its paths are relative, so that it means the same wherever it lies."""
    settings = settings_of(model, server)
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
    alertmanagers = [
        host_port(model["hosts"][name]["address"], int(values["alertmanager_port"]))
        for name, values in model["servers"].get("alertmanager", {}).items()
        if values["alertmanager_state"] != "absent"
    ]
    if alertmanagers:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": alertmanagers}]}]}
    config["scrape_configs"] = scrape_configs(model, server)
    return config


def prometheus_tree(model: Model, server: str) -> dict[str, str]:
    """Return every file of the configuration of *server*: relative path -> text."""
    files = {"prometheus.yml": HEADER + _yaml(prometheus_config(model, server))}
    for job, groups in scrape_targets(model, server).items():
        files[f"targets/{job}.json"] = targets_file(groups)
    for role, text in model["rules"].items():
        files[f"rules/{role}.yml"] = text
    extra = settings_of(model, server)["prometheus_extra_rules"]
    if extra:
        files["rules/extra.yml"] = HEADER + _yaml({"groups": extra})
    return files


def rendered_files(model: Model) -> dict[str, str]:
    """Return every file of every Prometheus server: ``<server>/<relative path>`` -> text."""
    servers = model["servers"].get("prometheus", {})
    return {f"{server}/{path}": text for server in servers for path, text in prometheus_tree(model, server).items()}


def expected_targets(
    model: Model, server: str, hosts: t.Container[str] | None = None, roles: t.Collection[str] = ()
) -> list[dict[str, str]]:
    """Return job, instance, host and address of every target that *server* should have up.

    :param hosts: these hosts' targets alone.
    :param roles: these roles' targets alone; none of them is all.
    """
    return [
        {
            "job": item["job"],
            "instance": item["instance"],
            "host": name,
            "address": host_port(host["address"], item["port"]),
        }
        for name, host, item in endpoints(model, server)
        if (hosts is None or name in hosts) and (not roles or item["role"] in roles)
    ]


def _yaml(data: t.Any) -> str:
    return yaml.safe_dump(plain(data), sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
