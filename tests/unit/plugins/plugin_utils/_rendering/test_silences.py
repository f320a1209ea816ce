# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Silences for hosts, and what the playbook silence rejects."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import silences

MODEL: t.Any = {"servers": {"alertmanager": {"mon": {"alertmanager_state": "present"}}}}
NOW = 1_800_000_000.0


def silence(host: str, **changes: t.Any) -> dict[str, t.Any]:
    """Return a silence as Alertmanager returns it."""
    return {
        "id": f"id-{host}",
        "status": {"state": "active"},
        "matchers": [{"name": "host", "value": host, "isRegex": False, "isEqual": True}],
        "startsAt": "2026-12-01T08:00:00.000Z",
        "endsAt": "2026-12-01T10:00:00.000Z",
        "createdBy": silences.AUTHOR,
        "comment": "new disk",
        **changes,
    }


@pytest.mark.parametrize(
    ("limit", "variables", "message"),
    [
        (
            "",
            {"for": "2h", "why": "x"},
            "needs a limit, because the run has all 2 hosts of the inventory. Add the hosts: --limit",
        ),
        ("", {"end": True}, "needs a limit"),
        ("web1", {"for": "2", "why": "x"}, "Variable for, value '2': must be a duration"),
        ("web1", {"for": "0h", "why": "x"}, "Variable for, value '0h': must be a duration longer than 0"),
        ("web1", {"for": "2h"}, "Variable why is missing"),
        ("web1", {"for": "2h", "why": " "}, "Variable why is missing"),
        ("web1", {"why": "x"}, "Variable for is missing"),
        ("web1", {"for": "2h", "why": "x", "end": True}, "exclude each other"),
    ],
)
def test_wrong_variables_are_one_error(limit: str, variables: dict[str, t.Any], message: str) -> None:
    """The error names the variable and the remedy."""
    asked = {"for": "", "why": "", "end": False, **variables}
    assert message in silences.silence_problem(MODEL, ["web1", "web2"], limit, asked)


@pytest.mark.parametrize(("limit", "variables"), [("", {}), ("web1", {"for": "1h30m", "why": "x"}), ("web1", {"end": True})])
def test_right_variables_are_no_error(limit: str, variables: dict[str, t.Any]) -> None:
    """A list needs no limit."""
    asked = {"for": "", "why": "", "end": False, **variables}
    assert silences.silence_problem(MODEL, ["web1"], limit, asked) == ""


def test_an_inventory_needs_an_alertmanager() -> None:
    """An Alertmanager that is absent does not count."""
    absent: t.Any = {"servers": {"alertmanager": {"mon": {"alertmanager_state": "absent"}}}}
    asked = {"for": "", "why": "", "end": False}
    assert "no Alertmanager. Add a host" in silences.silence_problem(absent, [], "", asked)


def test_a_further_run_replaces_the_silence_of_the_playbook() -> None:
    """Silences of other authors, of more than one host, and expired silences stay as they are."""
    others = [
        silence("web2", createdBy="vigie.monitoring"),
        silence("web3", status={"state": "expired"}),
        silence("web4", matchers=[*silence("web4")["matchers"], {"name": "job", "value": "x", "isRegex": False}]),
        silence("web5", matchers=[{"name": "host", "value": "web5", "isRegex": True, "isEqual": True}]),
        silence("web6", matchers=[{"name": "host", "value": "web6", "isRegex": False, "isEqual": False}]),
    ]
    hosts = [f"web{number}" for number in range(1, 7)]
    requests = silences.silence_requests(hosts, "1h30m", "why", [silence("web1"), *others], NOW)
    assert [request.get("id") for request in requests] == ["id-web1", None, None, None, None, None]
    assert (requests[0]["startsAt"], requests[0]["endsAt"]) == ("2027-01-15T07:00:00Z", "2027-01-15T09:30:00Z")
    assert silences.silences_to_end(hosts, [silence("web1"), *others]) == ["id-web1"]
    assert silences.silences_to_end(["web2"], [silence("web1"), *others]) == []


def test_the_list_has_the_silences_that_concern_the_hosts() -> None:
    """A silence without a matcher of hosts concerns every host. Two Alertmanagers of a cluster have the same silences."""
    anywhere = silence("x", id="a", matchers=[{"name": "job", "value": "node", "isRegex": False, "isEqual": False}])
    pattern = silence("x", id="b", matchers=[{"name": "host", "value": "web.*", "isRegex": True, "isEqual": True}])
    found = [
        silence("web1"),
        silence("web1"),
        silence("db1"),
        silence("web1", status={"state": "expired"}, id="c"),
        anywhere,
        pattern,
    ]
    rest = "2026-12-01 08:00 UTC to 2026-12-01 10:00 UTC, by vigie.monitoring.silence: new disk"
    assert silences.silence_lines(["web1"], found) == [f"host=web1: {rest}", f"host=~web.*: {rest}", f"job!=node: {rest}"]


def maintenance(*hosts: str, **changes: str) -> t.Any:
    """Return a model with one window for *hosts*."""
    window = {"from": "2027-01-15T06:00:00Z", "until": "2027-01-15T10:00:00Z", "why": "new disks", **changes}
    return {"hosts": {**{host: {"maintenance": [window]} for host in hosts}, "other": {}}}


def created(model: t.Any, **changes: t.Any) -> dict[str, t.Any]:
    """Return the only silence for the *model*, as Alertmanager returns it."""
    (request,) = silences.maintenance(model, [], NOW)["create"]
    times = {key: request[key].replace("Z", ".000Z") for key in ("startsAt", "endsAt")}
    return {**request, **times, "id": "1", "status": {"state": "active"}, **changes}


def test_a_window_of_several_hosts_is_one_silence() -> None:
    """The silence mutes exactly these hosts. A second run changes nothing."""
    model = maintenance("web1", "db.x")
    (request,) = silences.maintenance(model, [], NOW)["create"]
    assert request["matchers"] == [{"name": "host", "value": r"db\.x|web1", "isRegex": True, "isEqual": True}]
    assert (request["startsAt"], request["endsAt"], request["comment"]) == (
        "2027-01-15T06:00:00Z",
        "2027-01-15T10:00:00Z",
        "new disks",
    )
    for start in ("2027-01-15T06:00:00.000Z", "2027-01-15T07:59:59.123Z"):
        assert silences.maintenance(model, [created(model, startsAt=start)], NOW) == {"create": [], "end": []}


@pytest.mark.parametrize(
    "other",
    [
        maintenance("web1", "web2"),
        maintenance("web1", until="2027-01-15T11:00:00Z"),
        maintenance("web1", why="other disks"),
        maintenance("web1", **{"from": "2027-01-15T09:00:00Z"}),
    ],
)
def test_a_changed_window_has_a_new_silence(other: t.Any) -> None:
    """The silence of the window before the change ends."""
    changes = silences.maintenance(other, [created(maintenance("web1"))], NOW)
    assert (len(changes["create"]), changes["end"]) == (1, ["1"])


def test_the_silence_of_a_removed_window_ends() -> None:
    """Silences of other authors stay. A window that has ended has no silence."""
    silence_of_it = created(maintenance("web1"))
    assert silences.maintenance(maintenance(), [silence_of_it], NOW) == {"create": [], "end": ["1"]}
    assert silences.maintenance(maintenance(), [{**silence_of_it, "createdBy": "me"}], NOW) == {"create": [], "end": []}
    assert silences.maintenance(maintenance("web1", until="2027-01-15T07:00:00Z"), [], NOW) == {"create": [], "end": []}
