# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the contacts and routes of an Alertmanager, before anything is touched. Private to the collection."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.contact_kinds import (
    KINDS,
    ROUTE_HOURS,
    ROUTE_TIMES,
    Version,
    as_list,
    parse_version,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.alert_labels import Values
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.formats import FORMATS
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.times import route_times_problems, times_problems

# Variable (below the role's prefix), value, remedy. What a contact holds may be secret, and is not shown.
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
# What every alert may have, whatever the inventory's labels are.
_USUAL_LABELS = {"alertname", "severity", "job", "instance", "host"}
# A matcher in Alertmanager's own form, one of them, that wants a value.
_MATCHER = re.compile(r"\s*\"?(?P<label>\w+)\"?\s*(?P<sign>=~?)\s*(?:\"(?P<quoted>[^\"\\]*)\"|(?P<word>[^\"{},\\]*?))\s*")
_EXPRESSION = re.compile(r"(?:[\w .:/@|()*+?-]|\\[.])*")
_SHOWN = 8
_UNKNOWN_LABEL = (
    "no alert can match this route, because no target and no rule has this label. If your own metrics have the label, add it to "
    "alertmanager_known_labels"
)


def _unknown(_label: str) -> None:
    """Say of no label what values it may have."""


def contact_and_route_problems(
    settings: t.Mapping[str, t.Any], labels: t.Collection[str], values: Values = _unknown
) -> list[Problem]:
    """Return what is wrong with the contacts and routes of an Alertmanager.

    :param settings: the variables of the role.
    :param labels: the labels that the fleet's targets and rules have.
    :param values: which values one of them may have.
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
        its = f"{where}[{index}]"
        if not isinstance(route, dict):
            found.append((its, route, "must be a dictionary with match and contact"))
            continue
        unknown = sorted(set(route) - set(_ROUTE_KEYS))
        if unknown:
            found.append((its, ", ".join(unknown), f"unknown key. The known keys are {', '.join(_ROUTE_KEYS)}"))
        if not any(route.get(key) for key in ("contact", "routes")):
            found.append((its, route.get("contact"), "the route has no contact. Add a contact, or add routes below this route"))
        found += _unknown_contacts(f"{its}.contact", route.get("contact"), contacts)
        labels = [*(route.get("match") or {}), *(route.get("match_regex") or {}), *map(_matched, route.get("matchers") or [])]
        found += [
            (
                f"{its}.match",
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
                found.append((f"{its}.match_regex.{label}", expression, f"not a valid regular expression: {error}"))
        found += [
            (f"{its}.{key}", route[key], remedy)
            for key in ROUTE_TIMES
            if key in route and (remedy := FORMATS[f"alertmanager_{key}"](route[key]))
        ]
        found += _escalation_problems(its, route["escalate"], contacts) if "escalate" in route else []
        if not isinstance(route.get("continue", False), bool):
            found.append((f"{its}.continue", route["continue"], "must be true or false"))
        if not all(isinstance(label, str) for label in as_list(route.get("group_by"))):
            found.append((f"{its}.group_by", route["group_by"], "must be a list of labels"))
        found += _routes_problems(f"{its}.routes", route.get("routes") or [], contacts, known)
    return found


def _escalation_problems(its: str, escalation: t.Any, contacts: t.Container[str]) -> list[Problem]:
    """Return what is wrong with the escalation of a route."""
    where = f"{its}.escalate"
    if not isinstance(escalation, dict) or set(escalation) != {"contact", "after"}:
        return [(where, escalation, "must be a dictionary with the keys contact and after: {contact: NAME, after: 30m}")]
    found = _unknown_contacts(f"{where}.contact", escalation["contact"], contacts)
    if not as_list(escalation["contact"]):
        found.append((f"{where}.contact", escalation["contact"], "the escalation has no contact. Add a contact"))
    # An escalation after no time would be a second contact.
    if remedy := FORMATS["alertmanager_group_interval"](escalation["after"]):
        found.append((f"{where}.after", escalation["after"], remedy))
    return found


def _matched(matcher: t.Any) -> str:
    """Return the label that a matcher in Alertmanager's own form looks at."""
    return re.split(r"\s*(?:=~|!~|!=|=)", str(matcher), maxsplit=1)[0].strip().strip('"')


def _values_problems(where: str, routes: t.Any, values: Values) -> t.Iterator[Problem]:
    """Yield what no alert can have among what *routes* match."""
    for index, route in enumerate(routes):
        if not isinstance(route, dict):
            continue
        its = f"{where}[{index}]"
        for field, label, sign, value in _matches(route):
            known = values(label)
            if known is None or any(_fits(sign, value, other) for other in ("", *known)):
                continue
            near = difflib.get_close_matches(value, known, n=1)
            there = f"Did you mean {near[0]}?" if near else f"The known values are {_some(known)}."
            remedy = (
                f"no alert can match this route, because no target and no rule has this value of the label {label}. {there} "
                f"If alerts from other sources have the value, add {label} to alertmanager_known_labels"
            )
            yield f"{its}.{field}", value, remedy
        yield from _values_problems(f"{its}.routes", route.get("routes") or [], values)


def _matches(route: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, str, str, str]]:
    """Yield (field, label, sign, value) of each matcher that wants a value; one that wants none always fits some alert."""
    for label, value in (route.get("match") or {}).items():
        yield from ((f"match.{label}", label, "=", str(item)) for item in (value if isinstance(value, list) else [value]))
    for label, value in (route.get("match_regex") or {}).items():
        yield f"match_regex.{label}", label, "=~", str(value)
    for index, matcher in enumerate(route.get("matchers") or []):
        found = _MATCHER.fullmatch(str(matcher))
        if found:
            yield f"matchers[{index}]", found["label"], found["sign"], found["quoted"] if found["word"] is None else found["word"]


def _fits(sign: str, value: str, other: str) -> bool:
    """Return whether a label's value *other* is what a matcher wants, or may be."""
    if sign == "=":
        return value == other
    # Beyond these signs, expressions of Alertmanager and of Python differ.
    if _EXPRESSION.fullmatch(value) is None:
        return True
    try:
        return re.fullmatch(value, other) is not None
    except re.error:
        # That the expression is wrong is another problem, which `_routes_problems` or amtool reports.
        return True


def _some(values: t.Collection[str]) -> str:
    rest = len(values) - _SHOWN
    return ", ".join(sorted(values)[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
