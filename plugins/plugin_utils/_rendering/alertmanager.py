# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the configuration of Alertmanager from contacts and routes. Private to the collection.

The documentation of Alertmanager ("Configuration") and its CHANGELOG have the format, and what each version supports.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import redacted
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.contact_kinds import (
    KINDS,
    ROUTE_HOURS,
    ROUTE_TIMES,
    as_list,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_version
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import ROLES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import made_yaml

TEMPLATE = pathlib.Path("alertmanager/files/vigie.tmpl")
NOBODY = "nobody"
# The alert that always fires. An Alertmanager that no longer receives this alert has lost the connection to Prometheus.
WATCHDOG = "Watchdog"
Settings = t.Mapping[str, t.Any]


_SMTP = {"username": "auth_username", "password": "auth_password", "password_file": "auth_password_file"}


def alertmanager_config(settings: Settings) -> dict[str, t.Any]:
    """Return the configuration in the format of Alertmanager."""
    if settings["alertmanager_config"]:
        return dict(settings["alertmanager_config"])
    contacts = settings["alertmanager_contacts"] or {}
    default = settings["alertmanager_default_contact"] or next(iter(contacts), NOBODY)
    version = parse_version(settings["alertmanager_version"])
    receivers = [{"name": NOBODY}, *(_receiver(name, contact, version) for name, contact in contacts.items())]
    watchdog = {
        "matchers": [f'alertname="{WATCHDOG}"'],
        "receiver": settings["alertmanager_watchdog_contact"] or NOBODY,
        "group_wait": "0s",
        "group_interval": "1m",
        "repeat_interval": "1m",
    }
    routes = [item for route in settings["alertmanager_routes"] or [] for item in _route(route, {})]
    found: dict[str, t.Any] = {}
    smtp = settings["alertmanager_smtp"] or {}
    if smtp:
        found["global"] = {f"smtp_{_SMTP.get(key, key)}": value for key, value in smtp.items()}
    found["templates"] = ["templates/*.tmpl"]
    found["route"] = {
        "receiver": default,
        "group_by": settings["alertmanager_group_by"],
        **{key: settings[f"alertmanager_{key}"] for key in ROUTE_TIMES},
        "routes": [watchdog, *routes],
    }
    times = settings["alertmanager_times"] or {}
    if times:
        found["time_intervals"] = [{"name": name, "time_intervals": _intervals(value)} for name, value in times.items()]
    found["inhibit_rules"] = [*_INHIBIT, *(settings["alertmanager_extra_inhibit_rules"] or [])]
    found["receivers"] = receivers
    return found


# One notification is enough for a host that is down, and a warning adds nothing to a critical alert.
_INHIBIT = [
    {
        "source_matchers": ['alertname="HostDown"'],
        "target_matchers": [f'alertname!~"HostDown|{WATCHDOG}"', 'host!=""'],
        "equal": ["host"],
    },
    {
        "source_matchers": ['severity="critical"'],
        "target_matchers": ['severity=~"warning|info"'],
        "equal": ["alertname", "host", "instance", "device", "mountpoint", "name"],
    },
]


def alertmanager_files(settings: Settings, roles: pathlib.Path = ROLES) -> dict[str, dict[str, t.Any]]:
    """Return the files of an Alertmanager for the module release: relative path -> content and secret."""
    found: dict[str, dict[str, t.Any]] = {
        "alertmanager.yml": {"content": made_yaml(alertmanager_config(settings)), "secret": True}
    }
    if not settings["alertmanager_config"]:
        found["templates/vigie.tmpl"] = {"content": _template(roles)}
    for name, content in (settings["alertmanager_templates"] or {}).items():
        found[f"templates/{name}.tmpl"] = {"content": content}
    return found


def redacted_files(settings: Settings, roles: pathlib.Path = ROLES) -> dict[str, str]:
    """Return the files of an Alertmanager with redacted secrets."""
    found = {name: file["content"] for name, file in alertmanager_files(settings, roles).items()}
    found["alertmanager.yml"] = made_yaml(redacted(alertmanager_config(settings)))
    return found


def route_examples(settings: Settings) -> list[dict[str, t.Any]]:
    """Return, for each route, the labels of an alert that matches, as ``label=value``, and the contact of the route."""
    return [
        {
            "labels": ["alertname=Example", *(f"{label}={as_list(value)[0]}" for label, value in route["match"].items())],
            "contact": ", ".join(as_list(route.get("contact"))),
        }
        for route in settings["alertmanager_routes"] or []
        if route.get("match") and not settings["alertmanager_config"]
    ]


def matrix_rooms(settings: Settings) -> list[dict[str, t.Any]]:
    """Return contact, homeserver, room and access_token of each Matrix room whose token the inventory has."""
    if settings["alertmanager_config"] or settings["alertmanager_state"] == "absent":
        return []
    return [
        {
            "contact": name,
            "homeserver": item["homeserver"].rstrip("/"),
            "room": item["room"],
            "access_token": item["access_token"],
        }
        for name, contact in (settings["alertmanager_contacts"] or {}).items()
        for item in as_list(contact.get("matrix"))
        if "access_token" in item
    ]


@functools.lru_cache
def _template(roles: pathlib.Path) -> str:
    return (roles / TEMPLATE).read_text(encoding="utf-8")


def _receiver(name: str, contact: t.Mapping[str, t.Any], version: tuple[int, ...]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {"name": name}
    for kind, value in contact.items():
        for item in as_list(value):
            section, entry = KINDS[kind].entry(KINDS[kind].values(item), version)
            found.setdefault(section, []).append({"send_resolved": True, **entry})
    return found


def _intervals(value: t.Any) -> list[dict[str, t.Any]]:
    """Return the intervals of a time in the format of Alertmanager."""
    found = []
    for entry in as_list(value):
        interval: dict[str, t.Any] = {key: [str(item) for item in as_list(items)] for key, items in entry.items()}
        if "times" in interval:
            clocks = [item.split("-") for item in interval["times"]]
            interval["times"] = [{"start_time": start, "end_time": end} for start, end in clocks]
        if "time_zone" in interval:
            (interval["location"],) = interval.pop("time_zone")
        found.append(interval)
    return found


def _route(route: t.Mapping[str, t.Any], hours: Settings) -> t.Iterator[dict[str, t.Any]]:
    """Yield a route for each of its contacts and for its escalation. All but the last one continue with the next.

    :param hours: the times of the parent route, which Alertmanager does not pass on to its child routes.
    """
    contacts = as_list(route.get("contact")) or [None]
    escalation = route.get("escalate") or {}
    matchers = [_matcher(label, value) for label, value in (route.get("match") or {}).items()]
    matchers += [
        f"{label}=~{json.dumps(str(value), ensure_ascii=False)}" for label, value in (route.get("match_regex") or {}).items()
    ]
    matchers += route.get("matchers") or []
    own = {theirs: as_list(route[ours]) for ours, theirs in ROUTE_HOURS.items() if route.get(ours)}
    hours = own or hours
    routes: list[dict[str, t.Any]] = []
    for contact in contacts:
        found: dict[str, t.Any] = {"matchers": matchers, **({"receiver": contact} if contact else {}), **hours}
        found.update({key: route[key] for key in ROUTE_TIMES if key in route})
        if "group_by" in route:
            found["group_by"] = as_list(route["group_by"])
        inner = [item for part in route.get("routes") or [] for item in _route(part, hours)]
        if inner:
            found["routes"] = inner
        routes.append(found)
    # Each alert is a group of its own, which waits for group_wait from the start of the alert. If the alert has ended or is
    # silenced by then, Alertmanager sends nothing.
    routes += [
        {"matchers": matchers, "receiver": contact, **hours, "group_by": ["..."], "group_wait": escalation["after"]}
        for contact in as_list(escalation.get("contact"))
    ]
    for index, found in enumerate(routes):
        yield {**found, **({"continue": True} if index < len(routes) - 1 or route.get("continue") else {})}


def _matcher(label: str, value: t.Any) -> str:
    """Return a matcher for a value, or for a list of values."""
    if isinstance(value, list):
        return f"{label}=~{json.dumps('|'.join(re.escape(str(item)) for item in value), ensure_ascii=False)}"
    return f"{label}={json.dumps(str(value), ensure_ascii=False)}"
