# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the contacts and routes of an Alertmanager, before anything is touched. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils import _rules
from ansible_collections.vigie.monitoring.plugins.plugin_utils._alertmanager import (
    KINDS,
    NEEDED,
    ROCKETCHAT_WEBHOOKS,
    ROUTE_TIMES,
    as_list,
    version_of,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._formats import FORMATS
from ansible_collections.vigie.monitoring.plugins.plugin_utils._model import Model

# Variable (below the role's prefix), value, remedy. What a contact holds may be secret, and is not shown.
Problem = tuple[str, t.Any, str]
_ROUTE_KEYS = ("match", "match_regex", "matchers", "contact", "continue", "group_by", "routes", *ROUTE_TIMES)
# What every alert may have, whatever the inventory's labels are.
_USUAL_LABELS = {"alertname", "severity", "job", "instance", "host"}
_SINCE = {"telegram": (0, 24), "rocketchat": (0, 28), "matrix": (0, 32)}


def problems(settings: t.Mapping[str, t.Any], labels: t.Collection[str]) -> list[Problem]:
    """Return what is wrong with the contacts and routes of an Alertmanager.

    :param settings: the variables of the role.
    :param labels: the labels that the fleet's targets and rules have.
    """
    contacts = settings["alertmanager_contacts"] or {}
    if settings["alertmanager_config"]:
        both = [name for name in ("contacts", "routes") if settings[f"alertmanager_{name}"]]
        return [(name, "…", "alertmanager_config is the whole configuration already: use the one or the other") for name in both]
    found: list[Problem] = []
    version = version_of(settings)
    for name, contact in contacts.items():
        found += _contact_problems(name, contact, version)
    for variable in ("default_contact", "watchdog_contact"):
        found += _unknown_contacts(variable, settings[f"alertmanager_{variable}"], contacts)
    if any("mail" in (contact or {}) for contact in contacts.values()) and not (settings["alertmanager_smtp"] or {}).get(
        "smarthost"
    ):
        found.append(("smtp", "…", "contacts have mail: give smarthost (host:port) and from"))
    known = {*_USUAL_LABELS, *labels, *(settings["alertmanager_known_labels"] or [])}
    found += _routes_problems("routes", settings["alertmanager_routes"] or [], contacts, known)
    return found


def _contact_problems(name: str, contact: t.Any, version: tuple[int, ...]) -> list[Problem]:
    where = f"contacts.{name}"
    if not isinstance(contact, dict) or not contact:
        return [(where, "…", f"a contact is a dictionary from a kind ({', '.join(KINDS)}) to an address")]
    found: list[Problem] = []
    for kind, value in contact.items():
        if kind not in KINDS:
            found.append((f"{where}.{kind}", "…", f"no such kind of contact; there are {', '.join(KINDS)}"))
            continue
        short = KINDS[kind][1]
        if not all(isinstance(item, dict) or (isinstance(item, str) and item and short) for item in as_list(value)):
            found.append((f"{where}.{kind}", "…", f"it must be a dictionary{', or a text' if short else ''}"))
            continue
        found += [
            (f"{where}.{kind}", "…", f"it lacks {' or '.join(keys)}")
            for item in as_list(value)
            for keys in NEEDED.get(kind, ())
            if not any(item.get(key) for key in keys)
        ]
        if kind == "matrix" and not all(str(item.get("room") or "!").startswith("!") for item in as_list(value)):
            found.append((f"{where}.{kind}.room", "…", "give the room's internal ID, !…:server, not its alias"))
        if _is_webhook(kind, value) and ROCKETCHAT_WEBHOOKS[0] <= version < ROCKETCHAT_WEBHOOKS[1]:
            remedy = (
                "Alertmanager from 0.26 to 0.31 takes the answer of Rocket.Chat's webhooks for an error, and sends again without "
                "end: take 0.32, or api_url, token_id, token and channel"
            )
            found.append((f"{where}.{kind}", "…", remedy))
        if version < _SINCE.get(kind, (0,)) and not _is_webhook(kind, value):
            since = ".".join(map(str, _SINCE[kind]))
            found.append(
                (f"{where}.{kind}", "…", f"Alertmanager has it since {since}: set alertmanager_version, or use a webhook")
            )
    return found


def _is_webhook(kind: str, value: t.Any) -> bool:
    """Return whether a contact at Rocket.Chat is by its incoming webhook."""
    return kind == "rocketchat" and all(isinstance(item, str) or any("webhook" in key for key in item) for item in as_list(value))


def _unknown_contacts(where: str, names: t.Any, contacts: t.Container[str]) -> list[Problem]:
    known = ", ".join(contacts) if isinstance(contacts, dict) and contacts else "none"
    return [
        (where, name, f"no such contact; alertmanager_contacts has {known}")
        for name in as_list(names)
        if name and name not in contacts
    ]


def _routes_problems(where: str, routes: t.Any, contacts: t.Container[str], known: t.Container[str]) -> list[Problem]:
    found: list[Problem] = []
    for index, route in enumerate(routes):
        its = f"{where}[{index}]"
        if not isinstance(route, dict):
            found.append((its, route, "a route is a dictionary with match and contact"))
            continue
        unknown = sorted(set(route) - set(_ROUTE_KEYS))
        if unknown:
            found.append((its, ", ".join(unknown), f"unknown; known are {', '.join(_ROUTE_KEYS)}"))
        if not any(route.get(key) for key in ("contact", "routes")):
            found.append((its, route.get("contact"), "it leads nowhere: give it a contact, or routes of its own"))
        found += _unknown_contacts(f"{its}.contact", route.get("contact"), contacts)
        labels = [*(route.get("match") or {}), *(route.get("match_regex") or {}), *map(_matched, route.get("matchers") or [])]
        found += [
            (
                f"{its}.match",
                label,
                "no target and no rule has this label, the route would never be taken (alertmanager_known_labels: own metrics)",
            )
            for label in labels
            if label not in known
        ]
        for label, expression in (route.get("match_regex") or {}).items():
            try:
                re.compile(str(expression))
            except re.error as error:  # noqa: PERF203 - there are few
                found.append((f"{its}.match_regex.{label}", expression, f"it is no regular expression: {error}"))
        found += [
            (f"{its}.{key}", route[key], remedy)
            for key in ROUTE_TIMES
            if key in route and (remedy := FORMATS[f"alertmanager_{key}"](route[key]))
        ]
        found += _routes_problems(f"{its}.routes", route.get("routes") or [], contacts, known)
    return found


def _matched(matcher: t.Any) -> str:
    """Return the label that a matcher in Alertmanager's own form looks at."""
    return re.split(r"\s*(?:=~|!~|!=|=)", str(matcher), maxsplit=1)[0].strip().strip('"')


def labels_of(model: Model) -> set[str]:
    """Return the labels that alerts of this fleet may have: those of targets, of servers, and those that rules add."""
    found = {label for host in model["hosts"].values() for label in host["labels"]}
    found |= {label for host in model["hosts"].values() for item in host["endpoints"] for label in item["labels"]}
    groups = [group for text in model["rules"].values() for group in _rules.groups(text)]
    for settings in model["servers"].get("prometheus", {}).values():
        found |= set(settings.get("prometheus_external_labels") or {})
        groups += settings.get("prometheus_extra_rules") or []
    for rule in (rule for group in groups for rule in group.get("rules") or []):
        found |= set(rule.get("labels") or {})
        # What an alert's text speaks of, and what it is grouped by, is a label of the alert.
        found |= set(re.findall(r"\$labels\.(\w+)", str(rule.get("annotations") or {})))
    return found
