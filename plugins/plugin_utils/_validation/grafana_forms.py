# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of the dictionaries in Grafana's provisioning files for alerting. Private to the collection.

Grafana publishes no schema of these files. The keys and types are those of the package provisioning/alerting of Grafana's source,
the settings of contact points those of its receivers. A wrong file keeps Grafana from starting.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.formats import duration

# Variable (without the prefix of the role), value, remedy.
Problem = tuple[str, t.Any, str]

# The types of contact points and their required settings: of each group at least one.
CONTACT_POINT_TYPES: dict[str, tuple[tuple[str, ...], ...]] = {
    "dingding": (("url",),),
    "discord": (("url",),),
    "email": (("addresses",),),
    "googlechat": (("url",),),
    "jira": (("api_url",), ("project",), ("issue_type",)),
    "kafka": (("kafkaRestProxy",), ("kafkaTopic",)),
    "line": (("token",),),
    "mqtt": (("brokerUrl",), ("topic",)),
    "oncall": (("url",),),
    "opsgenie": (("apiKey",),),
    "pagerduty": (("integrationKey",),),
    "prometheus-alertmanager": (("url",),),
    "pushover": (("apiToken",), ("userKey",)),
    "sensugo": (("url",), ("apikey",)),
    "slack": (("url", "token"), ("url", "recipient")),
    "sns": (("topic_arn", "phone_number", "target_arn"),),
    "teams": (("url",),),
    "telegram": (("bottoken",), ("chatid",)),
    "threema": (("gateway_id",), ("recipient_id",), ("api_secret",)),
    "victorops": (("url",),),
    "webex": (("bot_token",), ("room_id",)),
    "webhook": (("url",),),
    "wecom": (("url", "secret"),),
}


@dataclasses.dataclass(frozen=True)
class Form:
    """The form of one dictionary.

    types: the types of the values, by key.
    required: the keys without which Grafana rejects the file.
    durations: the keys whose values are durations.
    """

    types: t.Mapping[str, type]
    required: tuple[str, ...] = ()
    durations: tuple[str, ...] = ()


_ROUTING: dict[str, type] = {
    "receiver": str,
    "group_by": list,
    "group_wait": str,
    "group_interval": str,
    "repeat_interval": str,
    "mute_time_intervals": list,
    "active_time_intervals": list,
}
_ROUTING_DURATIONS = ("group_wait", "group_interval", "repeat_interval")
GROUP = Form(
    {"orgId": int, "name": str, "folder": str, "interval": str, "rules": list},
    ("name", "folder", "interval", "rules"),
    ("interval",),
)
RULE = Form(
    {
        "uid": str,
        "title": str,
        "condition": str,
        "data": list,
        # Grafana still reads the key with this typing error.
        "dasboardUid": str,
        "dashboardUid": str,
        "panelId": int,
        "noDataState": str,
        "execErrState": str,
        "for": str,
        "keepFiringFor": str,
        "missing_series_evals_to_resolve": int,
        "annotations": dict,
        "labels": dict,
        "isPaused": bool,
        "notification_settings": dict,
        "record": dict,
    },
    ("uid", "title", "data"),
    ("for", "keepFiringFor"),
)
QUERY = Form(
    {"refId": str, "queryType": str, "relativeTimeRange": dict, "datasourceUid": str, "model": dict},
    ("refId", "datasourceUid", "model"),
)
NOTIFICATION = Form(_ROUTING, ("receiver",), _ROUTING_DURATIONS)
CONTACT_POINT = Form({"orgId": int, "name": str, "receivers": list}, ("name", "receivers"))
RECEIVER = Form({"uid": str, "type": str, "settings": dict, "disableResolveMessage": bool}, ("uid", "type", "settings"))
ROUTE = Form(
    {
        **_ROUTING,
        "continue": bool,
        "match": dict,
        "match_re": dict,
        "matchers": list,
        "object_matchers": list,
        "routes": list,
    },
    (),
    _ROUTING_DURATIONS,
)
POLICY = Form(
    {
        "orgId": int,
        "routes": list,
        **{key: kind for key, kind in _ROUTING.items() if not key.endswith("time_intervals")},
    },
    ("receiver",),
    _ROUTING_DURATIONS,
)
MUTE_TIMING = Form({"orgId": int, "name": str, "time_intervals": list}, ("name", "time_intervals"))
INTERVAL = Form(
    {"times": list, "weekdays": list, "days_of_month": list, "months": list, "years": list, "location": str},
)
TEMPLATE = Form({"orgId": int, "name": str, "template": str}, ("name", "template"))
_KINDS = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a dictionary"}


def form_problems(where: str, item: t.Mapping[str, t.Any], form: Form, *, secret: bool = False) -> t.Iterator[Problem]:
    """Yield unknown keys, wrong types and missing keys of one dictionary."""
    for key, value in item.items():
        shown = "…" if secret else value
        kind = form.types.get(key)
        if kind is None:
            yield f"{where}.{key}", shown, f"unknown key. The known keys are {', '.join(form.types)}"
        elif value is None:
            continue
        elif key in form.durations:
            if remedy := duration(value, zero=key != "interval"):
                yield f"{where}.{key}", shown, remedy
        elif isinstance(value, bool) != (kind is bool) or not isinstance(value, kind):
            yield f"{where}.{key}", shown, f"must be {_KINDS[kind]}"
    for key in form.required:
        if item.get(key) in (None, "", [], {}):
            yield f"{where}.{key}", item.get(key), "is missing. Grafana does not start without this key"
