# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From hosts, a duration and a reason to silences in the form of Alertmanager's API. Private to the collection."""

from __future__ import annotations

import datetime
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_duration, utc_text
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers

# The author of the silences of the playbook silence. The silences of the playbook offboard, which the playbook site ends, have
# another author.
AUTHOR = "vigie.monitoring.silence"
# The author of the silences of monitoring_maintenance.
MAINTENANCE = "vigie.monitoring.maintenance"
Silence = t.Mapping[str, t.Any]


def silence_problem(model: Model, hosts: t.Sequence[str], limit: t.Any, variables: t.Mapping[str, t.Any]) -> str:
    """Return why the playbook silence cannot do what its *variables* say, as a sentence, or an empty text.

    :param variables: for, why and end.
    """
    if not active_servers(model, "alertmanager"):
        return "The inventory has no Alertmanager. Add a host to the group alertmanager"
    if (variables["for"] or variables["end"]) and not limit:
        reason = f"because the run has all {len(hosts)} hosts of the inventory"
        return f"The playbook silence needs a limit, {reason}. Add the hosts: --limit web1.example.com"
    if variables["for"]:
        return _creation_problem(variables)
    if variables["why"] and not variables["end"]:
        return "Variable for is missing. Add the duration of the silence: -e for=2h"
    return ""


def _creation_problem(variables: t.Mapping[str, t.Any]) -> str:
    if variables["end"]:
        return "Variables for and end exclude each other. Remove one of them"
    if not parse_duration(variables["for"]):
        remedy = "must be a duration longer than 0, whole numbers with the units w, d, h, m and s without spaces: 2h, 1h30m"
        return f"Variable for, value {variables['for']!r}: {remedy}"
    if not str(variables["why"]).strip():
        return "Variable why is missing. Add the reason of the silence: -e why='new disk'"
    return ""


def silence_requests(
    hosts: t.Iterable[str], duration: str, why: str, silences: t.Iterable[Silence], now: float
) -> list[dict[str, t.Any]]:
    """Return one request for each of *hosts*. A request with the ID of a silence replaces this silence.

    :param silences: the silences of Alertmanager.
    :param now: seconds since 1970.
    """
    ids = {host: silence["id"] for silence in silences for host in [_host(silence)] if host and silence["createdBy"] == AUTHOR}
    return [
        {
            **({"id": ids[host]} if host in ids else {}),
            "matchers": [{"name": "host", "value": host, "isRegex": False, "isEqual": True}],
            # Alertmanager replaces a start in the past by its own time, so that the clocks of both machines can differ.
            "startsAt": _utc(now - 3600),
            "endsAt": _utc(now + parse_duration(duration) / 1000),
            "createdBy": AUTHOR,
            "comment": why,
        }
        for host in hosts
    ]


def silences_to_end(hosts: t.Collection[str], silences: t.Iterable[Silence]) -> list[str]:
    """Return the IDs of the silences that the playbook silence has created for *hosts*."""
    return sorted({item["id"] for item in silences if item["createdBy"] == AUTHOR and _host(item) in hosts})


def maintenance(model: Model, silences: t.Iterable[Silence], now: float) -> dict[str, list[t.Any]]:
    """Return the silences to create and the IDs of those to end, so that Alertmanager has the windows of the *model*."""
    hosts: dict[tuple[str, str, str], list[str]] = {}
    time = _utc(now)
    for name, host in model["hosts"].items():
        for window in host.get("maintenance", []):
            if window["until"] > time:
                hosts.setdefault((window["from"], window["until"], window["why"]), []).append(name)
    wanted = {(_pattern(names), until, why): start for (start, until, why), names in hosts.items()}
    found: dict[tuple[str, str, str], str] = {}
    end = set()
    for silence in silences:
        if silence["createdBy"] != MAINTENANCE or silence["status"]["state"] == "expired":
            continue
        key = (silence["matchers"][0]["value"], f"{silence['endsAt'][:19]}Z", silence["comment"])
        start = f"{silence['startsAt'][:19]}Z"
        # Alertmanager replaces a start in the past by its own time.
        kept = key in wanted and (start == wanted[key] or max(start, wanted[key]) <= time)
        # The Alertmanagers of a cluster return the same silences.
        if not kept or found.setdefault(key, silence["id"]) != silence["id"]:
            end.add(silence["id"])
    create = [
        {
            "matchers": [{"name": "host", "value": pattern, "isRegex": True, "isEqual": True}],
            "startsAt": start,
            "endsAt": until,
            "createdBy": MAINTENANCE,
            "comment": why,
        }
        for (pattern, until, why), start in wanted.items()
        if (pattern, until, why) not in found
    ]
    return {"create": create, "end": sorted(end)}


def _pattern(hosts: t.Iterable[str]) -> str:
    return "|".join(re.escape(host) for host in sorted(hosts))


def silence_lines(hosts: t.Collection[str], silences: t.Iterable[Silence]) -> list[str]:
    """Return one line for each silence that mutes alerts of one of *hosts*, or of no host in particular."""
    found = {}
    for silence in silences:
        if silence["status"]["state"] == "expired" or not _concerns(silence, hosts):
            continue
        matchers = ", ".join(_matcher(matcher) for matcher in silence.get("matchers") or [])
        times = f"{_short(silence['startsAt'])} to {_short(silence['endsAt'])}"
        found[silence["id"]] = f"{matchers}: {times}, by {silence['createdBy']}: {silence['comment']}"
    return sorted(found.values())


def _utc(seconds: float) -> str:
    return utc_text(datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc))


def _short(time: str) -> str:
    return f"{time[:10]} {time[11:16]} UTC"


def _host(silence: Silence) -> str:
    """Return the host of an active or pending silence that mutes exactly one host, or an empty text."""
    matchers = silence.get("matchers") or []
    if silence["status"]["state"] == "expired" or len(matchers) != 1:
        return ""
    (matcher,) = matchers
    plain = matcher["name"] == "host" and not matcher["isRegex"] and matcher.get("isEqual", True)
    return str(matcher["value"]) if plain else ""


def _concerns(silence: Silence, hosts: t.Collection[str]) -> bool:
    return all(
        any(_accepts(matcher, host) for host in hosts) for matcher in silence.get("matchers") or [] if matcher["name"] == "host"
    )


def _accepts(matcher: t.Mapping[str, t.Any], host: str) -> bool:
    try:
        equal = re.fullmatch(matcher["value"], host) is not None if matcher["isRegex"] else matcher["value"] == host
    except re.error:
        # The expressions of Alertmanager and of Python differ: the list rather shows too much.
        return True
    return equal == matcher.get("isEqual", True)


def _matcher(matcher: t.Mapping[str, t.Any]) -> str:
    sign = ("=~" if matcher["isRegex"] else "=") if matcher.get("isEqual", True) else ("!~" if matcher["isRegex"] else "!=")
    return f"{matcher['name']}{sign}{matcher['value']}"
