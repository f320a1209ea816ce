# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of contacts: how Alertmanager reaches people. Private to the collection.

To add a kind, add one entry to `KINDS`. Alertmanager's documentation ("Configuration") and its CHANGELOG say which
form each receiver has, and which version introduced the receiver.
"""

from __future__ import annotations

import dataclasses
import typing as t
from urllib.parse import quote, urlsplit

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import Version

# The values of a contact in the inventory.
Values = dict[str, t.Any]
# A section of a receiver (``email_configs``, for instance), and one entry of the section.
Entry = tuple[str, dict[str, t.Any]]
# The wrong key (empty for the whole contact), and the remedy.
Problem = tuple[str, str]

_TITLE, _TEXT = '{{ template "vigie.subject" . }}', '{{ template "vigie.text" . }}'
# Alertmanager parses a string in a payload as YAML if possible (DeepCopyWithTemplate in its template/template.go). No YAML begins
# with a backtick.
_PLAIN = f"`{_TITLE}`\n{_TEXT}"
_COLOUR = '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'
# A group whose alerts differ in severity has no severity in `CommonLabels`.
_CRITICAL = 'eq .CommonLabels.severity "critical"'
_MATRIX_TOKENS = {"access_token": "credentials", "access_token_file": "credentials_file"}
# Incoming webhooks of Rocket.Chat accept Slack's messages. From the first of these versions on, Alertmanager's receiver for Slack
# treats the answer of the webhook as an error, and sends the message again without end (alertmanager#3546). From the second
# version on, Alertmanager's webhooks have payloads.
_ROCKETCHAT_WEBHOOKS = ((0, 26), (0, 32))
_ROCKETCHAT = (0, 28)
_MATTERMOST_TITLES = (0, 33)
_WEBHOOK = ("webhook_url", "webhook_url_file")
# Alertmanager 0.28 searches with a call that Jira Cloud has removed. Without resolve_transition, Alertmanager before 0.33 cannot
# notify Jira about a resolved alert (alertmanager#4821).
_JIRA_CLOUD, _JIRA_UNRESOLVED = (0, 29), (0, 33)
_WEBEX_TOKENS = {"bot_token": "credentials", "bot_token_file": "credentials_file"}
_SNS_TARGETS = ("topic_arn", "phone_number", "target_arn")


def _no_problems(_values: Values, _version: Version) -> t.Iterator[Problem]:
    """Yield no problems."""
    yield from ()


@dataclasses.dataclass(frozen=True)
class ContactKind:
    """One kind of contact.

    entry: returns the entry of a receiver for the contact's values, which the function may change, and Alertmanager's version.
    text_key: the key that a string in place of a dictionary stands for. Empty if the kind needs a dictionary.
    required: groups of keys. A contact has at least one key of each group.
    since: the first version of Alertmanager that has the receiver.
    keys_since: the first version of Alertmanager that has a key, for keys that are younger than the receiver.
    problems: yields further problems of the values.
    """

    entry: t.Callable[[Values, Version], Entry]
    text_key: str = ""
    required: tuple[tuple[str, ...], ...] = ()
    since: Version = (0,)
    keys_since: t.Mapping[str, Version] = dataclasses.field(default_factory=dict)
    problems: t.Callable[[Values, Version], t.Iterator[Problem]] = _no_problems

    def values(self, contact: t.Any) -> Values:
        """Return the values of a contact, which is a dictionary or a string for `text_key`."""
        return dict(contact) if isinstance(contact, dict) else {self.text_key: contact}

    def all_problems(self, contact: t.Any, version: Version) -> t.Iterator[Problem]:
        """Yield the problems of a contact of this kind for a *version* of Alertmanager, without showing values."""
        if not isinstance(contact, dict) and not (isinstance(contact, str) and contact and self.text_key):
            yield "", f"must be a dictionary{' or a string' if self.text_key else ''}"
            return
        if version < self.since:
            yield "", _too_old(self.since)
            return
        values = self.values(contact)
        for keys in self.required:
            if not any(values.get(key) for key in keys):
                yield "", f"{' or '.join(keys)} is missing. Add it"
        for key in values:
            if f"{key}_file" in values:
                yield key, f"the contact has {key} and {key}_file. Remove one of them"
            since = self.keys_since.get(key, ())
            if version < since:
                remedy = f"Set alertmanager_version to {_dotted(since)} or later, or remove the key"
                yield key, f"Alertmanager supports this key since {_dotted(since)}. {remedy}"
        yield from self.problems(values, version)


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


def _too_old(since: Version) -> str:
    first = _dotted(since)
    return f"Alertmanager supports this receiver since {first}. Set alertmanager_version to {first} or later, or use a webhook"


def _mail(values: Values, _version: Version) -> Entry:
    headers = {"Subject": _TITLE, **values.pop("headers", {})}
    return "email_configs", {"html": '{{ template "vigie.html" . }}', "text": _TEXT, **values, "headers": headers}


def _slack(values: Values, _version: Version) -> Entry:
    for ours, theirs in (("webhook_url", "api_url"), ("webhook_url_file", "api_url_file")):
        if ours in values:
            values[theirs] = values.pop(ours)
    return "slack_configs", {"title": _TITLE, "title_link": "{{ .ExternalURL }}", "text": _TEXT, "color": _COLOUR, **values}


def _mattermost(values: Values, version: Version) -> Entry:
    # Incoming webhooks of Mattermost accept Slack's messages. Alertmanager's receiver for Mattermost exists since 0.30, but has
    # titles and colours since 0.33 only.
    if version < _MATTERMOST_TITLES:
        return _slack(values, version)
    return "mattermost_configs", {"title": _TITLE, "title_link": "{{ .ExternalURL }}", "text": _TEXT, "color": _COLOUR, **values}


def _rocketchat(values: Values, version: Version) -> Entry:
    for ours, theirs in (("webhook_url", "url"), ("webhook_url_file", "url_file")):
        if ours in values and version < _ROCKETCHAT_WEBHOOKS[1]:
            return _slack(values, version)
        if ours in values:
            return "webhook_configs", {theirs: values.pop(ours), "payload": {"text": _PLAIN}, **values}
    return "rocketchat_configs", {"title": _TITLE, "title_link": "{{ .ExternalURL }}", "text": _TEXT, **values}


def _rocketchat_problems(values: Values, version: Version) -> t.Iterator[Problem]:
    if not any("webhook" in key for key in values):
        if version < _ROCKETCHAT:
            yield "", _too_old(_ROCKETCHAT)
    elif _ROCKETCHAT_WEBHOOKS[0] <= version < _ROCKETCHAT_WEBHOOKS[1]:
        problem = (
            "Alertmanager 0.26 to 0.31 treats every answer of Rocket.Chat's webhooks as an error, and sends the message again"
        )
        yield "", f"{problem}. Use Alertmanager 0.32 or later, or set api_url, token_id, token and channel"


def _telegram(values: Values, _version: Version) -> Entry:
    return "telegram_configs", {"message": f"{_TITLE}\n{_TEXT}", "parse_mode": "", **values}


def _matrix(values: Values, _version: Version) -> Entry:
    """Send a message to a room by the client-server API's form without a transaction ID.

    Synapse and Dendrite have that form (``RoomSendEventRestServlet`` in Synapse).
    """
    homeserver, room = values.pop("homeserver").rstrip("/"), quote(values.pop("room"), safe="")
    credentials = {theirs: values.pop(ours) for ours, theirs in _MATRIX_TOKENS.items() if ours in values}
    return "webhook_configs", {
        "url": f"{homeserver}/_matrix/client/v3/rooms/{room}/send/m.room.message",
        "http_config": {"authorization": credentials},
        "payload": {"msgtype": "m.text", "body": _PLAIN},
        **values,
    }


def _matrix_problems(values: Values, _version: Version) -> t.Iterator[Problem]:
    if not str(values.get("room") or "!").startswith("!"):
        yield "room", "must be the internal ID of the room (!…:server), not an alias"


def _webhook(values: Values, _version: Version) -> Entry:
    return "webhook_configs", values


def _pagerduty(values: Values, _version: Version) -> Entry:
    severity = f"{{{{ if {_CRITICAL} }}}}critical{{{{ else }}}}warning{{{{ end }}}}"
    details = {"alerts": _TEXT, **values.pop("details", {})}
    return "pagerduty_configs", {"description": _TITLE, "severity": severity, **values, "details": details}


def _opsgenie(values: Values, _version: Version) -> Entry:
    priority = f"{{{{ if {_CRITICAL} }}}}P1{{{{ else }}}}P3{{{{ end }}}}"
    return "opsgenie_configs", {"message": _TITLE, "description": _TEXT, "priority": priority, **values}


def _victorops(values: Values, _version: Version) -> Entry:
    kind = f"{{{{ if {_CRITICAL} }}}}CRITICAL{{{{ else }}}}WARNING{{{{ end }}}}"
    return "victorops_configs", {"message_type": kind, "entity_display_name": _TITLE, "state_message": _TEXT, **values}


def _jira(values: Values, version: Version) -> Entry:
    # Jira Cloud accepts the account and its token as a password. Jira Data Center accepts the token alone.
    http = values.pop("http_config", {})
    token = {end: values.pop(f"api_token{end}") for end in ("", "_file") if f"api_token{end}" in values}
    if token and "username" in values:
        http = {
            **http,
            "basic_auth": {"username": values.pop("username"), **{f"password{end}": item for end, item in token.items()}},
        }
    elif token:
        http = {**http, "authorization": {f"credentials{end}": item for end, item in token.items()}}
    if version < _JIRA_UNRESOLVED and not values.get("resolve_transition"):
        values.setdefault("send_resolved", False)
    return "jira_configs", {"summary": _TITLE, "description": _TEXT, **values, "http_config": http}


def _jira_problems(values: Values, version: Version) -> t.Iterator[Problem]:
    url = urlsplit(str(values.get("api_url") or ""))
    if (url.hostname or "").endswith(".atlassian.net") and version < _JIRA_CLOUD:
        yield (
            "api_url",
            f"Jira Cloud needs Alertmanager {_dotted(_JIRA_CLOUD)} or later. Set alertmanager_version, or use a webhook",
        )
    if url.path.rstrip("/").endswith("/3") and "description" not in values:
        yield (
            "api_url",
            "version 3 of the API accepts no plain text: end the URL with /rest/api/2/, or add description as a JSON document",
        )


def _teams(values: Values, _version: Version) -> Entry:
    return "msteamsv2_configs", {"title": _TITLE, "text": _TEXT, **values}


def _discord(values: Values, _version: Version) -> Entry:
    return "discord_configs", {"title": _TITLE, "message": _TEXT, **values}


def _webex(values: Values, _version: Version) -> Entry:
    http = values.pop("http_config", {})
    token = {theirs: values.pop(ours) for ours, theirs in _WEBEX_TOKENS.items() if ours in values}
    if token:
        http = {**http, "authorization": token}
    return "webex_configs", {"message": f"{_TITLE}\n{_TEXT}", **values, "http_config": http}


def _pushover(values: Values, _version: Version) -> Entry:
    # With priority 2, Pushover repeats the message until a person acknowledges the message.
    priority = f'{{{{ if and (eq .Status "firing") ({_CRITICAL}) }}}}2{{{{ else }}}}0{{{{ end }}}}'
    return "pushover_configs", {"title": _TITLE, "message": _TEXT, "url": "{{ .ExternalURL }}", "priority": priority, **values}


def _sns(values: Values, _version: Version) -> Entry:
    return "sns_configs", {"subject": _TITLE, "message": _TEXT, **values}


def _sns_problems(values: Values, _version: Version) -> t.Iterator[Problem]:
    found = [key for key in _SNS_TARGETS if values.get(key)]
    if len(found) > 1:
        yield "", f"the contact has {' and '.join(found)}, but can have only one of them. Write a list with one entry for each"


def _incidentio(values: Values, _version: Version) -> Entry:
    return "incidentio_configs", values


KINDS: dict[str, ContactKind] = {
    "mail": ContactKind(_mail, text_key="to"),
    "slack": ContactKind(_slack, text_key="webhook_url"),
    "mattermost": ContactKind(_mattermost, text_key="webhook_url"),
    "rocketchat": ContactKind(_rocketchat, text_key="webhook_url", problems=_rocketchat_problems),
    "telegram": ContactKind(_telegram, since=(0, 24), keys_since={"bot_token_file": (0, 26), "chat_id_file": (0, 31)}),
    "matrix": ContactKind(
        _matrix, required=(("homeserver",), ("room",), tuple(_MATRIX_TOKENS)), since=(0, 32), problems=_matrix_problems
    ),
    "webhook": ContactKind(_webhook, text_key="url", keys_since={"url_file": (0, 26), "timeout": (0, 28), "payload": (0, 32)}),
    "pagerduty": ContactKind(
        _pagerduty,
        text_key="routing_key",
        required=(("routing_key", "routing_key_file", "service_key", "service_key_file"),),
        keys_since={"routing_key_file": (0, 25), "service_key_file": (0, 25), "source": (0, 25), "timeout": (0, 30)},
    ),
    "opsgenie": ContactKind(
        _opsgenie,
        text_key="api_key",
        required=(("api_key", "api_key_file"),),
        keys_since=dict.fromkeys(("api_key_file", "update_alerts", "entity", "actions"), (0, 24)),
    ),
    "victorops": ContactKind(
        _victorops, required=(("routing_key",), ("api_key", "api_key_file")), keys_since={"api_key_file": (0, 25)}
    ),
    "jira": ContactKind(
        _jira,
        required=(("api_url",), ("project",), ("issue_type",), ("api_token", "api_token_file", "http_config")),
        since=(0, 28),
        keys_since={"api_type": (0, 29)},
        problems=_jira_problems,
    ),
    "msteams": ContactKind(_teams, text_key="webhook_url", required=(_WEBHOOK,), since=(0, 28)),
    "discord": ContactKind(
        _discord,
        text_key="webhook_url",
        required=(_WEBHOOK,),
        since=(0, 25),
        keys_since={"webhook_url_file": (0, 27), "content": (0, 28), "username": (0, 28), "avatar_url": (0, 28)},
    ),
    "webex": ContactKind(_webex, required=(("room_id",), (*_WEBEX_TOKENS, "http_config")), since=(0, 25)),
    "pushover": ContactKind(
        _pushover,
        required=(("user_key", "user_key_file"), ("token", "token_file")),
        keys_since={
            **dict.fromkeys(("user_key_file", "token_file", "device"), (0, 26)),
            "ttl": (0, 27),
            "monospace": (0, 29),
        },
    ),
    "sns": ContactKind(
        _sns,
        text_key="topic_arn",
        required=(_SNS_TARGETS,),
        since=(0, 23),
        keys_since={"use_aws_http_client": (0, 33)},
        problems=_sns_problems,
    ),
    "incidentio": ContactKind(
        _incidentio,
        required=(("url", "url_file"), ("alert_source_token", "alert_source_token_file", "http_config")),
        since=(0, 29),
    ),
}


ROUTE_TIMES = ("group_wait", "group_interval", "repeat_interval")
# The keys of a route that name times in ``alertmanager_times``, and Alertmanager's names of the keys.
ROUTE_HOURS = {"active": "active_time_intervals", "mute": "mute_time_intervals"}


def as_list(value: t.Any) -> list[t.Any]:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]
