# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules of roles, and the thresholds in them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.alert_rules import (
    Known,
    by_severity,
    known_thresholds,
    rule_groups,
)

RULES = """
groups:
  - name: first
    rules:
      - {record: a:b, expr: up}
      - {alert: Plain, expr: up == 0}
      - {alert: High, expr: x, threshold: high, above: {critical: 97, warning: 90}}
  - name: second
    rules:
      - {alert: Low, expr: x, threshold: low, below: {warning: 0.5}}
"""


class Text(str):
    """A text as a template passes it to a filter before ansible-core 2.19; libyaml takes no such text."""

    __slots__ = ()


@pytest.mark.parametrize("kind", [str, Text])
def test_groups_are_read(kind: type[str]) -> None:
    """In the order of the file."""
    assert [(group["name"], len(group["rules"])) for group in rule_groups(kind(RULES))] == [("first", 3), ("second", 1)]


@pytest.mark.parametrize("text", ["", "---\n", "groups:\n", "groups: []\n"])
def test_a_file_without_rules(text: str) -> None:
    """A role may have an empty file."""
    assert rule_groups(text) == []
    assert known_thresholds([text]) == {}


def test_the_thresholds_of_several_roles() -> None:
    """With the direction and the default of each severity; alerts without a threshold have none."""
    assert known_thresholds([RULES, "groups: [{name: g, rules: [{alert: A, expr: x, threshold: other, above: {info: 1}}]}]"]) == {
        "high": ("above", {"critical": 97, "warning": 90}),
        "low": ("below", {"warning": 0.5}),
        "other": ("above", {"info": 1}),
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [(95, {"warning": 95}), ({"critical": 99}, {"critical": 99}), ({}, {})],
)
def test_a_number_alone_is_that_of_the_mildest_severity(value: t.Any, expected: dict[str, float]) -> None:
    """Whichever severity the rule's file names first."""
    known: Known = known_thresholds([RULES])
    assert by_severity("high", value, known) == expected
