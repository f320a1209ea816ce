# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates the scrape options of the endpoints against the whole fleet. Private to the collection."""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import Version, is_older
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Endpoint, Host, Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import OPTIONS

# Options that monitoring_web sets for an endpoint.
_OF_WEB = {"basic_auth": "username", "bearer_token": "username", "bearer_token_file": "username", "tls": "ca_file"}
_SINCE = {name: option.since for name, option in OPTIONS.items()}
_SET_BY_WEB = "monitoring_web sets this for the endpoint: remove the option, or set web: false for the endpoint"


def validate_scrape_options(model: Model, problems: Problems, *, is_complete: bool) -> None:
    """Report options for jobs that no host has, options that a server's version lacks, and options that monitoring_web sets.

    :param is_complete: whether the model has all hosts of the inventory.
    """
    if is_complete:
        _check_jobs(model, problems)
    for server, settings in active_servers(model, "prometheus").items():
        newer = newer_options(server, settings.get("prometheus_version"), _SINCE)
        for name in settings["scrape_hosts"]:
            host = model["hosts"][name]
            for item in host["endpoints"]:
                for option, value in item.get("options", {}).items():
                    if option in newer:
                        problems.add(name, _variable(host, item, option), value, newer[option])
                    if option in _OF_WEB and item.get("web", {}).get(_OF_WEB[option]):
                        problems.add(name, _variable(host, item, option), "…", _SET_BY_WEB)


def _check_jobs(model: Model, problems: Problems) -> None:
    jobs = {item["job"] for host in model["hosts"].values() for item in host["endpoints"]}.union(model["jobs"])
    for name, host in model["hosts"].items():
        for job in host.get("scrape_options", {}):
            if job not in jobs:
                near = difflib.get_close_matches(job, jobs, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"The scrape jobs are {', '.join(sorted(jobs))}."
                problems.add(name, f"monitoring_scrape_options.{job}", "…", f"no endpoint has this scrape job. {hint}")


def newer_options(server: str, version: t.Any, since: t.Mapping[str, Version]) -> dict[str, str]:
    """Return the options that the *version* of Prometheus on *server* does not have, and what to do.

    :param since: the version that introduced each option.
    """
    lacks = f"{server} runs Prometheus {version}, which does not have this option"
    return {
        name: f"{lacks} (since {'.'.join(map(str, first))}): remove the option, or set prometheus_version"
        for name, first in since.items()
        if is_older(version, first)
    }


def _variable(host: Host, item: Endpoint, option: str) -> str:
    """Return the variable that an option of an endpoint comes from."""
    if option in host.get("scrape_options", {}).get(item["job"], {}):
        return f"monitoring_scrape_options.{item['job']}.{option}"
    return f"monitoring_scrapes[{item['job']}].{option}"
