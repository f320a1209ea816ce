# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of contacts: what each becomes in the configuration of Alertmanager."""

from __future__ import annotations

import typing as t

from alertmanagers import MATRIX, settings

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import alertmanager


def test_a_chat_without_a_receiver_of_its_own_is_written_as_slack() -> None:
    """Mattermost before 0.33, and Rocket.Chat's incoming webhooks with any version."""

    def kinds(version: str) -> set[str]:
        (chat,) = [r for r in alertmanager.alertmanager_config(settings(version=version))["receivers"] if r["name"] == "chat"]
        return set(chat) - {"name"}

    assert kinds("0.25.0") == {"slack_configs"}
    assert kinds("0.32.1") == {"webhook_configs", "slack_configs"}
    assert kinds("0.33.1") == {"webhook_configs", "mattermost_configs"}
    (webhook,) = alertmanager.alertmanager_config(settings())["receivers"][-1]["webhook_configs"]
    assert webhook["payload"]["text"].startswith("`{{")


def test_what_a_contact_says_comes_before_what_is_usual() -> None:
    """Everything of Alertmanager's own may be said; resolved messages are sent, unless told otherwise."""
    receivers = {r["name"]: r for r in alertmanager.alertmanager_config(settings())["receivers"]}
    first, second = receivers["team-sms"]["email_configs"]
    assert first["send_resolved"] is True
    assert second["send_resolved"] is False
    assert second["headers"] == {"Subject": '{{ template "vigie.subject" . }}', "X-Team": "sms"}
    assert receivers["ops"]["slack_configs"][0]["api_url"] == "https://192.0.2.1/hook"
    assert receivers["oncall"]["webhook_configs"] == [{"send_resolved": True, "url": "https://192.0.2.1/wake", "max_alerts": 3}]


def test_a_matrix_room_gets_the_event_of_a_message() -> None:
    """Without a bridge; the token stays out of the URL, and out of what is shown."""
    made = settings(
        contacts={"room": {"matrix": [MATRIX, {**MATRIX, "access_token_file": "/etc/t", "max_alerts": 9}]}}, routes=[]
    )
    del made["alertmanager_contacts"]["room"]["matrix"][1]["access_token"]
    first, second = alertmanager.alertmanager_config(made)["receivers"][1]["webhook_configs"]
    assert first["url"] == "https://192.0.2.1/_matrix/client/v3/rooms/%21a%2Fb%3Aexample.com/send/m.room.message"
    assert first["http_config"] == {"authorization": {"credentials": "syt_hidden"}}
    assert second["http_config"] == {"authorization": {"credentials_file": "/etc/t"}}
    assert (first["send_resolved"], second["max_alerts"]) == (True, 9)
    assert set(first["payload"]) == {"msgtype", "body"}
    # What could be YAML, Alertmanager takes for YAML.
    assert first["payload"]["body"].startswith("`{{")
    assert "syt_hidden" not in alertmanager.redacted_files(made)["alertmanager.yml"]
    rooms = [{"contact": "room", **MATRIX, "homeserver": "https://192.0.2.1"}]
    assert alertmanager.matrix_rooms(made) == rooms
    assert alertmanager.matrix_rooms({**made, "alertmanager_state": "absent"}) == []


def receiver(version: str, **contact: t.Any) -> dict[str, t.Any]:
    """Return the only entry of the receiver of a contact with one kind."""
    made = alertmanager.alertmanager_config(settings(contacts={"x": contact}, routes=[], version=version))["receivers"][-1]
    ((entry,),) = (value for key, value in made.items() if key != "name")
    return dict(entry)


def test_jira_is_not_notified_about_the_end_of_an_alert_by_a_version_that_cannot() -> None:
    """Alertmanager before 0.33 needs resolve_transition for such a notification. A contact with send_resolved decides."""
    jira = {"api_url": "https://192.0.2.1/rest/api/2/", "project": "OPS", "issue_type": "Bug", "api_token": "hidden"}
    assert receiver("0.32.0", jira=jira)["send_resolved"] is False
    assert receiver("0.33.0", jira=jira)["send_resolved"] is True
    assert receiver("0.32.0", jira={**jira, "resolve_transition": "Done"})["send_resolved"] is True
    assert receiver("0.32.0", jira={**jira, "send_resolved": True})["send_resolved"] is True


def test_the_token_of_jira_is_a_password_with_an_account_and_a_bearer_token_without() -> None:
    """Other HTTP settings of the contact stay."""
    jira = {"api_url": "https://192.0.2.1/", "project": "OPS", "issue_type": "Bug", "api_token": "hidden"}
    http = {"proxy_url": "http://192.0.2.2:3128"}
    assert receiver("0.33.0", jira={**jira, "http_config": http})["http_config"] == {
        **http,
        "authorization": {"credentials": "hidden"},
    }
    assert receiver("0.33.0", jira={**jira, "username": "me"})["http_config"] == {
        "basic_auth": {"username": "me", "password": "hidden"}
    }


def test_an_alert_that_is_not_critical_has_a_lower_urgency() -> None:
    """A key of the contact replaces what the severity says."""
    assert receiver("0.33.0", pagerduty="key")["severity"].endswith("critical{{ else }}warning{{ end }}")
    assert receiver("0.33.0", opsgenie={"api_key": "key", "priority": "P5"})["priority"] == "P5"
