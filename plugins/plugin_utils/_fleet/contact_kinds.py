# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of contacts: how Alertmanager reaches people. Private to the collection.

To add a kind, add one entry to `KINDS`. Alertmanager's documentation ("Configuration") and its CHANGELOG say which
form each receiver has, and which version introduced the receiver.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from urllib.parse import quote

Version = tuple[int, ...]
# The values of a contact in the inventory.
Values = dict[str, t.Any]
# A section of a receiver (``email_configs``, for instance), and one entry of the section.
Entry = tuple[str, dict[str, t.Any]]
# The key that is wrong (or an empty text), and what to do.
Problem = tuple[str, str]

_TITLE, _TEXT = '{{ template "vigie.subject" . }}', '{{ template "vigie.text" . }}'
# Alertmanager parses a text in a payload as YAML where it can (DeepCopyWithTemplate in its template/template.go). No YAML begins
# with a backtick.
_PLAIN = f"`{_TITLE}`\n{_TEXT}"
_COLOUR = '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'
_MATRIX_TOKENS = {"access_token": "credentials", "access_token_file": "credentials_file"}
# Incoming webhooks of Rocket.Chat accept Slack's messages. From the first of these versions on, Alertmanager's receiver for Slack
# takes the webhook's answer for an error and sends again without end (alertmanager#3546). From the second on, Alertmanager's
# webhooks have payloads.
_ROCKETCHAT_WEBHOOKS = ((0, 26), (0, 32))
_ROCKETCHAT = (0, 28)
_MATTERMOST_TITLES = (0, 33)


def _no_problems(_values: Values, _version: Version) -> t.Iterator[Problem]:
    """Find nothing."""
    yield from ()


@dataclasses.dataclass(frozen=True)
class ContactKind:
    """One kind of contact.

    entry: returns the entry of a receiver for the contact's values, which the function may change, and Alertmanager's version.
    text_key: the key that a text in place of a dictionary stands for. Empty where the kind needs a dictionary.
    required: groups of keys. A contact has at least one key of each group.
    since: the first version of Alertmanager that has the receiver.
    problems: yields what is wrong with the values beyond that.
    """

    entry: t.Callable[[Values, Version], Entry]
    text_key: str = ""
    required: tuple[tuple[str, ...], ...] = ()
    since: Version = (0,)
    problems: t.Callable[[Values, Version], t.Iterator[Problem]] = _no_problems

    def values(self, contact: t.Any) -> Values:
        """Return the values of a contact that is a dictionary, or a text for `text_key`."""
        return dict(contact) if isinstance(contact, dict) else {self.text_key: contact}

    def all_problems(self, contact: t.Any, version: Version) -> t.Iterator[Problem]:
        """Yield everything that is wrong with a contact of this kind for a *version* of Alertmanager. Values are not shown."""
        if not isinstance(contact, dict) and not (isinstance(contact, str) and contact and self.text_key):
            yield "", f"must be a dictionary{' or a string' if self.text_key else ''}"
            return
        values = self.values(contact)
        for keys in self.required:
            if not any(values.get(key) for key in keys):
                yield "", f"{' or '.join(keys)} is missing. Add it"
        yield from self.problems(values, version)
        if version < self.since:
            yield "", _too_old(self.since)


def _too_old(since: Version) -> str:
    first = ".".join(map(str, since))
    return f"Alertmanager supports this receiver since {first}. Set alertmanager_version to {first} or later, or use a webhook"


def parse_version(text: t.Any) -> Version:
    """Return the numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", str(text))[:3])


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


KINDS: dict[str, ContactKind] = {
    "mail": ContactKind(_mail, text_key="to"),
    "slack": ContactKind(_slack, text_key="webhook_url"),
    "mattermost": ContactKind(_mattermost, text_key="webhook_url"),
    "rocketchat": ContactKind(_rocketchat, text_key="webhook_url", problems=_rocketchat_problems),
    "telegram": ContactKind(_telegram, since=(0, 24)),
    "matrix": ContactKind(
        _matrix, required=(("homeserver",), ("room",), tuple(_MATRIX_TOKENS)), since=(0, 32), problems=_matrix_problems
    ),
    "webhook": ContactKind(_webhook, text_key="url"),
}


ROUTE_TIMES = ("group_wait", "group_interval", "repeat_interval")


def as_list(value: t.Any) -> list[t.Any]:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]
