# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the endpoints of all hosts together, to find those that conflict with each other. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import is_parameter_of_job
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Endpoint, Host, Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems

# Host, variable, value, remedy.
Problem = tuple[str, str, t.Any, str]


def validate_endpoints(model: Model, problems: Problems) -> None:
    """Report endpoints of *model* that conflict with each other."""
    for rule in (_duplicate_targets, _duplicate_ports, _different_params, _different_web_settings):
        for problem in rule(model):
            problems.add(*problem)


def _endpoints(model: Model) -> t.Iterator[tuple[str, str, Host, Endpoint]]:
    """Yield (name of the host, variable that defines the endpoint, host, endpoint)."""
    for name, host in model["hosts"].items():
        for item in host["endpoints"]:
            yield name, f"{item['role']}_port" if item["role"] else f"monitoring_scrapes[{item['job']}]", host, item


def _duplicate_targets(model: Model) -> t.Iterator[Problem]:
    """Find targets that have the same job and instance, or the same job and address: their series would collide in Prometheus."""
    instances: dict[tuple[str, str], str] = {}
    places: dict[tuple[str, ...], str] = {}
    for name, variable, host, item in _endpoints(model):
        job, where = item["job"], host_port(host["address"], item["port"])
        instance = job, item["instance"]
        place = job, where, item["path"], repr(item["params"]) if item["params"] else ""
        if instance in instances:
            problem = f"{instances[instance]} already has the target {item['instance']} in the job {job}. "
            yield name, variable, item["port"], problem + "Set another job or another instance for one of the two"
        elif place in places:
            problem = f"{places[place]} has the same target {where} in the job {job}. "
            yield name, variable, item["port"], problem + "Set another port or another monitoring_address for one of the two"
        instances[instance] = places[place] = name


def _duplicate_ports(model: Model) -> t.Iterator[Problem]:
    """Find exporters of one host with the same port: only one of them would start."""
    roles: dict[tuple[str, int], str] = {}
    for name, variable, _host, item in _endpoints(model):
        if item["role"]:
            first = roles.setdefault((name, item["port"]), item["role"])
            if first != item["role"]:
                yield name, variable, item["port"], f"{first} has the same port on this host. Set another port for one of the two"


def _different_params(model: Model) -> t.Iterator[Problem]:
    """Find targets with other values of a parameter that Prometheus can only set for a whole job."""
    jobs: dict[str, dict[str, list[str]]] = {}
    for _name, _variable, _host, item in _endpoints(model):
        for key, values in item["params"].items():
            if is_parameter_of_job(key, values):
                jobs.setdefault(item["job"], {}).setdefault(key, values)
    for name, variable, _host, item in _endpoints(model):
        for key, values in jobs.get(item["job"], {}).items():
            if item["params"].get(key) != values:
                problem = f"other targets of the job {item['job']} have {values}, which must be the same for the whole job. "
                yield name, f"{variable}.params.{key}", item["params"].get(key), problem + "Set another job for this target"


def _different_web_settings(model: Model) -> t.Iterator[Problem]:
    """Find targets of one job with different monitoring_web: Prometheus sets the password and the CA for a whole job."""
    first: dict[str, tuple[str, t.Any]] = {}
    for name, _variable, _host, item in _endpoints(model):
        if "web" in item:
            other, web = first.setdefault(item["job"], (name, item["web"]))
            if web != item["web"]:
                problem = f"{other} has a different value, and all targets of the job {item['job']} need the same one. "
                own = f"{item['role']}_web"
                variable = own if own in model["servers"].get(item["role"], {}).get(name, {}) else "monitoring_web"
                yield name, variable, "…", problem + "Set the same value for both"
