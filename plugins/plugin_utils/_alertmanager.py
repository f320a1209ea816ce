# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From contacts and routes in the inventory to the configuration of Alertmanager. Private to the collection.

Its own form, and what each version knows: Alertmanager's documentation, "Configuration", and its CHANGELOG.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
import typing as t
from urllib.parse import quote

from ansible_collections.vigie.monitoring.plugins.module_utils._redaction import redacted
from ansible_collections.vigie.monitoring.plugins.plugin_utils._contracts import ROLES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._values import made_yaml

TEMPLATE = pathlib.Path("alertmanager/files/vigie.tmpl")
NOBODY = "nobody"
# The alert that always fires: an Alertmanager that no longer gets it is cut off.
WATCHDOG = "Watchdog"
Settings = t.Mapping[str, t.Any]
_TITLE, _TEXT = '{{ template "vigie.subject" . }}', '{{ template "vigie.text" . }}'
# In a payload Alertmanager takes a text that could be YAML for YAML (DeepCopyWithTemplate in its template/template.go): no YAML
# begins with a backtick.
_PLAIN = f"`{_TITLE}`\n{_TEXT}"
_COLOUR = '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'
_MATRIX_TOKENS = {"access_token": "credentials", "access_token_file": "credentials_file"}
# Rocket.Chat's incoming webhooks take Slack's messages. From the first of these versions on their answer is an error for
# Alertmanager's receiver for Slack, which sends again without end (alertmanager#3546); from the second on there are payloads.
ROCKETCHAT_WEBHOOKS = ((0, 26), (0, 32))
ROUTE_TIMES = ("group_wait", "group_interval", "repeat_interval")


def _mail(its: dict[str, t.Any], _version: tuple[int, ...]) -> tuple[str, dict[str, t.Any]]:
    headers = {"Subject": _TITLE, **its.pop("headers", {})}
    return "email_configs", {"html": '{{ template "vigie.html" . }}', "text": _TEXT, **its, "headers": headers}


def _slack(its: dict[str, t.Any], _version: tuple[int, ...]) -> tuple[str, dict[str, t.Any]]:
    for ours, theirs in (("webhook_url", "api_url"), ("webhook_url_file", "api_url_file")):
        if ours in its:
            its[theirs] = its.pop(ours)
    return "slack_configs", {"title": _TITLE, "title_link": "{{ .ExternalURL }}", "text": _TEXT, "color": _COLOUR, **its}


def _mattermost(its: dict[str, t.Any], version: tuple[int, ...]) -> tuple[str, dict[str, t.Any]]:
    # Mattermost's incoming webhooks take Slack's messages; its own receiver, since 0.30, has had titles and colours only since.
    if version < (0, 33):
        return _slack(its, version)
    return "mattermost_configs", {"title": _TITLE, "title_link": "{{ .ExternalURL }}", "text": _TEXT, "color": _COLOUR, **its}


def _rocketchat(its: dict[str, t.Any], version: tuple[int, ...]) -> tuple[str, dict[str, t.Any]]:
    for ours, theirs in (("webhook_url", "url"), ("webhook_url_file", "url_file")):
        if ours in its and version < ROCKETCHAT_WEBHOOKS[1]:
            return _slack(its, version)
        if ours in its:
            return "webhook_configs", {theirs: its.pop(ours), "payload": {"text": _PLAIN}, **its}
    return "rocketchat_configs", {"title": _TITLE, "title_link": "{{ .ExternalURL }}", "text": _TEXT, **its}


def _telegram(its: dict[str, t.Any], _version: tuple[int, ...]) -> tuple[str, dict[str, t.Any]]:
    return "telegram_configs", {"message": f"{_TITLE}\n{_TEXT}", "parse_mode": "", **its}


def _matrix(its: dict[str, t.Any], _version: tuple[int, ...]) -> tuple[str, dict[str, t.Any]]:
    """Post the event of a message to the room itself, by the form of the client-server API without a transaction's number.

    Synapse and Dendrite have that form (``RoomSendEventRestServlet`` in Synapse).
    """
    homeserver, room = its.pop("homeserver").rstrip("/"), quote(its.pop("room"), safe="")
    credentials = {theirs: its.pop(ours) for ours, theirs in _MATRIX_TOKENS.items() if ours in its}
    return "webhook_configs", {
        "url": f"{homeserver}/_matrix/client/v3/rooms/{room}/send/m.room.message",
        "http_config": {"authorization": credentials},
        "payload": {"msgtype": "m.text", "body": _PLAIN},
        **its,
    }


def _webhook(its: dict[str, t.Any], _version: tuple[int, ...]) -> tuple[str, dict[str, t.Any]]:
    return "webhook_configs", its


# By kind: how it is written, and what a text alone stands for.
KINDS: dict[str, tuple[t.Callable[..., tuple[str, dict[str, t.Any]]], str]] = {
    "mail": (_mail, "to"),
    "slack": (_slack, "webhook_url"),
    "mattermost": (_mattermost, "webhook_url"),
    "rocketchat": (_rocketchat, "webhook_url"),
    "telegram": (_telegram, ""),
    "matrix": (_matrix, ""),
    "webhook": (_webhook, "url"),
}
# What a dictionary of a kind must have: one of each. The rest is for Alertmanager's own tool to check.
NEEDED = {"matrix": (("homeserver",), ("room",), tuple(_MATRIX_TOKENS))}
_SMTP = {"username": "auth_username", "password": "auth_password", "password_file": "auth_password_file"}


def config(settings: Settings) -> dict[str, t.Any]:
    """Return the configuration in Alertmanager's own form."""
    if settings["alertmanager_config"]:
        return dict(settings["alertmanager_config"])
    contacts = settings["alertmanager_contacts"] or {}
    default = settings["alertmanager_default_contact"] or next(iter(contacts), NOBODY)
    version = version_of(settings)
    receivers = [{"name": NOBODY}, *(_receiver(name, contact, version) for name, contact in contacts.items())]
    watchdog = {
        "matchers": [f'alertname="{WATCHDOG}"'],
        "receiver": settings["alertmanager_watchdog_contact"] or NOBODY,
        "group_wait": "0s",
        "group_interval": "1m",
        "repeat_interval": "1m",
    }
    routes = [item for route in settings["alertmanager_routes"] or [] for item in _route(route)]
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
    found["inhibit_rules"] = [*_INHIBIT, *(settings["alertmanager_extra_inhibit_rules"] or [])]
    found["receivers"] = receivers
    return found


# A host that is down is told once; where something is critical, its warning says nothing more.
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


def files(settings: Settings, roles: pathlib.Path = ROLES) -> dict[str, dict[str, t.Any]]:
    """Return the files of an Alertmanager for the module release: relative path -> content and secret."""
    found: dict[str, dict[str, t.Any]] = {"alertmanager.yml": {"content": made_yaml(config(settings)), "secret": True}}
    if not settings["alertmanager_config"]:
        found["templates/vigie.tmpl"] = {"content": _template(roles)}
    for name, content in (settings["alertmanager_templates"] or {}).items():
        found[f"templates/{name}.tmpl"] = {"content": content}
    return found


def shown(settings: Settings, roles: pathlib.Path = ROLES) -> dict[str, str]:
    """Return the files of an Alertmanager for people and for git: in place of secrets there is a word."""
    found = {name: file["content"] for name, file in files(settings, roles).items()}
    found["alertmanager.yml"] = made_yaml(redacted(config(settings)))
    return found


def examples(settings: Settings) -> list[dict[str, t.Any]]:
    """Return, for each route, labels of an alert that it is for, as ``label=value``, and the contact that it names."""
    return [
        {
            "labels": ["alertname=Example", *(f"{label}={as_list(value)[0]}" for label, value in route["match"].items())],
            "contact": ", ".join(as_list(route.get("contact"))),
        }
        for route in settings["alertmanager_routes"] or []
        if route.get("match") and not settings["alertmanager_config"]
    ]


def rooms(settings: Settings) -> list[dict[str, t.Any]]:
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
        write, short = KINDS[kind]
        for item in value if isinstance(value, list) else [value]:
            key, its = write(dict(item) if isinstance(item, dict) else {short: item}, version)
            found.setdefault(key, []).append({"send_resolved": True, **its})
    return found


def _route(route: t.Mapping[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Yield a route for each of its contacts: all but the last one go on to the next."""
    contacts = as_list(route.get("contact")) or [None]
    matchers = [_matcher(label, value) for label, value in (route.get("match") or {}).items()]
    matchers += [
        f"{label}=~{json.dumps(str(value), ensure_ascii=False)}" for label, value in (route.get("match_regex") or {}).items()
    ]
    matchers += route.get("matchers") or []
    for index, contact in enumerate(contacts):
        found: dict[str, t.Any] = {"matchers": matchers}
        if contact:
            found["receiver"] = contact
        if index < len(contacts) - 1 or route.get("continue"):
            found["continue"] = True
        found.update({key: route[key] for key in ("group_by", *ROUTE_TIMES) if key in route})
        inner = [item for part in route.get("routes") or [] for item in _route(part)]
        if inner:
            found["routes"] = inner
        yield found


def _matcher(label: str, value: t.Any) -> str:
    """Return a matcher for a value, or for one of several."""
    if isinstance(value, list):
        return f"{label}=~{json.dumps('|'.join(re.escape(str(item)) for item in value), ensure_ascii=False)}"
    return f"{label}={json.dumps(str(value), ensure_ascii=False)}"


def version_of(settings: Settings) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(settings["alertmanager_version"]))[:3])


def as_list(value: t.Any) -> list[t.Any]:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]
