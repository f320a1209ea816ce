# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of the dictionaries in Grafana's provisioning files for alerting."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.grafana_forms import RULE, Form, form_problems

FORM = Form({"name": str, "number": int, "is": bool, "list": list, "map": dict, "wait": str}, ("name",), ("wait",))


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"number": 1, "is": False, "list": [], "map": {}, "wait": "5m"}, []),
        # Null is the same as no key, and 0 a duration.
        ({"number": None, "wait": 0}, []),
        ({"number": "1"}, [("x.number", "1", "must be a whole number")]),
        ({"number": True}, [("x.number", True, "must be a whole number")]),
        ({"is": "yes"}, [("x.is", "yes", "must be true or false")]),
        ({"list": {}}, [("x.list", {}, "must be a list")]),
        ({"map": "a"}, [("x.map", "a", "must be a dictionary")]),
        ({"Name": "a"}, [("x.Name", "a", "unknown key. The known keys are name, number, is, list, map, wait")]),
        ({"name": ""}, [("x.name", "", "is missing. Grafana does not start without this key")]),
    ],
)
def test_keys_and_types(changes: dict[str, t.Any], problems: list[t.Any]) -> None:
    """Each wrong key is one problem."""
    assert list(form_problems("x", {"name": "a", **changes}, FORM)) == problems


def test_durations_and_secrets() -> None:
    """A duration must be one of Prometheus. The values of contact points are not shown."""
    assert [(where, value) for where, value, _remedy in form_problems("x", {"name": "a", "wait": "5 min"}, FORM)] == [
        ("x.wait", "5 min")
    ]
    shown = list(form_problems("x", {"name": "a", "pasword": "geheim", "number": "geheim"}, FORM, secret=True))
    assert [value for _where, value, _remedy in shown] == ["…", "…"]


def test_a_rule_without_anything() -> None:
    """The required keys are reported together."""
    assert [where for where, _value, _remedy in form_problems("r", {}, RULE)] == ["r.uid", "r.title", "r.data"]
