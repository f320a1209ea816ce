# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the model. Private to the collection."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.vigie.monitoring.plugins.plugin_utils import _model, _web
from ansible_collections.vigie.monitoring.plugins.plugin_utils._contracts import Contract
from ansible_collections.vigie.monitoring.plugins.plugin_utils._inventory import HostVariables
from ansible_collections.vigie.monitoring.plugins.plugin_utils._values import (
    MISSING,
    OMITTED,
    Overlay,
    Renderer,
    Variables,
    is_static,
    plain,
)

_REFERENCE = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")
_SYNTAX = re.compile(r"(?i)syntax error|template error|unexpected|expected token|unknown tag|no (filter|test) named")
_SECRETS = "secrets of the vault"
Check = t.Callable[[str, t.Any], str | None]


@dataclasses.dataclass
class _Fold:
    """What the groups give to a variable whose dictionaries merge: worked out once for all hosts with the same groups."""

    # What is the same for every host, and right.
    plain: dict[str, t.Any]
    # What is the same for every host, and wrong: value and remedy.
    wrong: dict[str, tuple[t.Any, str]]
    # What is to be templated for each host.
    raw: dict[str, t.Any]
    # Values of the variable that are no dictionary, or not yet: with one of these, all of them, and nothing above.
    contributions: list[t.Any]


def _fold(contributions: list[t.Any], check: Check) -> _Fold:
    contributions = [value for value in contributions if value is not None]
    if not all(isinstance(value, dict) for value in contributions):
        return _Fold({}, {}, {}, contributions)
    entries: dict[str, t.Any] = {}
    for value in contributions:
        entries.update(value)
    fold = _Fold({}, {}, {}, [])
    for tagged, value in entries.items():
        key = _text(tagged)
        if not is_static(value):
            fold.raw[key] = value
            continue
        remedy = check(key, plain(value)) if value is not None else None
        if remedy:
            fold.wrong[key] = plain(value), remedy
        elif value is not None:
            fold.plain[key] = plain(value)
    fold.plain = dict(sorted(fold.plain.items()))
    return fold


class HostBuilder:
    """One host while the model is built."""

    def __init__(self, name: str, variables: HostVariables, render: Renderer, problems: _model.Problems) -> None:
        """Take the *name* of the host, its *variables*, and where its mistakes are told."""
        self._name = name
        self._variables = variables
        self._renderer = render
        self._problems = problems
        self._secrets: list[str] | None = None
        self._its_web: dict[str, t.Any] | None = None

    def model(self, contracts: t.Sequence[Contract]) -> dict[str, t.Any]:
        """Return the host's part of the model."""
        endpoints = [item for contract in contracts for item in self._endpoints(contract)]
        found = {
            "address": self._address(),
            "roles": [contract.role for contract in contracts],
            "versions": self._versions(contracts),
            "labels": self._dictionary("monitoring_labels", _model.label_problem),
            "thresholds": _model.thresholds(self._dictionary("monitoring_thresholds", _model.threshold_problem)),
            "probes": self._list("monitoring_probes"),
            "endpoints": _replaced(endpoints, self._scrapes()),
        }
        # Few have them.
        if sources := self._sources():
            found["sources"] = sources
        return found if self._is_scraped() else {**found, "scraped": False}

    def settings(self, contract: Contract) -> dict[str, t.Any]:
        """Return the role's variables as this host has them."""
        available = Overlay(self._variables, contract.defaults)
        rendered = {name: self._render(available.get(name), name, available) for name in contract.defaults}
        return {name: None if value is MISSING else value for name, value in rendered.items()}

    def _versions(self, contracts: t.Sequence[Contract]) -> dict[str, str]:
        """Return the version of each role's program."""
        found = {}
        for contract in contracts:
            variable = f"{contract.role}_version"
            if variable in contract.defaults:
                available = Overlay(self._variables, contract.defaults)
                version = self._render(available.get(variable), variable, available)
                if version is not MISSING:
                    found[contract.role] = str(version)
        return found

    def _address(self) -> str:
        for variable in ("monitoring_address", "ansible_host"):
            raw = self._variables.get(variable)
            if raw is MISSING or not raw:
                continue
            value = self._render(raw, variable)
            if value is not MISSING and value is not None and value != "":
                found = _model.address(value)
                if found is not None:
                    return found
                remedy = "an address is a name, an IPv4 or an IPv6 address, without scheme and port"
                self._tell(variable, value, remedy)
                break
        return self._name

    def _sources(self) -> list[str]:
        variable = "monitoring_source_addresses"
        raw = self._variables.get(variable)
        if raw is MISSING:
            return []
        found = []
        for value in self._of_kind(self._render(raw, variable), variable, list):
            source = _model.source(value)
            if source is None:
                self._tell(variable, value, "a source is a name, an IPv4 or an IPv6 address, or a network (192.0.2.0/24)")
            else:
                found.append(source)
        return found

    def _is_scraped(self) -> bool:
        """Return whether Prometheus servers scrape the host, as it says itself."""
        variable = "monitoring_scraped"
        raw = self._variables.get(variable)
        value = True if raw is MISSING else self._render(raw, variable)
        try:
            # An extra variable is a text.
            return value is MISSING or value is None or boolean(value)
        except TypeError:
            self._tell(variable, value, "it must be true or false")
            return True

    def _dictionary(self, variable: str, check: Check) -> dict[str, t.Any]:
        """Return a variable whose dictionaries merge, without what *check* finds wrong; a null takes an entry away."""
        memo = self._variables.share.memo
        if variable not in memo:
            memo[variable] = _fold(self._variables.group_contributions(variable), check)
        fold: _Fold = memo[variable]
        own = self._variables.own_contributions(variable)
        if not (own or fold.raw or fold.contributions or fold.wrong):
            # The same one for all hosts with the same groups: 30 labels of 10,000 hosts are 20 MB.
            return fold.plain
        merged = fold.plain.copy()
        # By key: the value, and whether it is rendered already.
        entries = {key: (value, False) for key, value in fold.raw.items()}
        for contribution in (*fold.contributions, *own):
            opened, rendered = self._opened(contribution, variable, dict)
            entries.update((_text(key), (value, rendered)) for key, value in opened.items())
        for key, (raw, rendered) in entries.items():
            value = raw if rendered else self._render(raw, f"{variable}.{key}")
            remedy = None if value is None or value is MISSING else check(key, value)
            if value is None or value is MISSING or remedy:
                merged.pop(key, None)
            else:
                merged[key] = value
            if remedy:
                self._tell(f"{variable}.{key}", value, remedy)
        for key, (value, remedy) in fold.wrong.items():
            if key not in entries:
                self._tell(f"{variable}.{key}", value, remedy)
        return dict(sorted(merged.items()))

    def _list(self, variable: str) -> list[t.Any]:
        """Return a variable whose lists are put one behind the other, the strongest last."""
        items: list[t.Any] = []
        for contribution in (*self._variables.group_contributions(variable), *self._variables.own_contributions(variable)):
            opened, rendered = self._opened(contribution, variable, list)
            items += (
                opened if rendered else [self._render(item, f"{variable}[{len(items) + n}]") for n, item in enumerate(opened)]
            )
        return [item for item in items if item is not MISSING]

    def _opened(self, value: t.Any, variable: str, kind: type) -> tuple[t.Any, bool]:
        """Return the dictionary or list that *value* is, and whether what is in it is rendered already."""
        rendered = not isinstance(value, (dict, list))
        return self._of_kind(self._render(value, variable) if rendered else value, variable, kind), rendered

    def _of_kind(self, value: t.Any, variable: str, kind: type) -> t.Any:
        """Return *value* where it is of a *kind*, and an empty one where it is not."""
        if isinstance(value, kind):
            return value
        if value is not None and value is not MISSING:
            self._tell(variable, value, f"it must be a {'dictionary' if kind is dict else 'list'}")
        return kind()

    def _scrapes(self) -> list[dict[str, t.Any]]:
        """Return the endpoints of monitoring_scrapes; a later one replaces one with the same job, port and path."""
        found: dict[tuple[str, ...], tuple[int, t.Any]] = {}
        for index, raw in enumerate(self._list("monitoring_scrapes")):
            fields = raw if isinstance(raw, dict) else {"job": index}
            key = (str(fields.get("job")), str(fields.get("port")), str(fields.get("path") or "/metrics"))
            found[key] = index, raw
        endpoints = []
        for index, raw in found.values():
            named = raw["job"] if isinstance(raw, dict) and isinstance(raw.get("job"), str) else index
            endpoints += self._endpoint("", raw, functools.partial(_field, f"monitoring_scrapes[{named}]"))
        return endpoints

    def _endpoints(self, contract: Contract) -> list[dict[str, t.Any]]:
        available = Overlay(self._variables, contract.defaults)
        state = available.get(f"{contract.role}_state")
        if state is not MISSING and self._render(state, f"{contract.role}_state", available) == "absent":
            return []
        scrape = {key: value for key, value in contract.scrape.items() if key not in ("server", "whole", "instances", "access")}
        if "instances" not in contract.scrape:
            raw = {key: self._render(value, _origin(contract, key), available) for key, value in scrape.items()}
            return self._endpoint(contract.role, raw, functools.partial(_origin, contract))
        variable = _origin(contract, "instances")
        instances = self._render(contract.scrape["instances"], variable, available)
        found = []
        for index, item in enumerate(self._of_kind(instances, variable, list)):
            if not isinstance(item, dict):
                self._tell(f"{variable}[{index}]", item, "it must be a dictionary")
                continue
            within = Overlay(self._variables, contract.defaults, {"item": item})
            raw = {
                key: item[key] if key in item else self._render(scrape[key], _origin(contract, key), within)
                for key in _model.ENDPOINT_KEYS
                if key in item or key in scrape
            }
            named = f"{variable}[{item.get('name', index)}]"
            found += self._endpoint(contract.role, raw, functools.partial(_instance_field, contract, item, named))
        return found

    def _endpoint(self, role: str, raw: t.Any, origin: t.Callable[[str], str]) -> list[dict[str, t.Any]]:
        """Return an endpoint, or none; *origin* tells which variable a field of it comes from."""
        if not isinstance(raw, dict):
            self._tell(origin(""), raw, "it must be a dictionary with job and port")
            return []
        if MISSING in raw.values():
            return []
        found = _model.endpoint(role, raw, self._name, lambda field, *problem: self._tell(origin(field), *problem))
        if not found:
            return []
        web = self._web() if raw.get("web") is True else {}
        if web:
            scheme = raw.get("scheme") or ("https" if web.get("cert_file") else "http")
            found.update(scheme=scheme, web=_web.client(web))
        return [found]

    def _web(self) -> dict[str, t.Any]:
        """Return monitoring_web where there is nothing wrong with it."""
        if self._its_web is None:
            raw = self._variables.get("monitoring_web")
            value = {} if raw is MISSING or not raw else self._render(raw, "monitoring_web")
            self._its_web = {} if value is MISSING else self._of_kind(value, "monitoring_web", dict)
            problems = _web.problems(self._its_web)
            for field, remedy in problems:
                self._tell(f"monitoring_web.{field}", "…", remedy)
            if problems:
                self._its_web = {}
        return self._its_web

    def _render(self, value: t.Any, variable: str, available: Variables | None = None) -> t.Any:
        """Return *value* as plain data, templated where it holds Jinja, or MISSING where it cannot be."""
        try:
            return self._renderer(value, available or self._variables)
        except Exception as error:  # noqa: BLE001 - whatever a template raises is a mistake of the inventory
            where, what = self._culprit(value, variable, available or self._variables)
            self._tell(where, what, f"it cannot be templated: {_reason(error)}")
            return MISSING

    def _culprit(self, value: t.Any, variable: str, available: Variables) -> tuple[str, t.Any]:
        """Return the part of *value* that cannot be templated, with its name."""
        parts: t.Iterable[tuple[str, t.Any]] = ()
        if isinstance(value, dict):
            parts = ((f"{variable}.{plain(key)}", item) for key, item in value.items())
        elif isinstance(value, (list, tuple)):
            parts = ((f"{variable}[{index}]", item) for index, item in enumerate(value))
        elif isinstance(value, str) and (named := _REFERENCE.fullmatch(value)) and named.group(1) == variable:
            # A role's contract only names the variable.
            written = available.get(variable)
            return (variable, value) if written == value else self._culprit(written, variable, available)
        for name, item in parts:
            try:
                self._renderer(item, available)
            except Exception:  # noqa: BLE001, PERF203 - see above
                return self._culprit(item, name, available)
        return variable, value

    def _tell(self, variable: str, value: t.Any, remedy: str) -> None:
        """Note a mistake, without the secrets of Ansible's vault."""
        if self._secrets is None:
            self._secrets = list(self._open_secrets())
        self._problems.add(self._name, variable, _masked(value, self._secrets), _masked(remedy, self._secrets))

    def _open_secrets(self) -> t.Iterator[str]:
        memo = self._variables.share.memo
        if _SECRETS not in memo:
            memo[_SECRETS] = list(_secrets(self._variables.share.merged))
        for secret in (*memo[_SECRETS], *_secrets(self._variables.own), *_secrets(self._variables.extra)):
            # Where it cannot be opened, nobody can tell it.
            with contextlib.suppress(Exception):
                yield self._renderer(secret, self._variables)


def _reason(error: Exception) -> str:
    """Return why a template cannot be rendered, and what to do about it where that is known."""
    if isinstance(error, RecursionError):
        return "the templates of its variables refer to each other in a circle"
    reason = f"{error}".strip().splitlines()[0]
    if reason == OMITTED or "Omit" in reason:
        return f"{OMITTED}: write default(none) to leave the value out"
    if "ansible_" in reason:
        return f"{reason} (facts are not used: the fleet is the same whichever hosts a run has)"
    if _SYNTAX.search(reason):
        return f"{reason} (where Prometheus or Alertmanager is to read the double braces, put the tag !unsafe before the text)"
    return reason


def _replaced(of_roles: list[dict[str, t.Any]], scrapes: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return all endpoints: one of *scrapes* takes the place of a role's with the same job, port and path."""
    if not scrapes or not of_roles:
        return of_roles + scrapes
    said = {(item["job"], item["port"], item["path"]): item for item in scrapes}
    found = []
    for item in of_roles:
        own = said.pop((item["job"], item["port"], item["path"]), None)
        found.append({**own, "role": item["role"]} if own else item)
    return found + list(said.values())


def _text(key: t.Any) -> str:
    return plain(key) if isinstance(key, str) else str(key)


def _secrets(value: t.Any) -> t.Iterator[t.Any]:
    """Yield what is in *value* of Ansible's vault: it is neither plain nor a text."""
    if isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _secrets(item)
    elif value is not None and not isinstance(value, (str, int, float)):
        yield value


def _masked(value: t.Any, secrets: list[str]) -> t.Any:
    """Return *value* with "(secret)" for each of *secrets*, and for what is not opened."""
    if isinstance(value, dict):
        return {_masked(plain(key), secrets): _masked(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(item, secrets) for item in value]
    if isinstance(value, str):
        text = plain(value)
        for secret in secrets:
            text = text.replace(secret, "(secret)") if secret else text
        return text
    return plain(value) if value is None or isinstance(value, (int, float)) else "(secret)"


def _origin(contract: Contract, field: str) -> str:
    """Return the name of the variable that a field of a *contract* is filled from."""
    value = contract.scrape.get(field.partition(".")[0])
    named = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return named.group(1) if named else f"{field} of {contract.role}"


def _field(named: str, field: str) -> str:
    """Return the name of a *field* of something that is *named*, or of the whole where it has none."""
    return f"{named}.{field}" if field else named


def _instance_field(contract: Contract, item: dict[str, t.Any], named: str, field: str) -> str:
    """Return where a *field* of an endpoint is from: its *item* in the list of instances, or the contract."""
    return _field(named, field) if field in item else _origin(contract, field)
