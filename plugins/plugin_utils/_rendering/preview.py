# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render all files of all servers with redacted secrets, for review. Private to the collection."""

from __future__ import annotations

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import (
    REDACTED,
    is_secret,
    redacted,
    redacted_text,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import replicas_of, shard_name
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import made_yaml
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import alertmanager
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.mtail_examples import mtail_examples
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.prometheus import configuration_files, prometheus_config
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import pools


def rendered_files(model: Model) -> dict[str, str]:
    """Return all files of all Prometheus servers, ``<server>/<relative path>`` -> text, and the tests of extra rules.

    The files of Alertmanagers are below ``<server>/alertmanager``, the tests of log rules below ``mtail``. ``shards.yml`` has the
    hosts of each shard. Secrets are redacted.

    :raises ValueError: if there is no Prometheus server.
    """
    servers = active_servers(model, "prometheus")
    if not servers:
        raise ValueError(
            "the inventory has no Prometheus server. Add a host to the group prometheus (or as monitoring_groups sets it)"
        )
    files = {
        f"{server}/{path}": f"{REDACTED}\n" if isinstance(file, dict) else file
        for server in servers
        for path, file in configuration_files(model, server, redacted(prometheus_config(model, server))).items()
    }
    # A parameter is a label in a targets file. To redact all targets files of a large fleet would take long.
    for server in servers:
        for name, pool in pools(model, server).items():
            if any(is_secret(key) for _name, _host, item in pool.targets for key in item["params"]):
                path = f"{server}/targets/{name}.json"
                files[path] = redacted_text(files[path])
    for server, settings in servers.items():
        tests = settings["prometheus_extra_rule_tests"]
        if tests:
            # Paths in a test file are relative to the file.
            data = {
                "rule_files": ["../rules/*.yml"],
                "evaluation_interval": settings["prometheus_evaluation_interval"],
                "tests": tests,
            }
            files[f"{server}/tests/extra.yml"] = made_yaml(data)
    for name, settings in active_servers(model, "alertmanager").items():
        files.update({f"{name}/alertmanager/{path}": text for path, text in alertmanager.redacted_files(settings).items()})
    if model.get("logs_engine", "mtail") == "mtail":
        files.update({f"mtail/{path}": text for path, text in mtail_examples(model).items()})
    if any("shard" in settings for settings in servers.values()):
        files["shards.yml"] = made_yaml(_shards(model))
    return files


def _shards(model: Model) -> dict[str, dict[str, list[str]]]:
    """Return the servers and the hosts of each shard, so that a review shows which hosts a change of the inventory moves."""
    found: dict[str, dict[str, list[str]]] = {}
    for server, settings in active_servers(model, "prometheus").items():
        if "shard" in settings:
            hosts = [name for name in settings["scrape_hosts"] if model["hosts"][name]["endpoints"]]
            found[shard_name(model, server)] = {"servers": replicas_of(model, server), "hosts": hosts}
    return dict(sorted(found.items()))
