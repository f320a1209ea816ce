# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of an Alertmanager with contacts of every kind, for tests."""

from __future__ import annotations

import typing as t
from pathlib import Path

import inventories

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.contact_kinds import KINDS
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_version

DEFAULTS = inventories.defaults("alertmanager")


SMTP = {"smarthost": "mail.example.com:587", "from": "vigie@example.com", "username": "u", "password": "p"}


MATRIX = {"homeserver": "https://192.0.2.1/", "room": "!a/b:example.com", "access_token": "syt_hidden"}


CONTACTS = {
    "ops": {"mail": "ops@example.com", "slack": {"webhook_url": "https://192.0.2.1/hook", "channel": "#ops"}},
    "team-sms": {"mail": ["a@example.com", {"to": "b@example.com", "send_resolved": False, "headers": {"X-Team": "sms"}}]},
    "oncall": {"webhook": {"url": "https://192.0.2.1/wake", "max_alerts": 3}},
    "chat": {"rocketchat": "https://192.0.2.1/rocket", "mattermost": "https://192.0.2.1/matter"},
}


def services(url: str, files: str) -> dict[str, t.Any]:
    """Return one contact of each kind of service that has a URL, with its secrets in the directory *files*."""
    return {
        "pagerduty": {"routing_key_file": f"{files}/secret", "url": f"{url}/pagerduty", "details": {"site": "north"}},
        "opsgenie": {"api_key_file": f"{files}/secret", "api_url": f"{url}/opsgenie/"},
        "victorops": {"routing_key": "databases", "api_key_file": f"{files}/secret", "api_url": f"{url}/victorops/"},
        "jira": {
            "api_url": f"{url}/jira/rest/api/2/",
            "project": "OPS",
            "issue_type": "Bug",
            "username": "vigie@example.com",
            "api_token_file": f"{files}/secret",
        },
        "msteams": {"webhook_url_file": f"{files}/msteams"},
        "discord": {"webhook_url_file": f"{files}/discord"},
        "webex": {"room_id": "room7", "bot_token_file": f"{files}/secret", "api_url": f"{url}/webex"},
        "pushover": {"user_key_file": f"{files}/secret", "token_file": f"{files}/secret"},
        "sns": {
            "topic_arn": "arn:aws:sns:eu-west-1:123456789012:alerts",
            "api_url": f"{url}/sns",
            "sigv4": {"region": "eu-west-1", "access_key": "A", "secret_key": "hidden"},
        },
        "incidentio": {"url": f"{url}/incidentio", "alert_source_token_file": f"{files}/secret"},
    }


def known_services(program: str, version: str, url: str = "https://192.0.2.1", files: str = "/etc") -> dict[str, t.Any]:
    """Return the services that a *program* of Alertmanager knows, without keys that it does not know."""
    numbers = parse_version(version)
    # Debian builds version 0.28 without the receiver for Jira.
    built = Path(program).read_bytes()
    return {
        kind: {
            # Where Alertmanager reads no file, the inventory has the secret.
            key.removesuffix("_file") if numbers < KINDS[kind].keys_since.get(key, ()) else key: value
            if numbers >= KINDS[kind].keys_since.get(key, ())
            else Path(value).read_text()
            if Path(value).exists()
            else "https://192.0.2.1/hidden"
            for key, value in contact.items()
        }
        for kind, contact in services(url, files).items()
        if numbers >= KINDS[kind].since and (kind != "jira" or b"jira_configs" in built)
    }


ROUTES = [
    {"match": {"severity": "critical"}, "contact": "oncall", "continue": True},
    {"match": {"function": "sms"}, "contact": ["team-sms", "chat"]},
    {"match": {"function": ["web", "d.b"]}, "contact": "chat", "repeat_interval": "1d"},
    {"match_regex": {"group": "x.*"}, "contact": "chat", "routes": [{"matchers": ['job!="node"'], "contact": "team-sms"}]},
]


def settings(**changes: t.Any) -> dict[str, t.Any]:
    """Return the variables of an Alertmanager."""
    usual = {"contacts": CONTACTS, "routes": ROUTES, "smtp": SMTP, "version": "0.33.1"}
    return {**DEFAULTS, **{f"alertmanager_{name}": value for name, value in {**usual, **changes}.items()}}
