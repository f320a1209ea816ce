# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contacts and routes that are refused."""

from __future__ import annotations

import typing as t

import pytest
from alertmanagers import MATRIX, services, settings

from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.contacts import contact_and_route_problems

LABELS = {"function", "group"}
KNOWN = services("https://192.0.2.1", "/etc")
CLOUD = "https://example.atlassian.net/rest/api/2/"


@pytest.mark.parametrize(
    ("changes", "where", "remedy"),
    [
        (
            {"routes": [{"match": {"function": "x"}, "contact": "nobdy"}]},
            "routes[0].contact",
            "unknown contact. alertmanager_contacts has ops",
        ),
        ({"routes": [{"match": {"function": "x"}}]}, "routes[0]", "the route has no contact"),
        (
            {"routes": [{"match": {"functoin": "x"}, "contact": "ops"}]},
            "routes[0].match",
            "no alert can match this route, because no target and no rule has this label",
        ),
        ({"routes": [{"matchers": ['functoin=~"x"'], "contact": "ops"}]}, "routes[0].match", "no target and no rule"),
        (
            {"routes": [{"match_regex": {"group": "x["}, "contact": "ops"}]},
            "routes[0].match_regex.group",
            "not a valid regular expression",
        ),
        ({"routes": [{"match": {}, "contact": "ops", "receiver": "x"}]}, "routes[0]", "unknown key. The known keys are match"),
        (
            {"routes": [{"contact": "ops", "group_wait": "soon"}]},
            "routes[0].group_wait",
            "must be a duration, whole numbers with the units",
        ),
        (
            {"routes": [{"contact": "ops", "routes": [{"match": {"group": "a"}}]}]},
            "routes[0].routes[0]",
            "the route has no contact",
        ),
        ({"routes": ["ops"]}, "routes[0]", "must be a dictionary"),
        ({"default_contact": "x"}, "default_contact", "unknown contact"),
        ({"watchdog_contact": "x"}, "watchdog_contact", "unknown contact"),
        ({"smtp": {}}, "smtp", "contacts of the kind mail need an SMTP server. Set smarthost"),
        (
            {"contacts": {"ops": {"pager": "x"}}, "routes": []},
            "contacts.ops.pager",
            "unknown kind of contact. The known kinds are mail, slack",
        ),
        ({"contacts": {"ops": "x"}, "routes": []}, "contacts.ops", "must be a dictionary from a kind of contact"),
        ({"contacts": {"ops": {"telegram": "x"}}, "routes": []}, "contacts.ops.telegram", "must be a dictionary"),
        (
            {"contacts": {"ops": {"rocketchat": "https://x/"}}, "routes": [], "version": "0.28.1"},
            "contacts.ops.rocketchat",
            "treats every answer of Rocket.Chat's webhooks as an error",
        ),
        ({"contacts": {"ops": {"matrix": "x"}}, "routes": []}, "contacts.ops.matrix", "must be a dictionary"),
        (
            {"contacts": {"ops": {"matrix": {**MATRIX, "access_token": ""}}}, "routes": []},
            "contacts.ops.matrix",
            "access_token or access_token_file is missing",
        ),
        ({"contacts": {"ops": {"matrix": [{**MATRIX, "room": ""}]}}, "routes": []}, "contacts.ops.matrix", "room is missing"),
        ({"contacts": {"ops": {"matrix": {**MATRIX, "room": "#a:b"}}}, "routes": []}, "contacts.ops.matrix.room", "internal ID"),
        (
            {"contacts": {"ops": {"matrix": MATRIX}}, "routes": [], "version": "0.31.1"},
            "contacts.ops.matrix",
            "supports this receiver since 0.32",
        ),
        (
            {"contacts": {"ops": {"rocketchat": {"token": "x"}}}, "routes": [], "version": "0.25.0"},
            "contacts.ops.rocketchat",
            "Alertmanager supports this receiver since 0.28",
        ),
        *(
            (
                {"contacts": {"ops": {kind: contact}}, "routes": [], "version": before},
                f"contacts.ops.{kind}",
                f"supports this receiver since {since}",
            )
            for kind, contact, before, since in (
                ("jira", {}, "0.27.0", "0.28"),
                ("msteams", "https://x/", "0.27.0", "0.28"),
                ("discord", "https://x/", "0.24.0", "0.25"),
                ("webex", {}, "0.24.0", "0.25"),
                ("sns", "arn", "0.22.2", "0.23"),
                ("incidentio", {}, "0.28.1", "0.29"),
            )
        ),
        *(
            ({"contacts": {"ops": {kind: {**KNOWN[kind], key: ""}}}, "routes": []}, f"contacts.ops.{kind}", f"{key} ")
            for kind, key in (
                ("pagerduty", "routing_key_file"),
                ("opsgenie", "api_key_file"),
                ("victorops", "routing_key"),
                ("victorops", "api_key_file"),
                ("jira", "api_url"),
                ("jira", "project"),
                ("jira", "issue_type"),
                ("jira", "api_token_file"),
                ("msteams", "webhook_url_file"),
                ("discord", "webhook_url_file"),
                ("webex", "room_id"),
                ("webex", "bot_token_file"),
                ("pushover", "user_key_file"),
                ("pushover", "token_file"),
                ("sns", "topic_arn"),
                ("incidentio", "alert_source_token_file"),
            )
        ),
        (
            {"contacts": {"ops": {"discord": KNOWN["discord"]}}, "routes": [], "version": "0.26.0"},
            "contacts.ops.discord.webhook_url_file",
            "supports this key since 0.27. Set alertmanager_version to 0.27 or later, or remove the key",
        ),
        (
            {"contacts": {"ops": {"pagerduty": {**KNOWN["pagerduty"], "routing_key": "x"}}}, "routes": []},
            "contacts.ops.pagerduty.routing_key",
            "Remove one of them",
        ),
        (
            {"contacts": {"ops": {"jira": {**KNOWN["jira"], "api_url": CLOUD}}}, "routes": [], "version": "0.28.1"},
            "contacts.ops.jira.api_url",
            "Jira Cloud needs Alertmanager 0.29",
        ),
        (
            {"contacts": {"ops": {"jira": {**KNOWN["jira"], "api_url": CLOUD.replace("2", "3")}}}, "routes": []},
            "contacts.ops.jira.api_url",
            "accepts no plain text",
        ),
        (
            {"contacts": {"ops": {"sns": {**KNOWN["sns"], "phone_number": "+1"}}}, "routes": []},
            "contacts.ops.sns",
            "can have only one of them",
        ),
        ({"contacts": {"ops": {"webex": "x"}}, "routes": []}, "contacts.ops.webex", "must be a dictionary"),
        *(
            ({"routes": [{"contact": "ops", key: value}]}, f"routes[0].{where}", remedy)
            for key, value, where, remedy in (
                ("active", "ofice", "active", "unknown time. alertmanager_times has none"),
                ("continue", "maybe", "continue", "must be true or false"),
                ("group_by", [["host"]], "group_by", "must be a list of labels"),
                ("escalate", {"contact": "ops"}, "escalate", "must be a dictionary with the keys contact and after"),
                ("escalate", {"contact": "nobdy", "after": "30m"}, "escalate.contact", "unknown contact"),
                ("escalate", {"contact": [], "after": "30m"}, "escalate.contact", "no contact"),
                ("escalate", {"contact": "ops", "after": "soon"}, "escalate.after", "must be a duration"),
                ("escalate", {"contact": "ops", "after": "0"}, "escalate.after", "must be longer than 0"),
            )
        ),
        ({"config": {"route": {}}, "routes": []}, "contacts", "alertmanager_config replaces the whole configuration"),
    ],
)
def test_a_mistake_is_told_before_anything_is_touched(changes: dict[str, t.Any], where: str, remedy: str) -> None:
    """With the variable and what to do; and no secret."""
    ((variable, value, said),) = contact_and_route_problems(settings(**changes), LABELS)
    assert variable == where
    assert remedy in said
    assert "https://" not in str(value)
