# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats of single values of the inventory."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import fields


@pytest.mark.parametrize("name", ["a", "_a", "A9", "team_name"])
def test_a_label(name: str) -> None:
    """With a text, an empty one too."""
    assert fields.label_problem(name, "x") is None
    assert fields.label_problem(name, "") is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *((name, "x", "letters, digits and underscores") for name in ("", "9a", "a-b", "a.b", "a b", "ä", "a\n")),
        *((name, "x", f"{name} is reserved") for name in ("host", "instance", "job", "__name__", "__a")),
        *(("a", value, "string") for value in (1, True, 1.5, None, ["x"], {"x": 1})),
    ],
)
def test_a_label_that_is_none(name: str, value: t.Any, message: str) -> None:
    """What Prometheus refuses, what would hide the host, and what is no text."""
    assert message in (fields.label_problem(name, value) or "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (-0.5, -0.5),
        # As templates return numbers before ansible-core 2.19.
        ("5", 5),
        ("5.5", 5.5),
        (" 5 ", 5.0),
        ("1e3", 1000.0),
        *((value, None) for value in (True, False, None, "", "x", "5%", "nan", "inf", "-inf", float("nan"), [5], {})),
    ],
)
def test_a_number(value: t.Any, expected: float | None) -> None:
    """Finite; a text that is a whole number stays one, so that it is written without a point."""
    found = fields.parse_number(value)
    assert found == expected
    assert value != "5" or isinstance(found, int)


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("used", 5, True),
        ("used", {"warning": "5", "critical": 9.5}, True),
        ("used-percent", 5, False),
        ("used", "much", False),
        ("used", {"warning": 5, "critical": None}, False),
        ("used", [5], False),
    ],
)
def test_a_threshold(name: str, value: t.Any, right: bool) -> None:  # noqa: FBT001 - a parameter
    """A number, or numbers by severity."""
    assert (fields.threshold_format_problem(name, value) is None) == right


def test_thresholds_become_numbers() -> None:
    """Those alone and those by severity."""
    found = fields.parse_thresholds({"a": "5", "b": {"warning": "5.5", "critical": 9}})
    assert found == {"a": 5, "b": {"warning": 5.5, "critical": 9}}


@pytest.mark.parametrize(
    ("duration", "milliseconds"),
    [
        ("500ms", 500),
        ("30s", 30_000),
        ("1m", 60_000),
        ("1h30m", 5_400_000),
        ("1d", 86_400_000),
        ("1w", 604_800_000),
        ("1y", 31_536_000_000),
        ("1y2w3d4h5m6s7ms", 31_536_000_000 + 2 * 604_800_000 + 3 * 86_400_000 + 4 * 3_600_000 + 306_007),
        # The units come in one order, and a duration has no point.
        *((duration, 0) for duration in ("30m1h", "1.5h", "30", "s", "", "1 h", "-1s", 30, None, True)),
    ],
)
def test_a_duration(duration: t.Any, milliseconds: int) -> None:
    """As Prometheus writes it."""
    assert fields.parse_duration(duration) == milliseconds


def test_older() -> None:
    """Numbers, and not texts; a version without numbers is never older."""
    assert fields.is_older("2.9.1", (2, 53))
    assert not fields.is_older("2.53.0", (2, 53))
    assert not fields.is_older("3.0.0-rc.1", (3, 0))
    assert not fields.is_older("latest", (3, 0))
    assert not fields.is_older(None, (3, 0))
