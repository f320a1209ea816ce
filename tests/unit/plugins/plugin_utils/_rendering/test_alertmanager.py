# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contacts and routes: what they become, where alerts go, and what is refused."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import inventories
import pytest
import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import alertmanager
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import alert_labels
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.contacts import contact_and_route_problems

DEFAULTS = inventories.defaults("alertmanager")
LABELS = {"function", "group"}
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


def written(path: Path, **changes: t.Any) -> Path:
    """Write the files of an Alertmanager; return its configuration."""
    for name, file in alertmanager.alertmanager_files(settings(**changes)).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(file["content"])
    return path / "alertmanager.yml"


def run(*command: t.Any) -> str:
    """Run a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_version_accepts_it(amtool: tuple[str, str], tmp_path: Path) -> None:
    """All kinds that it knows, natively or as what it knows instead; and the default, with no contact at all."""
    program, version = amtool
    # Rocket.Chat's webhooks do not go with all of them.
    chat = CONTACTS["chat"] if not "0.26" <= version < "0.32" else {"mattermost": "https://192.0.2.1/matter"}
    contacts = {**CONTACTS, "chat": chat, "phone": {"telegram": {"bot_token": "1:x", "chat_id": 7}}}
    if version >= "0.32":
        contacts["room"] = {"matrix": MATRIX}
    if version >= "0.28":
        contacts["native"] = {"rocketchat": {"api_url": "https://192.0.2.1", "token_id": "a", "token": "b", "channel": "#x"}}
    assert contact_and_route_problems(settings(contacts=contacts, version=version), LABELS) == []
    run(program, "check-config", written(tmp_path / "all", contacts=contacts, version=version))
    run(program, "check-config", written(tmp_path / "none", contacts={}, routes=[], smtp={}, version=version))
    # What people see of it, without the secrets, too.
    shown = tmp_path / "all" / "alertmanager.yml"
    shown.write_text(alertmanager.redacted_files(settings(contacts=contacts, version=version))["alertmanager.yml"])
    run(program, "check-config", shown)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (["alertname=X"], "ops"),
        (["alertname=X", "severity=critical"], "oncall"),
        (["alertname=X", "severity=critical", "function=sms"], "oncall,team-sms,chat"),
        (["alertname=X", "function=web"], "chat"),
        (["alertname=X", "function=d.b"], "chat"),
        (["alertname=X", "function=dxb"], "ops"),
        (["alertname=X", "group=xy", "job=app"], "team-sms"),
        (["alertname=X", "group=xy", "job=node"], "chat"),
        (["alertname=Watchdog", "severity=critical"], "nobody"),
    ],
)
def test_an_alert_goes_where_the_routes_say(amtool: tuple[str, str], tmp_path: Path, labels: list[str], receivers: str) -> None:
    """As Alertmanager itself has it."""
    file = written(tmp_path, version=amtool[1])
    assert run(amtool[0], "config", "routes", "test", "--config.file", file, *labels).strip() == receivers


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


def test_the_whole_configuration_may_be_given() -> None:
    """It goes over as it is, and no template of ours with it."""
    own = {"route": {"receiver": "x"}, "receivers": [{"name": "x"}]}
    files = alertmanager.alertmanager_files(settings(config=own, contacts={}, routes=[], templates={"mine": "{{ x }}"}))
    assert yaml.safe_load(files["alertmanager.yml"]["content"]) == own
    assert files["templates/mine.tmpl"] == {"content": "{{ x }}"}
    assert set(files) == {"alertmanager.yml", "templates/mine.tmpl"}
    assert files["alertmanager.yml"]["secret"] is True


@pytest.mark.parametrize(
    ("changes", "where", "remedy"),
    [
        (
            {"routes": [{"match": {"function": "x"}, "contact": "nobdy"}]},
            "routes[0].contact",
            "no such contact; alertmanager_contacts has ops",
        ),
        ({"routes": [{"match": {"function": "x"}}]}, "routes[0]", "it leads nowhere"),
        ({"routes": [{"match": {"functoin": "x"}, "contact": "ops"}]}, "routes[0].match", "no target and no rule has this label"),
        ({"routes": [{"matchers": ['functoin=~"x"'], "contact": "ops"}]}, "routes[0].match", "no target and no rule"),
        (
            {"routes": [{"match_regex": {"group": "x["}, "contact": "ops"}]},
            "routes[0].match_regex.group",
            "no regular expression",
        ),
        ({"routes": [{"match": {}, "contact": "ops", "receiver": "x"}]}, "routes[0]", "unknown; known are match"),
        (
            {"routes": [{"contact": "ops", "group_wait": "soon"}]},
            "routes[0].group_wait",
            "it must be whole numbers with the units",
        ),
        ({"routes": [{"contact": "ops", "routes": [{"match": {"group": "a"}}]}]}, "routes[0].routes[0]", "it leads nowhere"),
        ({"routes": ["ops"]}, "routes[0]", "a route is a dictionary"),
        ({"default_contact": "x"}, "default_contact", "no such contact"),
        ({"watchdog_contact": "x"}, "watchdog_contact", "no such contact"),
        ({"smtp": {}}, "smtp", "contacts have mail: give smarthost"),
        (
            {"contacts": {"ops": {"pager": "x"}}, "routes": []},
            "contacts.ops.pager",
            "no such kind of contact; there are mail, slack",
        ),
        ({"contacts": {"ops": "x"}, "routes": []}, "contacts.ops", "a contact is a dictionary"),
        ({"contacts": {"ops": {"telegram": "x"}}, "routes": []}, "contacts.ops.telegram", "it must be a dictionary"),
        (
            {"contacts": {"ops": {"rocketchat": "https://x/"}}, "routes": [], "version": "0.28.1"},
            "contacts.ops.rocketchat",
            "takes the answer of Rocket.Chat's webhooks for an error",
        ),
        ({"contacts": {"ops": {"matrix": "x"}}, "routes": []}, "contacts.ops.matrix", "it must be a dictionary"),
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
            "has this receiver since 0.32",
        ),
        (
            {"contacts": {"ops": {"rocketchat": {"token": "x"}}}, "routes": [], "version": "0.25.0"},
            "contacts.ops.rocketchat",
            "Alertmanager has this receiver since 0.28",
        ),
        ({"config": {"route": {}}, "routes": []}, "contacts", "alertmanager_config is the whole configuration already"),
    ],
)
def test_a_mistake_is_told_before_anything_is_touched(changes: dict[str, t.Any], where: str, remedy: str) -> None:
    """With the variable and what to do; and no secret."""
    ((variable, value, said),) = contact_and_route_problems(settings(**changes), LABELS)
    assert variable == where
    assert remedy in said
    assert "https://" not in str(value)


def test_labels_that_alerts_may_have() -> None:
    """Of targets, of endpoints, of rules, of servers, and what the texts of alerts speak of."""
    rules = (
        'groups: [{name: g, rules: [{alert: A, expr: x, labels: {team: a}, annotations: {summary: "{{ $labels.mountpoint }}"}}]}]'
    )
    model = {
        "hosts": {"a": {"labels": {"function": "x"}, "endpoints": [{"labels": {"uwsgi": "x"}}]}},
        "rules": {"r": rules},
        "servers": {"prometheus": {"p": {"prometheus_external_labels": {"dc": "a"}, "prometheus_extra_rules": []}}},
    }
    assert alert_labels.labels_of(model) == {"function", "uwsgi", "team", "mountpoint", "dc"}
