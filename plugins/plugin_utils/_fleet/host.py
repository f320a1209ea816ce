# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build one host of the fleet model. Private to the collection."""

from __future__ import annotations

import functools
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import addresses, presets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import ENDPOINT_KEYS, build_endpoint
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import (
    label_problem,
    parse_thresholds,
    threshold_format_problem,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.host_logs import host_log_files, host_logs
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.host_templates import REFERENCE, HostTemplates
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import HostVariables
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.merging import merged_dictionary, merged_list
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Endpoint, Host
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import options_problem
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import (
    MISSING,
    Overlay,
    Renderer,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import client_settings, web_problems


class HostBuilder:
    """Builds the part of the model for one host."""

    def __init__(
        self,
        name: str,
        variables: HostVariables,
        render: Renderer,
        problems: Problems,
        load_presets: presets.Load = presets.presets,
    ) -> None:
        """Take the *name* and *variables* of the host, the list to add problems to, and what reads the files of the presets."""
        self._name = name
        self._load_presets = load_presets
        self._variables = variables
        self._templates = HostTemplates(name, variables, render, problems)
        self._rendered_web: t.Any = None
        self._web_settings: dict[str, t.Any] | None = None

    def model(self, contracts: t.Sequence[Contract]) -> Host:
        """Return the part of the model for the host."""
        logs = host_logs(self._templates)
        if not logs:
            contracts = [contract for contract in contracts if not contract.reads_logs]
        options = merged_dictionary(self._templates, "monitoring_scrape_options", options_problem)
        endpoints = [item for contract in contracts for item in self._endpoints(contract)]
        of_presets = presets.host_scrapes(self._templates, self._load_presets)
        found: Host = {
            "address": self._address(),
            "roles": [contract.role for contract in contracts],
            "versions": self._versions(contracts),
            "labels": merged_dictionary(self._templates, "monitoring_labels", label_problem),
            "thresholds": parse_thresholds(merged_dictionary(self._templates, "monitoring_thresholds", threshold_format_problem)),
            "probes": merged_list(self._templates, "monitoring_probes"),
            "endpoints": _with_overrides(endpoints, self._scrapes(of_presets)),
        }
        # Few hosts have these keys.
        if of_presets:
            found["presets"] = sorted({name for name, _raw in of_presets})
        if sources := self._sources():
            found["sources"] = sources
        if snmp := merged_list(self._templates, "monitoring_snmp"):
            found["snmp"] = snmp
        if maintenance := merged_list(self._templates, "monitoring_maintenance"):
            found["maintenance"] = maintenance
        if logs:
            found["logs"] = logs
        if log_files := host_log_files(self._templates):
            found["log_files"] = log_files
        if options:
            found["scrape_options"] = options
            _add_options(found["endpoints"], options)
        return found if self._is_scraped() else {**found, "scraped": False}

    def settings(self, contract: Contract) -> dict[str, t.Any]:
        """Return the variables of the role of *contract*, with the values of this host."""
        available = Overlay(self._variables, contract.defaults)
        rendered = {name: self._templates.render(available.get(name), name, available) for name in contract.defaults}
        return {name: None if value is MISSING else value for name, value in rendered.items()}

    def _versions(self, contracts: t.Sequence[Contract]) -> dict[str, str]:
        """Return the version of the program of each role."""
        found = {}
        for contract in contracts:
            variable = f"{contract.role}_version"
            if variable in contract.defaults:
                available = Overlay(self._variables, contract.defaults)
                version = self._templates.render(available.get(variable), variable, available)
                if version is not MISSING:
                    found[contract.role] = str(version)
        return found

    def _address(self) -> str:
        for variable in ("monitoring_address", "ansible_host"):
            raw = self._variables.get(variable)
            if raw is MISSING or not raw:
                continue
            value = self._templates.render(raw, variable)
            if value is not MISSING and value is not None and value != "":
                found = addresses.parse_address(value)
                if found is not None:
                    return found
                remedy = "must be a host name, an IPv4 address or an IPv6 address, without scheme and port"
                self._templates.report(variable, value, remedy)
                break
        return self._name

    def _sources(self) -> list[str]:
        variable = "monitoring_source_addresses"
        raw = self._variables.get(variable)
        if raw is MISSING:
            return []
        found = []
        for value in self._templates.of_kind(self._templates.render(raw, variable), variable, list):
            source = addresses.parse_source(value)
            if source is None:
                self._templates.report(
                    variable, value, "must be a host name, an IPv4 or IPv6 address, or a network (192.0.2.0/24)"
                )
            else:
                found.append(source)
        return found

    def _is_scraped(self) -> bool:
        """Return whether monitoring_scraped allows Prometheus servers to scrape the host."""
        variable = "monitoring_scraped"
        raw = self._variables.get(variable)
        value = True if raw is MISSING else self._templates.render(raw, variable)
        try:
            # An extra variable can be a string.
            return value is MISSING or value is None or boolean(value)
        except TypeError:
            self._templates.report(variable, value, "must be true or false")
            return True

    def _scrapes(self, of_presets: list[tuple[str, dict[str, t.Any]]]) -> list[Endpoint]:
        """Return the endpoints of presets and of monitoring_scrapes.

        A later one overrides an earlier one with the same job, port and path.
        """
        found: dict[tuple[str, ...], tuple[str, t.Any]] = {}
        entries = [(f"{presets.VARIABLE}[{name}]", raw) for name, raw in of_presets]
        for index, raw in enumerate(merged_list(self._templates, "monitoring_scrapes")):
            named = raw["job"] if isinstance(raw, dict) and isinstance(raw.get("job"), str) else index
            entries.append((f"monitoring_scrapes[{named}]", raw))
        for named, raw in entries:
            fields = raw if isinstance(raw, dict) else {"job": named}
            key = (str(fields.get("job")), str(fields.get("port")), str(fields.get("path") or "/metrics"))
            found[key] = named, raw
        return [item for named, raw in found.values() for item in self._endpoint("", raw, functools.partial(_field_name, named))]

    def _endpoints(self, contract: Contract) -> list[Endpoint]:
        available = Overlay(self._variables, contract.defaults)
        state = available.get(f"{contract.role}_state")
        if state is not MISSING and self._templates.render(state, f"{contract.role}_state", available) == "absent":
            return []
        scrape = {key: value for key, value in contract.scrape.items() if key in ENDPOINT_KEYS}
        if "instances" not in contract.scrape:
            raw = {
                key: self._templates.render(value, _contract_variable(contract, key), available) for key, value in scrape.items()
            }
            return self._endpoint(contract.role, raw, functools.partial(_contract_variable, contract))
        variable = _contract_variable(contract, "instances")
        instances = self._templates.render(contract.scrape["instances"], variable, available)
        found = []
        for index, item in enumerate(self._templates.of_kind(instances, variable, list)):
            if not isinstance(item, dict):
                self._templates.report(f"{variable}[{index}]", item, "must be a dictionary")
                continue
            within = Overlay(self._variables, contract.defaults, {"item": item})
            raw = {
                key: item[key] if key in item else self._templates.render(scrape[key], _contract_variable(contract, key), within)
                for key in ENDPOINT_KEYS
                if key in item or key in scrape
            }
            named = f"{variable}[{item.get('name', index)}]"
            found += self._endpoint(contract.role, raw, functools.partial(_instance_variable, contract, item, named))
        return found

    def _endpoint(self, role: str, raw: t.Any, origin: t.Callable[[str], str]) -> list[Endpoint]:
        """Return a list with the endpoint, or an empty list if *raw* has problems.

        :param origin: returns the name of the variable that a field comes from.
        """
        if not isinstance(raw, dict):
            self._templates.report(origin(""), raw, "must be a dictionary with job and port")
            return []
        if MISSING in raw.values():
            return []
        own_web = None
        if role and not isinstance(raw.get("web", False), bool):
            # A server has a variable of its own for TLS and the password.
            own_web = raw["web"]
            raw = {**raw, "web": bool(own_web)}
        found = build_endpoint(role, raw, self._name, lambda field, *problem: self._templates.report(origin(field), *problem))
        if not found:
            return []
        web = self._web(own_web, origin("web")) if raw.get("web") is True else {}
        if web:
            scheme = raw.get("scheme") or ("https" if web.get("cert_file") else "http")
            found["scheme"], found["web"] = scheme, client_settings(web)
        return [found]

    def _web(self, own: t.Any, variable: str) -> dict[str, t.Any]:
        """Return monitoring_web, or an empty dictionary if the variable has problems.

        :param own: the value of *variable*, which a server has in place of monitoring_web; None for an exporter.
        """
        if self._web_settings is None:
            raw = self._variables.get("monitoring_web")
            self._rendered_web = {} if raw is MISSING or not raw else self._templates.render(raw, "monitoring_web")
        # The default of the own variable is monitoring_web: a problem of monitoring_web is reported once.
        if own is not None and own != self._rendered_web:
            return self._valid_web(own, variable)
        if self._web_settings is None:
            self._web_settings = self._valid_web(self._rendered_web, "monitoring_web")
        return self._web_settings

    def _valid_web(self, value: t.Any, variable: str) -> dict[str, t.Any]:
        """Return *value*, or an empty dictionary after a report of its problems, without secrets, as those of *variable*."""
        web: dict[str, t.Any] = self._templates.of_kind(value, variable, dict)
        problems = web_problems(web)
        for field, remedy in problems:
            self._templates.report(f"{variable}.{field}", "…", remedy)
        return {} if problems else web


def _add_options(endpoints: list[Endpoint], options: dict[str, dict[str, t.Any]]) -> None:
    """Add the *options* of the scrape jobs to the *endpoints*. Options of an endpoint itself override them."""
    for item in endpoints:
        of_job = options.get(item["job"])
        if of_job:
            # Endpoints without options of their own share the dictionary, which merging also shares between hosts.
            item["options"] = {**of_job, **item["options"]} if "options" in item else of_job


def _with_overrides(of_roles: list[Endpoint], scrapes: list[Endpoint]) -> list[Endpoint]:
    """Return all endpoints. One of *scrapes* overrides an endpoint of a role with the same job, port and path."""
    if not scrapes or not of_roles:
        return of_roles + scrapes
    overrides = {(item["job"], item["port"], item["path"]): item for item in scrapes}
    found = []
    for item in of_roles:
        own = overrides.pop((item["job"], item["port"], item["path"]), None)
        found.append({**own, "role": item["role"]} if own else item)
    return found + list(overrides.values())


def _contract_variable(contract: Contract, field: str) -> str:
    """Return the name of the variable that a field of a *contract* gets the value from."""
    value = contract.scrape.get(field.partition(".")[0])
    named = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return named.group(1) if named else f"{field} of {contract.role}"


def _field_name(named: str, field: str) -> str:
    """Return the name of a *field* below *named*, or *named* itself if the field is empty."""
    return f"{named}.{field}" if field else named


def _instance_variable(contract: Contract, item: dict[str, t.Any], named: str, field: str) -> str:
    """Return the name of the variable of a *field*: the *item* in the list of instances, or the variable in the contract."""
    return _field_name(named, field) if field in item else _contract_variable(contract, field)
