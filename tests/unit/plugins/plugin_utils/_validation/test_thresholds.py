# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thresholds of the inventory against the alerts that use them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import problems_of, simple

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.alert_rules import known_thresholds
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.thresholds import threshold_problem

KNOWN = known_thresholds(
    [
        yaml.safe_dump(
            {
                "groups": [
                    {
                        "name": "g",
                        "rules": [
                            {"alert": "Used", "expr": "x", "threshold": "used_percent", "above": {"warning": 90, "critical": 97}},
                            {"alert": "Full", "expr": "x", "threshold": "full_in_hours", "below": {"warning": 24, "critical": 4}},
                            {"alert": "Late", "expr": "x", "threshold": "late_seconds", "above": {"info": 60}},
                        ],
                    }
                ]
            },
            sort_keys=False,
        )
    ]
)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("used_percent", 95, None),
        ("used_percent", 97, None),
        ("used_percent", {"warning": 50, "critical": 60}, None),
        ("full_in_hours", {"warning": 48}, None),
        ("full_in_hours", {"critical": 24}, None),
        ("late_seconds", 10**9, None),
        ("used_percnt", 95, "unknown threshold. The known thresholds are full_in_hours, late_seconds, used_percent"),
        ("used_percent", {"fatal": 1}, "the alert has no severity fatal. The severities of this alert are warning, critical"),
        ("late_seconds", {"warning": 1}, "the alert has no severity warning. The severities of this alert are info"),
        # The default of the other severity counts.
        ("used_percent", 98, "a more severe alert would fire before a less severe one, with the thresholds 98, 97"),
        ("used_percent", {"critical": 89}, "a more severe alert would fire before a less severe one, with the thresholds 90, 89"),
        ("full_in_hours", 2, "a more severe alert would fire before a less severe one, with the thresholds 2, 4"),
        (
            "full_in_hours",
            {"warning": 3, "critical": 5},
            "a more severe alert would fire before a less severe one, with the thresholds 3, 5",
        ),
    ],
)
def test_a_threshold_that_no_alert_has_is_refused(name: str, value: t.Any, problem: str | None) -> None:
    """The message names what exists. The mildest severity must be reached first, whether the alert is above or below."""
    found = threshold_problem(name, value, KNOWN)
    assert found == problem if problem is None else found and found.startswith(problem)


def test_thresholds_of_roles_that_the_fleet_does_not_use_are_known(tmp_path: Path) -> None:
    """No host is in the group of the role whose alert has the threshold: a group may set it for hosts to come."""
    files = {"hosts.yml": {"all": {"hosts": {"h": {"monitoring_thresholds": {"memory_used_percent": 85}}}}}}
    assert problems_of(tmp_path / "a", files) == []
    files = simple({"monitoring_thresholds": {"memory_used_percent": 95}})
    (problem,) = problems_of(tmp_path / "b", files)
    assert problem.startswith("host h, variable monitoring_thresholds.memory_used_percent, value 95: a more severe alert would")
