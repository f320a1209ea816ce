# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of an Alertmanager with contacts of every kind, for tests."""

from __future__ import annotations

import typing as t

import inventories

DEFAULTS = inventories.defaults("alertmanager")


SMTP = {"smarthost": "mail.example.com:587", "from": "vigie@example.com", "username": "u", "password": "p"}


MATRIX = {"homeserver": "https://192.0.2.1/", "room": "!a/b:example.com", "access_token": "syt_hidden"}


CONTACTS = {
    "ops": {"mail": "ops@example.com", "slack": {"webhook_url": "https://192.0.2.1/hook", "channel": "#ops"}},
    "team-sms": {"mail": ["a@example.com", {"to": "b@example.com", "send_resolved": False, "headers": {"X-Team": "sms"}}]},
    "oncall": {"webhook": {"url": "https://192.0.2.1/wake", "max_alerts": 3}},
    "chat": {"rocketchat": "https://192.0.2.1/rocket", "mattermost": "https://192.0.2.1/matter"},
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
