# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the files of a Prometheus server. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import probes
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.agents import VMAGENT, is_agent
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import is_parameter_of_job
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import (
    Model,
    active_servers,
    server_route_prefix,
    server_settings,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import scrape_config_of, secret_file
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import is_global
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import made_yaml, merged
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import (
    password_file,
    scrape_config,
    server_client_settings,
    server_scheme,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import federation, remote_write, rules, vmagent
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.scrape_limits import LIMIT, limit_groups
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import pools, scraped_endpoints, targets_files


def scrape_configs(model: Model, server: str) -> list[dict[str, t.Any]]:
    """Return the scrape configs of *server*: one for each scrape job and set of options, and prometheus_extra_scrape_configs.

    Each reads its targets from a file.
    """
    configs: list[dict[str, t.Any]] = []
    webs = web_of_jobs(model, server)
    of_server = pools(model, server)
    params: dict[str, dict[str, list[str]]] = {}
    for pool in of_server.values():
        of_job = params.setdefault(pool.job, {})
        for _name, _host, item in pool.targets:
            if item["params"]:
                of_job.update({key: values for key, values in item["params"].items() if is_parameter_of_job(key, values)})
    for name, pool in of_server.items():
        config: dict[str, t.Any] = {"job_name": name, "file_sd_configs": [{"files": [f"targets/{name}.json"]}]}
        config.update(scrape_config(pool.job, webs.get(pool.job, {})))
        config.update(scrape_config_of(name, pool.options))
        if params[pool.job]:
            config["params"] = dict(sorted(params[pool.job].items()))
        configs.append(config)
    for job in probes.probe_targets(model, server):
        config = {"job_name": job, "file_sd_configs": [{"files": [f"targets/{job}.json"]}]}
        configs.append({**config, **scrape_config(job, webs.get(job, {}))})
    if reading := federation.federation(model, server):
        configs.append(reading)
    return configs + list(server_settings(model, "prometheus", server)["prometheus_extra_scrape_configs"])


def web_of_jobs(model: Model, server: str) -> dict[str, dict[str, t.Any]]:
    """Return the keys of monitoring_web for each job that uses it. All targets of a job have the same."""
    found: dict[str, dict[str, t.Any]] = {}
    for _name, _host, item in scraped_endpoints(model, server):
        if "web" in item:
            found[item["job"]] = item["web"]
    # The exporters that probe for a shard can be targets of another shard.
    probers = {
        item["role"]: item["web"]
        for prober in probes.PROBERS
        for name in probes.exporters_of(prober, model, server)
        for item in model["hosts"][name]["endpoints"]
        if item["role"] == prober.role and "web" in item
    }
    probed = {job: probes.role_of(job) for job in probes.probe_targets(model, server)} if probers else {}
    return {**found, **{job: probers[role] for job, role in probed.items() if role in probers}}


def alertmanagers(model: Model) -> dict[str, str]:
    """Return the addresses of the Alertmanagers, with their ports, by host."""
    return {
        name: host_port(model["hosts"][name]["address"], int(values["alertmanager_port"]))
        for name, values in active_servers(model, "alertmanager").items()
    }


def prometheus_config(model: Model, server: str) -> dict[str, t.Any]:
    """Return prometheus.yml of *server* as data. Paths are relative, so that the configuration works in any directory."""
    settings = server_settings(model, "prometheus", server)
    config: dict[str, t.Any] = {
        "global": {
            "scrape_interval": settings["prometheus_scrape_interval"],
            "scrape_timeout": settings["prometheus_scrape_timeout"],
        },
    }
    # An agent refuses the sections for rules and alerts.
    if not is_agent(settings):
        config["global"]["evaluation_interval"] = settings["prometheus_evaluation_interval"]
        config["rule_files"] = ["rules/*.yml"]
    if settings["prometheus_external_labels"]:
        config["global"]["external_labels"] = settings["prometheus_external_labels"]
    alerting = [] if is_agent(settings) else _alerting(model)
    if alerting:
        config["alerting"] = {"alertmanagers": alerting}
        if different := settings.get("labels_of_replica"):
            config["alerting"]["alert_relabel_configs"] = [{"action": "labeldrop", "regex": "|".join(different)}]
    if isinstance(otlp := settings["prometheus_otlp"], dict):
        config["otlp"] = {key: value for key, value in otlp.items() if key not in ("senders", "out_of_order_time_window")}
        if "out_of_order_time_window" in otlp:
            config["storage"] = {"tsdb": {"out_of_order_time_window": otlp["out_of_order_time_window"]}}
    if settings.get("prometheus_mode") == VMAGENT:
        # vmagent has flags for the stores, and no receiver for OTLP in its configuration.
        config.pop("otlp", None)
        config.pop("storage", None)
    elif written := remote_write.remote_write(model, server, config["global"].get("external_labels", {})):
        config["remote_write"] = written
    config["scrape_configs"] = scrape_configs(model, server)
    if reading := federation.remote_read(model, server):
        config["remote_read"] = reading
    return merged(config, settings["prometheus_extra_config"])


def _alerting(model: Model) -> list[dict[str, t.Any]]:
    """Return the Alertmanagers, in one item for all that Prometheus reaches in the same way."""
    items: dict[str, dict[str, t.Any]] = {}
    for name, address in alertmanagers(model).items():
        settings = model["servers"]["alertmanager"][name]
        prefix, scheme = server_route_prefix(settings, "alertmanager"), server_scheme(settings, "alertmanager")
        way = {
            **({"path_prefix": prefix} if prefix else {}),
            **({"scheme": scheme} if scheme != "http" else {}),
            **scrape_config("alertmanager", server_client_settings(settings, "alertmanager")),
        }
        item = items.setdefault(repr(way), {**way, "static_configs": [{"targets": []}]})
        item["static_configs"][0]["targets"].append(address)
    return list(items.values())


def prometheus_tree(model: Model, server: str) -> dict[str, t.Any]:
    """Return all configuration files of *server*: relative path -> text, or a dictionary with content and secret."""
    return configuration_files(model, server, prometheus_config(model, server))


def configuration_files(model: Model, server: str, config: dict[str, t.Any]) -> dict[str, t.Any]:
    files: dict[str, t.Any] = {"prometheus.yml": made_yaml(config)}
    for job, text in targets_files(model, server).items():
        files[f"targets/{job}.json"] = text
    webs = [*web_of_jobs(model, server).items(), (federation.JOB, federation.federated_web(model, server))]
    webs += [
        ("alertmanager", server_client_settings(settings, "alertmanager"))
        for settings in active_servers(model, "alertmanager").values()
    ]
    webs += remote_write.secrets(model, server)
    for job, web in webs:
        if web.get("username"):
            files[password_file(job, web)] = {"content": str(web["password"]), "secret": True}
    of_server = pools(model, server)
    for name, pool in of_server.items():
        secret = secret_file(name, pool.options)
        if secret:
            files[secret[0]] = {"content": secret[1], "secret": True}
    if is_agent(server_settings(model, "prometheus", server)):
        return {**files, **vmagent.relabeling_files(model, server)}
    # Without a rule that reads the series, nothing needs them.
    if not is_global(server_settings(model, "prometheus", server)) and any(LIMIT in text for text in model["rules"].values()):
        files["rules/limits.yml"] = made_yaml({"groups": limit_groups(of_server, config["global"]["scrape_timeout"])})
    for name, groups in rules.alert_rules(model, server).items():
        files[f"rules/{name}.yml"] = made_yaml({"groups": groups})
    extra = server_settings(model, "prometheus", server)["prometheus_extra_rules"]
    if extra:
        files["rules/extra.yml"] = made_yaml({"groups": extra})
    return files
