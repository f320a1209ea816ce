# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate ``grafana_alerting``: what Grafana's own alerting has in files. Private to the collection.

The module grafana_forms has the forms of the dictionaries. This module validates what several of them must have in common.
"""

from __future__ import annotations

import collections
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.contact_kinds import as_list
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_duration, parse_version
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.formats import duration
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.grafana_forms import (
    CONTACT_POINT,
    CONTACT_POINT_TYPES,
    GROUP,
    INTERVAL,
    MUTE_TIMING,
    NOTIFICATION,
    POLICY,
    QUERY,
    RECEIVER,
    ROUTE,
    RULE,
    TEMPLATE,
    Problem,
    form_problems,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.times import range_problem, time_zone_problem

Item = dict[str, t.Any]
SECTIONS = ("rules", "contact_points", "policies", "mute_timings", "templates")
# The names that each organisation has.
Names = set[tuple[int, str]]
_SINCE = (9, 1)
_UID = re.compile(r"[a-zA-Z0-9_-]{1,40}")
# Grafana evaluates rules at multiples of this interval.
_TICK, _TICK_MILLISECONDS = "10s", 10_000
# Every organisation has this contact point.
_DEFAULT_CONTACT_POINT = "grafana-default-email"
_NO_DATA = ("Alerting", "NoData", "OK", "KeepLast")
_ERROR = ("Alerting", "Error", "OK", "KeepLast")
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")
_UNIQUE = "uid must be unique in an organisation, for Grafana would replace the other one"


def alerting_problems(settings: t.Mapping[str, t.Any]) -> t.Iterator[Problem]:
    """Yield what is wrong with ``grafana_alerting`` in the *settings* of a Grafana. Values of contact points are not shown."""
    alerting = settings["grafana_alerting"] or {}
    if not alerting:
        return
    version = parse_version(settings["grafana_version"])
    if version and version < _SINCE:
        yield "alerting", "…", "Grafana reads alerting from files since 9.1. Set grafana_version to 9.1 or later"
        return
    known = ", ".join(SECTIONS)
    for section, value in alerting.items():
        if section not in SECTIONS:
            yield f"alerting.{section}", "…", f"unknown key. The known keys are {known}"
        elif value is not None and not isinstance(value, list):
            yield f"alerting.{section}", "…", "must be a list, as in Grafana's provisioning files"
    parts = {name: found if isinstance(found := alerting.get(name), list) else [] for name in SECTIONS}
    contact_points = {(_organisation(item), name) for item, name in _named(parts["contact_points"])}
    timings = {(_organisation(item), name) for item, name in _named(parts["mute_timings"])}
    yield from _rules_problems(parts["rules"], contact_points, timings)
    yield from _contact_points_problems(parts["contact_points"])
    yield from _policies_problems(parts["policies"], contact_points, timings)
    yield from _mute_timings_problems(parts["mute_timings"])
    for where, item in _items("alerting.templates", parts["templates"]):
        yield from form_problems(where, item, TEMPLATE)
    for section in ("mute_timings", "templates"):
        yield from _twice(
            f"alerting.{section}", _named(parts[section]), "an organisation has this name twice. Rename one of the two"
        )


def _items(where: str, found: t.Any) -> t.Iterator[tuple[str, Item]]:
    """Yield the entries of a list with their places. An entry that is no dictionary is yielded as an empty one."""
    for index, item in enumerate(found if isinstance(found, list) else []):
        yield f"{where}[{index}]", item if isinstance(item, dict) else {}


def _named(found: t.Sequence[t.Any]) -> t.Iterator[tuple[Item, str]]:
    return ((item, item["name"]) for _where, item in _items("", found) if isinstance(item.get("name"), str))


def _organisation(item: Item) -> int:
    # Grafana takes the first organisation if the file names none.
    found = item.get("orgId") or 1
    return found if isinstance(found, int) else 1


def _twice(where: str, found: t.Iterable[tuple[Item, str]], remedy: str) -> t.Iterator[Problem]:
    """Yield the names that one organisation has several times."""
    count = collections.Counter((_organisation(item), name) for item, name in found)
    yield from ((where, name, remedy) for (_organisation_id, name), number in count.items() if number > 1)


def _uid_problems(where: str, uid: t.Any) -> t.Iterator[Problem]:
    if isinstance(uid, str) and uid and not _UID.fullmatch(uid):
        yield f"{where}.uid", uid, "must have at most 40 letters, digits, dashes and underscores"


def _rules_problems(groups: list[t.Any], contact_points: Names, timings: Names) -> t.Iterator[Problem]:
    uids: list[tuple[Item, str]] = []
    for where, group in _items("alerting.rules", groups):
        yield from form_problems(where, group, GROUP)
        interval = group.get("interval")
        if isinstance(interval, str) and not duration(interval) and parse_duration(interval) % _TICK_MILLISECONDS:
            yield f"{where}.interval", interval, f"must be a multiple of {_TICK}, the interval of Grafana's scheduler"
        for place, rule in _items(f"{where}.rules", group.get("rules")):
            yield from _rule_problems(place, rule)
            uids.append((group, str(rule.get("uid") or "")))
            its = rule.get("notification_settings")
            if isinstance(its, dict):
                place += ".notification_settings"  # noqa: PLW2901 - the place of the part
                yield from form_problems(place, its, NOTIFICATION)
                yield from _routing_problems(place, its, _organisation(group), contact_points, timings)
    yield from _twice("alerting.rules", ((item, uid) for item, uid in uids if uid), f"two rules have this uid. A {_UNIQUE}")
    named = ((group, f"{group.get('folder')}/{name}") for group, name in _named(groups))
    yield from _twice("alerting.rules", named, "a folder has two groups with this name. Merge the groups, or rename one")


def _rule_problems(where: str, rule: Item) -> t.Iterator[Problem]:
    yield from form_problems(where, rule, RULE)
    yield from _uid_problems(where, rule.get("uid"))
    for key, known in (("noDataState", _NO_DATA), ("execErrState", _ERROR)):
        if rule.get(key) not in (None, "", *known):
            yield f"{where}.{key}", rule[key], f"must be one of {', '.join(known)}"
    queries = [query for _place, query in _items("", rule.get("data"))]
    for place, query in _items(f"{where}.data", rule.get("data")):
        yield from form_problems(place, query, QUERY)
    known_ids = [query.get("refId") for query in queries]
    named = [("condition", rule.get("condition"))]
    record = rule.get("record")
    if isinstance(record, dict):
        named = [("record.from", record.get("from"))]
        if not record.get("metric"):
            yield f"{where}.record.metric", None, "is missing. Add the name of the metric that the rule records"
    for key, value in named:
        if not value:
            yield f"{where}.{key}", value, "is missing. Add the refId of a query in data"
        elif value not in known_ids:
            yield f"{where}.{key}", value, f"must be the refId of a query in data: {', '.join(map(str, known_ids)) or 'none'}"


def _contact_points_problems(contact_points: list[t.Any]) -> t.Iterator[Problem]:
    uids: list[tuple[Item, str]] = []
    for where, contact_point in _items("alerting.contact_points", contact_points):
        yield from form_problems(where, contact_point, CONTACT_POINT, secret=True)
        for place, receiver in _items(f"{where}.receivers", contact_point.get("receivers")):
            yield from form_problems(place, receiver, RECEIVER, secret=True)
            yield from _uid_problems(place, receiver.get("uid"))
            uids.append((contact_point, str(receiver.get("uid") or "")))
            yield from _type_problems(place, receiver)
    yield from _twice(
        "alerting.contact_points", ((item, uid) for item, uid in uids if uid), f"two receivers have this uid. A {_UNIQUE}"
    )


def _type_problems(where: str, receiver: Item) -> t.Iterator[Problem]:
    """Yield an unknown type, and the missing settings of a type that is known."""
    kind, settings = receiver.get("type"), receiver.get("settings")
    if not isinstance(kind, str) or not kind:
        return
    required = CONTACT_POINT_TYPES.get(kind.lower())
    if required is None:
        known = ", ".join(CONTACT_POINT_TYPES)
        yield f"{where}.type", kind, f"unknown type of contact point. The known types are {known}"
    elif isinstance(settings, dict) and settings:
        missing = [" or ".join(keys) for keys in required if not any(settings.get(key) for key in keys)]
        if missing:
            yield f"{where}.settings", "…", f"the type {kind} requires {' and '.join(missing)}. Add what is missing"


def _policies_problems(policies: list[t.Any], contact_points: Names, timings: Names) -> t.Iterator[Problem]:
    for where, policy in _items("alerting.policies", policies):
        yield from form_problems(where, policy, POLICY)
        yield from _routing_problems(where, policy, _organisation(policy), contact_points, timings)
        yield from _routes_problems(f"{where}.routes", policy.get("routes"), _organisation(policy), contact_points, timings)
    trees = ((policy, f"orgId {_organisation(policy)}") for _where, policy in _items("", policies))
    yield from _twice("alerting.policies", trees, "an organisation has one policy, with routes below it. Merge the two policies")


def _routes_problems(where: str, routes: t.Any, organisation: int, contact_points: Names, timings: Names) -> t.Iterator[Problem]:
    for place, route in _items(where, routes):
        yield from form_problems(place, route, ROUTE)
        yield from _routing_problems(place, route, organisation, contact_points, timings)
        yield from _routes_problems(f"{place}.routes", route.get("routes"), organisation, contact_points, timings)


def _routing_problems(where: str, routing: Item, organisation: int, contact_points: Names, timings: Names) -> t.Iterator[Problem]:
    """Yield the contact points and the mute timings that *routing* names and that do not exist."""
    receiver = routing.get("receiver")
    if receiver and receiver != _DEFAULT_CONTACT_POINT and (organisation, receiver) not in contact_points:
        yield (
            f"{where}.receiver",
            receiver,
            f"unknown contact point. grafana_alerting.contact_points has {_of(organisation, contact_points)}",
        )
    for key in ("mute_time_intervals", "active_time_intervals"):
        for name in as_list(routing.get(key)):
            if (organisation, name) not in timings:
                yield (
                    f"{where}.{key}",
                    name,
                    f"unknown mute timing. grafana_alerting.mute_timings has {_of(organisation, timings)}",
                )


def _of(organisation: int, found: Names) -> str:
    return ", ".join(sorted(name for its, name in found if its == organisation)) or "none"


def _mute_timings_problems(mute_timings: list[t.Any]) -> t.Iterator[Problem]:
    for where, timing in _items("alerting.mute_timings", mute_timings):
        yield from form_problems(where, timing, MUTE_TIMING)
        for place, interval in _items(f"{where}.time_intervals", timing.get("time_intervals")):
            yield from form_problems(place, interval, INTERVAL)
            if not interval:
                yield place, interval, f"must have at least one of the keys {', '.join(INTERVAL.types)}"
            for key in ("weekdays", "days_of_month", "months", "years"):
                for item in as_list(interval.get(key)):
                    if remedy := range_problem(key, item):
                        yield f"{place}.{key}", item, remedy
            for time in as_list(interval.get("times")):
                if remedy := _time_problem(time):
                    yield f"{place}.times", time, remedy
            if interval.get("location") and (remedy := time_zone_problem(interval["location"])):
                yield f"{place}.location", interval["location"], remedy


def _time_problem(time: t.Any) -> str | None:
    start, end = (str(time.get(key)) for key in ("start_time", "end_time")) if isinstance(time, dict) else ("", "")
    if not _CLOCK.fullmatch(start) or not _CLOCK.fullmatch(end) or set(time) != {"start_time", "end_time"}:
        return "must have start_time and end_time, times of day such as '08:00', in quotes"
    return None if start < end else "start_time must be before end_time. For a time across midnight, write two times"
