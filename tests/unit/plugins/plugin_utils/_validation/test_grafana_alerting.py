# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Grafana's own alerting in the inventory."""

from __future__ import annotations

import copy
import re
import typing as t
from pathlib import Path

import inventories
import pytest
from grafanas import ALERTING, alerting

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.grafana_alerting import alerting_problems

GUIDE = Path(__file__).parents[5] / "docs" / "grafana_alerting.md"
RULE, HOOK, NIGHT = "rules.0.rules.0", "contact_points.0.receivers.0", "mute_timings.0.time_intervals.0"


def problems(found: t.Any, version: str = "13.2.3") -> list[tuple[str, t.Any, str]]:
    """Return the problems of ``grafana_alerting``."""
    return list(alerting_problems({"grafana_alerting": found, "grafana_version": version}))


@pytest.mark.parametrize("version", ["13.2.3", "9.1.0", "latest"])
def test_what_grafana_accepts(version: str) -> None:
    """No alerting, a part, and everything."""
    for found in (None, {}, {"rules": ALERTING["rules"]}, {"policies": None}, ALERTING):
        assert problems(found, version) == []
    for changed in (
        alerting(f"{RULE}.for", "0s"),
        alerting(f"{HOOK}.settings", {"url": "$__file{/etc/grafana/hook}"}),
        alerting(f"{HOOK}.type", "LINE") | {"contact_points": []} | {"policies": []},
        alerting(f"{NIGHT}.days_of_month", ["-3:-1", "1"]),
        alerting(f"{NIGHT}.months", ["june:august"]),
    ):
        assert problems(changed, version) == []


@pytest.mark.parametrize(
    ("path", "value", "variable", "shown", "remedy"),
    [
        ("rule", [], "rule", "…", "unknown key. The known keys are rules, contact_points, policies, mute_timings, templates"),
        ("rules", {"groups": []}, "rules", "…", "must be a list, as in Grafana's provisioning files"),
        ("rules.0.folder", None, "rules[0].folder", None, "is missing"),
        ("rules.0.interval", "1 minute", "rules[0].interval", "1 minute", "must be a duration"),
        ("rules.0.interval", "15s", "rules[0].interval", "15s", "must be a multiple of 10s"),
        (f"{RULE}.uid", None, "rules[0].rules[0].uid", None, "is missing"),
        (f"{RULE}.uid", "no orders", "rules[0].rules[0].uid", "no orders", "must have at most 40 letters, digits"),
        (f"{RULE}.expr", "up", "rules[0].rules[0].expr", "up", "unknown key. The known keys are uid, title, condition"),
        (f"{RULE}.condition", "B", "rules[0].rules[0].condition", "B", "must be the refId of a query in data: A"),
        (f"{RULE}.condition", None, "rules[0].rules[0].condition", None, "is missing. Add the refId"),
        (f"{RULE}.record", {"from": "A"}, "rules[0].rules[0].record.metric", None, "is missing. Add the name of the metric"),
        (f"{RULE}.noDataState", "Ok", "rules[0].rules[0].noDataState", "Ok", "must be one of Alerting, NoData, OK, KeepLast"),
        (f"{RULE}.execErrState", "NoData", "rules[0].rules[0].execErrState", "NoData", "must be one of Alerting, Error, OK"),
        (f"{RULE}.isPaused", "no", "rules[0].rules[0].isPaused", "no", "must be true or false"),
        (f"{RULE}.data.0.datasourceUid", None, "rules[0].rules[0].data[0].datasourceUid", None, "is missing"),
        (
            f"{RULE}.notification_settings",
            {"receiver": "shopp"},
            "rules[0].rules[0].notification_settings.receiver",
            "shopp",
            "unknown contact point. grafana_alerting.contact_points has shop",
        ),
        (f"{HOOK}.uid", None, "contact_points[0].receivers[0].uid", None, "is missing"),
        (
            f"{HOOK}.type",
            "web",
            "contact_points[0].receivers[0].type",
            "web",
            "unknown type of contact point. The known types are d",
        ),
        (f"{HOOK}.type", "discord", "", "", ""),
        (
            f"{HOOK}.type",
            "telegram",
            "contact_points[0].receivers[0].settings",
            "…",
            "the type telegram requires bottoken and chatid",
        ),
        (f"{HOOK}.settings", "http://a", "contact_points[0].receivers[0].settings", "…", "must be a dictionary"),
        (f"{HOOK}.uid", "shop-mail", "contact_points", "shop-mail", "two receivers have this uid"),
        ("policies.0.receiver", None, "policies[0].receiver", None, "is missing"),
        ("policies.0.receiver", "ops", "policies[0].receiver", "ops", "unknown contact point"),
        ("policies.0.orgId", 2, "policies[0].routes[0].receiver", "shop", "grafana_alerting.contact_points has none"),
        ("policies.0.routes.0.contact", "shop", "policies[0].routes[0].contact", "shop", "unknown key"),
        ("policies.0.routes.0.group_wait", "1", "policies[0].routes[0].group_wait", "1", "must be a duration"),
        (
            "policies.0.routes.0.mute_time_intervals",
            ["nigth"],
            "policies[0].routes[0].mute_time_intervals",
            "nigth",
            "unknown mute timing. grafana_alerting.mute_timings has night",
        ),
        ("policies.0.routes.0.routes", [{"receiver": "x"}], "policies[0].routes[0].routes[0].receiver", "x", "unknown contact"),
        (f"{NIGHT}.location", "Europe/Pari", "mute_timings[0].time_intervals[0].location", "Europe/Pari", "unknown time zone"),
        (f"{NIGHT}.weekdays", ["friday:monday"], "mute_timings[0].time_intervals[0].weekdays", "friday:monday", "the start of"),
        (f"{NIGHT}.time_zone", "UTC", "mute_timings[0].time_intervals[0].time_zone", "UTC", "unknown key"),
        (f"{NIGHT}.times.0.end_time", "25:00", "mute_timings[0].time_intervals[0].times", None, "must have start_time and end_"),
        (f"{NIGHT}.times.0.start_time", "07:00", "mute_timings[0].time_intervals[0].times", None, "start_time must be before"),
        (NIGHT, {}, "mute_timings[0].time_intervals[0]", {}, "must have at least one of the keys times, weekdays"),
        ("templates.0.template", None, "templates[0].template", None, "is missing"),
    ],
)
def test_one_mistake_is_one_error(path: str, value: t.Any, variable: str, shown: t.Any, remedy: str) -> None:
    """The error names the place, the value and the remedy. No error shows a setting of a contact point."""
    found = problems(alerting(path, value))
    if not variable:
        assert found == []
        return
    # The second organisation has no mute timings, either.
    assert len(found) == (2 if path == "policies.0.orgId" else 1)
    where, its, text = found[0]
    assert where == f"alerting.{variable}"
    assert shown in (its, None)
    assert remedy in text


def test_names_that_exist_twice() -> None:
    """In one organisation. Another organisation can have the same names."""
    double = {section: [*items, *copy.deepcopy(items)] for section, items in ALERTING.items()}
    assert [(where, value) for where, value, _remedy in problems(double)] == [
        ("alerting.rules", "shop-orders"),
        ("alerting.rules", "Shop/shop"),
        ("alerting.contact_points", "shop-hook"),
        ("alerting.contact_points", "shop-mail"),
        ("alerting.policies", "orgId 1"),
        ("alerting.mute_timings", "night"),
        ("alerting.templates", "shop"),
    ]
    for items in double.values():
        items[1]["orgId"] = 2
    assert problems(double) == []


def test_an_old_grafana_reads_no_alerting() -> None:
    """The error names the first version that does."""
    assert [remedy for _where, _value, remedy in problems(ALERTING, "8.5.27")] == [
        "Grafana reads alerting from files since 9.1. Set grafana_version to 9.1 or later"
    ]


def test_the_inventory_reports_it(tmp_path: Path) -> None:
    """With the host and the whole name of the variable."""

    def found(name: str, value: t.Any) -> list[str]:
        grafana = {"hosts": {"pages": {"grafana_admin_password": "secret", "grafana_alerting": value}}}
        return inventories.Made(tmp_path / name, inventories.simple(grafana=grafana)).build(contracts())[1]

    plain = alerting(f"{RULE}.annotations", None)
    del plain["templates"]
    plain["policies"][0]["receiver"] = "ops"
    assert found("b", plain) == [
        (
            "host pages, variable grafana_alerting.policies[0].receiver, value 'ops': unknown contact point. "
            "grafana_alerting.contact_points has shop"
        )
    ]


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    """The inventory of docs/grafana_alerting.md has no error, and Ansible does not template the texts with the tag !unsafe."""
    example = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)[0]
    grafana = {"hosts": {"pages": {"grafana_admin_password": "secret"}}}
    files = inventories.simple(grafana=grafana)
    files["hosts.yml"]["all"]["vars"]["vault_shop_hook"] = "http://127.0.0.1/hook"
    files["group_vars/grafana.yml"] = example
    model, found = inventories.Made(tmp_path, files).build(contracts())
    assert found == []
    rule = model["servers"]["grafana"]["pages"]["grafana_alerting"]["rules"][0]["rules"][0]
    assert "{{ $labels.host }}" in rule["annotations"]["summary"]
