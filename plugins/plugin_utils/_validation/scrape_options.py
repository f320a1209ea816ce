# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates the scrape options of the endpoints against the whole fleet. Private to the collection."""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_version
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Endpoint, Host, Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import OPTIONS

# Options that monitoring_web sets for an endpoint.
_OF_WEB = {"basic_auth": "username", "bearer_token": "username", "bearer_token_file": "username", "tls": "ca_file"}


def validate_scrape_options(model: Model, problems: Problems, *, is_complete: bool) -> None:
    """Report options for jobs that no host has, options that a server's version lacks, and options that monitoring_web sets.

    :param is_complete: whether the model has all hosts of the inventory.
    """
    if is_complete:
        _check_jobs(model, problems)
    for server, settings in active_servers(model, "prometheus").items():
        for name in settings["scrape_hosts"]:
            host = model["hosts"][name]
            for item in host["endpoints"]:
                if "options" in item:
                    found = [*_of_web(item), *_of_newer_versions(item, server, str(settings.get("prometheus_version")))]
                    for option, value, remedy in found:
                        problems.add(name, _variable(host, item, option), value, remedy)


def _check_jobs(model: Model, problems: Problems) -> None:
    jobs = {item["job"] for host in model["hosts"].values() for item in host["endpoints"]}.union(model["jobs"])
    for name, host in model["hosts"].items():
        for job in host.get("scrape_options", {}):
            if job not in jobs:
                near = difflib.get_close_matches(job, jobs, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"The scrape jobs are {', '.join(sorted(jobs))}."
                problems.add(name, f"monitoring_scrape_options.{job}", "…", f"no endpoint has this scrape job. {hint}")


def _of_newer_versions(item: Endpoint, server: str, version: str) -> t.Iterator[tuple[str, t.Any, str]]:
    # The version "latest" has no numbers.
    numbers = parse_version(version)
    for option, value in item["options"].items() if numbers else ():
        since = OPTIONS[option].since
        if numbers < since:
            remedy = "remove the option, or set prometheus_version"
            introduced = ".".join(map(str, since))
            yield (
                option,
                value,
                f"{server} runs Prometheus {version}, which does not have this option (since {introduced}): {remedy}",
            )


def _of_web(item: Endpoint) -> t.Iterator[tuple[str, t.Any, str]]:
    for option, key in _OF_WEB.items():
        if option in item["options"] and item.get("web", {}).get(key):
            yield option, "…", "monitoring_web sets this for the endpoint: remove the option, or set web: false for the endpoint"


def _variable(host: Host, item: Endpoint, option: str) -> str:
    """Return the variable that an option of an endpoint comes from."""
    of_job: t.Mapping[str, t.Any] = host.get("scrape_options", {}).get(item["job"], {})
    return f"monitoring_scrape{'_options.' if option in of_job else 's['}{item['job']}{'' if option in of_job else ']'}.{option}"
