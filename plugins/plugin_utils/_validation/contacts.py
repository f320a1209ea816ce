# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the contacts and routes of an Alertmanager. Private to the collection."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.contact_kinds import (
    KINDS,
    ROUTE_HOURS,
    ROUTE_TIMES,
    as_list,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import Version, parse_version
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import first_names
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.alert_labels import Values
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.formats import FORMATS
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.times import route_times_problems, times_problems

# Variable (without the prefix of the role), value, remedy. The values of a contact can be secret, and are not shown.
Problem = tuple[str, t.Any, str]
_ROUTE_KEYS = (
    "match",
    "match_regex",
    "matchers",
    "contact",
    "continue",
    "group_by",
    "routes",
    "escalate",
    *ROUTE_TIMES,
    *ROUTE_HOURS,
)
# Labels that every alert can have, independent of the inventory.
_USUAL_LABELS = {"alertname", "severity", "job", "instance", "host"}
# One matcher in the syntax of Alertmanager, with = or =~.
_MATCHER = re.compile(r"\s*\"?(?P<label>\w+)\"?\s*(?P<sign>=~?)\s*(?:\"(?P<quoted>[^\"\\]*)\"|(?P<word>[^\"{},\\]*?))\s*")
_EXPRESSION = re.compile(r"(?:[\w .:/@|()*+?-]|\\[.])*")
_SHOWN = 8
_UNKNOWN_LABEL = (
    "no alert can match this route, because no target and no rule has this label. If your own metrics have the label, add it to "
    "alertmanager_known_labels"
)


def _no_values(_label: str) -> None:
    """Return None for every label: the values are unknown."""


def contact_and_route_problems(
    settings: t.Mapping[str, t.Any], labels: t.Collection[str], values: Values = _no_values
) -> list[Problem]:
    """Return what is wrong with the contacts and routes of an Alertmanager.

    :param settings: the variables of the role.
    :param labels: the labels of the targets and rules of the fleet.
    :param values: returns the values that a label can have.
    """
    contacts = settings["alertmanager_contacts"] or {}
    if settings["alertmanager_config"]:
        both = [name for name in ("contacts", "routes", "times") if settings[f"alertmanager_{name}"]]
        return [
            (name, "…", "alertmanager_config replaces the whole configuration. Set only one of the two variables")
            for name in both
        ]
    found: list[Problem] = []
    version = parse_version(settings["alertmanager_version"])
    for name, contact in contacts.items():
        found += _contact_problems(name, contact, version)
    for variable in ("default_contact", "watchdog_contact"):
        found += _unknown_contacts(variable, settings[f"alertmanager_{variable}"], contacts)
    if any("mail" in (contact or {}) for contact in contacts.values()) and not (settings["alertmanager_smtp"] or {}).get(
        "smarthost"
    ):
        found.append(("smtp", "…", "contacts of the kind mail need an SMTP server. Set smarthost (host:port) and from"))
    own = settings["alertmanager_known_labels"] or []
    routes = settings["alertmanager_routes"] or []
    found += _routes_problems("routes", routes, contacts, {*_USUAL_LABELS, *labels, *own})
    times = settings["alertmanager_times"] or {}
    found += times_problems(times, version)
    found += route_times_problems("routes", routes, times)
    found += _values_problems("routes", routes, lambda label: None if label in own else values(label))
    return found


def _contact_problems(name: str, contact: t.Any, version: Version) -> list[Problem]:
    where = f"contacts.{name}"
    if not isinstance(contact, dict) or not contact:
        return [(where, "…", f"must be a dictionary from a kind of contact ({', '.join(KINDS)}) to an address")]
    found: list[Problem] = []
    for kind, value in contact.items():
        if kind not in KINDS:
            found.append((f"{where}.{kind}", "…", f"unknown kind of contact. The known kinds are {', '.join(KINDS)}"))
            continue
        if not as_list(value):
            found.append((f"{where}.{kind}", value, "the contact has no address. Add one, or remove the kind"))
        found += [
            (f"{where}.{kind}.{field}" if field else f"{where}.{kind}", "…", remedy)
            for item in as_list(value)
            for field, remedy in KINDS[kind].all_problems(item, version)
        ]
    return found


def _unknown_contacts(where: str, names: t.Any, contacts: t.Container[str]) -> list[Problem]:
    known = ", ".join(contacts) if isinstance(contacts, dict) and contacts else "none"
    return [
        (where, name, f"unknown contact. alertmanager_contacts has {known}")
        for name in as_list(names)
        if name and name not in contacts
    ]


def _routes_problems(where: str, routes: t.Any, contacts: t.Container[str], known: t.Container[str]) -> list[Problem]:
    found: list[Problem] = []
    for index, route in enumerate(routes):
        place = f"{where}[{index}]"
        if not isinstance(route, dict):
            found.append((place, route, "must be a dictionary with match and contact"))
            continue
        unknown = sorted(set(route) - set(_ROUTE_KEYS))
        if unknown:
            found.append((place, ", ".join(unknown), f"unknown key. The known keys are {', '.join(_ROUTE_KEYS)}"))
        if not any(route.get(key) for key in ("contact", "routes")):
            found.append((place, route.get("contact"), "the route has no contact. Add a contact, or add routes below this route"))
        found += _unknown_contacts(f"{place}.contact", route.get("contact"), contacts)
        labels = [
            *(route.get("match") or {}),
            *(route.get("match_regex") or {}),
            *map(_matcher_label, route.get("matchers") or []),
        ]
        found += [
            (
                f"{place}.match",
                label,
                _UNKNOWN_LABEL,
            )
            for label in labels
            if label not in known
        ]
        for label, expression in (route.get("match_regex") or {}).items():
            try:
                re.compile(str(expression))
            except re.error as error:  # noqa: PERF203 - there are few
                found.append((f"{place}.match_regex.{label}", expression, f"not a valid regular expression: {error}"))
        found += [
            (f"{place}.{key}", route[key], remedy)
            for key in ROUTE_TIMES
            if key in route and (remedy := FORMATS[f"alertmanager_{key}"](route[key]))
        ]
        found += _escalation_problems(place, route["escalate"], contacts) if "escalate" in route else []
        if not isinstance(route.get("continue", False), bool):
            found.append((f"{place}.continue", route["continue"], "must be true or false"))
        if not all(isinstance(label, str) for label in as_list(route.get("group_by"))):
            found.append((f"{place}.group_by", route["group_by"], "must be a list of labels"))
        found += _routes_problems(f"{place}.routes", route.get("routes") or [], contacts, known)
    return found


def _escalation_problems(place: str, escalation: t.Any, contacts: t.Container[str]) -> list[Problem]:
    """Return what is wrong with the escalation of a route."""
    where = f"{place}.escalate"
    if not isinstance(escalation, dict) or set(escalation) != {"contact", "after"}:
        return [(where, escalation, "must be a dictionary with the keys contact and after: {contact: NAME, after: 30m}")]
    found = _unknown_contacts(f"{where}.contact", escalation["contact"], contacts)
    if not as_list(escalation["contact"]):
        found.append((f"{where}.contact", escalation["contact"], "the escalation has no contact. Add a contact"))
    # An escalation after no time would be a second contact.
    if remedy := FORMATS["alertmanager_group_interval"](escalation["after"]):
        found.append((f"{where}.after", escalation["after"], remedy))
    return found


def _matcher_label(matcher: t.Any) -> str:
    """Return the label of a matcher in the syntax of Alertmanager."""
    return re.split(r"\s*(?:=~|!~|!=|=)", str(matcher), maxsplit=1)[0].strip().strip('"')


def _values_problems(where: str, routes: t.Any, values: Values) -> t.Iterator[Problem]:
    """Yield the matchers of *routes* with a value that no alert can have."""
    for index, route in enumerate(routes):
        if not isinstance(route, dict):
            continue
        place = f"{where}[{index}]"
        for field, label, sign, value in _equality_matchers(route):
            known = values(label)
            if known is None or any(_may_match(sign, value, other) for other in ("", *known)):
                continue
            near = difflib.get_close_matches(value, known, n=1)
            there = f"Did you mean {near[0]}?" if near else f"The known values are {first_names(sorted(known), _SHOWN)}."
            remedy = (
                f"no alert can match this route, because no target and no rule has this value of the label {label}. {there} "
                f"If alerts from other sources have the value, add {label} to alertmanager_known_labels"
            )
            yield f"{place}.{field}", value, remedy
        yield from _values_problems(f"{place}.routes", route.get("routes") or [], values)


def _equality_matchers(route: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, str, str, str]]:
    """Yield (field, label, sign, value) of each matcher with = or =~. A matcher with != or !~ always matches some alert."""
    for label, value in (route.get("match") or {}).items():
        yield from ((f"match.{label}", label, "=", str(item)) for item in (value if isinstance(value, list) else [value]))
    for label, value in (route.get("match_regex") or {}).items():
        yield f"match_regex.{label}", label, "=~", str(value)
    for index, matcher in enumerate(route.get("matchers") or []):
        found = _MATCHER.fullmatch(str(matcher))
        if found:
            yield f"matchers[{index}]", found["label"], found["sign"], found["quoted"] if found["word"] is None else found["word"]


def _may_match(sign: str, value: str, other: str) -> bool:
    """Return whether a matcher matches the label value *other*; True if this is unknown."""
    if sign == "=":
        return value == other
    # With other characters, regular expressions of Alertmanager and of Python differ.
    if _EXPRESSION.fullmatch(value) is None:
        return True
    try:
        return re.fullmatch(value, other) is not None
    except re.error:
        # `_routes_problems` or amtool reports an invalid expression.
        return True
