# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the inventory and the roles' scrape contracts to the model of the fleet. Private to the collection."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
import typing as t

import yaml
from ansible import template as ansible_template

from ansible_collections.vigie.monitoring.plugins.plugin_utils import _model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._inventory import Inventory

ROLES = pathlib.Path(__file__).parents[2] / "roles"
_VARIABLE = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")
Template = t.Callable[[t.Any, dict[str, t.Any]], t.Any]


@dataclasses.dataclass(frozen=True)
class Contract:
    """How Prometheus scrapes a role: its monitoring/scrape.yml, the defaults of its variables, and its rules."""

    role: str
    scrape: dict[str, t.Any]
    defaults: dict[str, t.Any]
    rules: str


@functools.lru_cache
def contracts(roles: pathlib.Path = ROLES) -> tuple[Contract, ...]:
    """Return the contracts of all *roles* that have one, by role."""
    found = []
    for path in sorted(roles.glob("*/monitoring/scrape.yml")):
        role = path.parents[1]
        rules = role / "monitoring" / "rules.yml"
        found.append(
            Contract(
                role=role.name,
                scrape=_trusted(yaml.safe_load(path.read_text())),
                defaults=_trusted(yaml.safe_load((role / "defaults" / "main.yml").read_text())),
                rules=rules.read_text() if rules.is_file() else "",
            )
        )
    return tuple(found)


def _trusted(value: t.Any) -> t.Any:
    """Return *value* with its texts marked as templates of ours: since ansible-core 2.19 no other is rendered."""
    trust = getattr(ansible_template, "trust_as_template", None)
    if trust is None:
        return value
    if isinstance(value, dict):
        return {key: _trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_trusted(item) for item in value]
    return trust(value) if isinstance(value, str) else value


def build(inventory: Inventory, all_contracts: t.Iterable[Contract], template: Template) -> tuple[_model.Model, list[str]]:
    """Return the model and the mistakes of the inventory, one line each.

    :param template: renders a value that may hold Jinja, with the variables of a host.
    """
    problems = _model.Problems()
    model: _model.Model = {"hosts": {}, "servers": {}, "rules": {}}
    members = _members(inventory, all_contracts)
    by_host: dict[str, list[Contract]] = {}
    for contract, names in members:
        for name in names:
            by_host.setdefault(name, []).append(contract)
        if names and contract.rules:
            model["rules"][contract.role] = contract.rules
        if contract.scrape.get("server"):
            model["servers"][contract.role] = {}
    for name in sorted(map(_model.plain, inventory.hosts)):
        host = _Host(inventory, name, template, problems)
        model["hosts"][name] = host.model(by_host.get(name, []))
        for contract in by_host.get(name, []):
            if contract.scrape.get("server"):
                model["servers"][contract.role][name] = host.settings(contract)
    _model.check_collisions(model, problems)
    _select_hosts(inventory, model, problems)
    return model, problems.lines


def _members(inventory: Inventory, all_contracts: t.Iterable[Contract]) -> list[tuple[Contract, list[str]]]:
    """Return each contract with the hosts of its group; monitoring_groups gives groups with other names."""
    groups = inventory.global_variable("monitoring_groups") or {}
    return [(contract, inventory.group(groups.get(contract.role, contract.role))) for contract in all_contracts]


def _select_hosts(inventory: Inventory, model: _model.Model, problems: _model.Problems) -> None:
    """Resolve which hosts each Prometheus server scrapes."""
    for name, settings in model["servers"].get("prometheus", {}).items():
        pattern = settings.get("prometheus_scrape_hosts") or "all"
        selected = inventory.select(pattern)
        if not selected:
            problems.add(name, "prometheus_scrape_hosts", pattern, "the pattern selects no host")
        settings["scrape_hosts"] = sorted(selected)


class _Host:
    """One host while the model is built."""

    def __init__(self, inventory: Inventory, name: str, template: Template, problems: _model.Problems) -> None:
        self._inventory = inventory
        self._name = name
        self._template = template
        self._problems = problems
        self._variables = inventory.variables(name)

    def model(self, host_contracts: t.Sequence[Contract]) -> dict[str, t.Any]:
        """Return the host's part of the model."""
        endpoints = [item for contract in host_contracts for item in self._endpoints(contract)]
        for raw in self._list("monitoring_scrapes"):
            endpoints += self._endpoint("", raw, "monitoring_scrapes")
        return {
            "address": str(self._address()),
            "roles": [contract.role for contract in host_contracts],
            "labels": _model.check_labels(self._dict("monitoring_labels"), self._name, "monitoring_labels", self._problems),
            "thresholds": self._dict("monitoring_thresholds"),
            "probes": self._list("monitoring_probes"),
            "endpoints": endpoints,
        }

    def settings(self, contract: Contract) -> dict[str, t.Any]:
        """Return the role's variables as this host has them."""
        available = {**contract.defaults, **self._variables}
        return {name: self._render(available[name], name, available) for name in contract.defaults}

    def _address(self) -> t.Any:
        for variable in ("monitoring_address", "ansible_host"):
            if self._variables.get(variable):
                return self._render(self._variables[variable], variable)
        return self._name

    def _dict(self, variable: str) -> dict[str, t.Any]:
        return _model.merge(self._rendered(variable), self._name, variable, self._problems)

    def _list(self, variable: str) -> list[t.Any]:
        return _model.concatenate(self._rendered(variable), self._name, variable, self._problems)

    def _rendered(self, variable: str) -> list[t.Any]:
        if variable not in self._variables:
            return []
        return [self._render(value, variable) for value in self._inventory.contributions(self._name, variable)]

    def _endpoints(self, contract: Contract) -> list[dict[str, t.Any]]:
        available = {**contract.defaults, **self._variables}
        if available.get(f"{contract.role}_state") == "absent":
            return []
        scrape = self._render({k: v for k, v in contract.scrape.items() if k != "server"}, contract.role, available)
        instances = scrape.pop("instances", None)
        if instances is None:
            return self._endpoint(contract.role, scrape, contract.role)
        found = []
        for instance in instances:
            found += self._endpoint(contract.role, {**scrape, **instance}, f"{contract.role}_instances")
        return found

    def _endpoint(self, role: str, raw: t.Any, variable: str) -> list[dict[str, t.Any]]:
        if not isinstance(raw, dict):
            self._problems.add(self._name, variable, raw, "it must be a dictionary with job and port")
            return []
        item = _model.endpoint(role, raw, self._name, variable, self._problems)
        return [item] if item else []

    def _render(self, value: t.Any, variable: str, available: dict[str, t.Any] | None = None) -> t.Any:
        """Return *value* as plain data, templated where it holds Jinja."""
        available = self._variables if available is None else available
        try:
            return self._plain(value, available)
        except Exception as error:  # noqa: BLE001 - whatever a template raises is a mistake of the inventory
            self._problems.add(self._name, variable, value, f"it cannot be templated: {error}")
            return None

    def _plain(self, value: t.Any, available: dict[str, t.Any]) -> t.Any:
        if isinstance(value, dict):
            return {str(key): self._plain(item, available) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._plain(item, available) for item in value]
        if not isinstance(value, str):
            # What is neither plain nor a text is a secret of Ansible's vault, which its templating opens.
            return (
                value
                if isinstance(value, (bool, int, float)) or value is None
                else _model.plain(self._template(value, available))
            )
        if "{{" not in value and "{%" not in value and "{#" not in value:
            return str.__str__(value)
        bare = _VARIABLE.fullmatch(value)
        if bare and bare.group(1) in available and available[bare.group(1)] is not value:
            return self._plain(available[bare.group(1)], available)
        return _model.plain(self._template(value, available))
