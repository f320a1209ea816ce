# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of a systemd service."""

from __future__ import annotations

import datetime
import shlex
import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.flags import escape, render


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, ["--x"]),
        (False, ["--no-x"]),
        (0, ["--x=0"]),
        (512, ["--x=512"]),
        (0.5, ["--x=0.5"]),
        ("", ["--x="]),
        ("15d", ["--x=15d"]),
        (datetime.timedelta(minutes=1, milliseconds=500), ["--x=60.5s"]),
        (["a", "b"], ["--x=a", "--x=b"]),
        ([], []),
        (None, []),
    ],
)
def test_each_type_comes_out_right(value: t.Any, expected: list[str]) -> None:
    """The peer turns ``false`` on and loses integers."""
    assert render({"x": value}) == expected


@pytest.mark.parametrize(("value", "expected"), [(True, ["-x"]), (False, ["-x=false"]), (5, ["-x=5"])])
def test_go_style(value: t.Any, expected: list[str]) -> None:
    """Go's own flags know one dash and no negation."""
    assert render({"x": value}, "go") == expected


@pytest.mark.parametrize("value", [{"a": 1}, [["a"]], object(), b"a"])
def test_an_unknown_type_is_an_error_that_names_the_flag(value: t.Any) -> None:
    """Nothing is dropped silently."""
    with pytest.raises(ValueError, match=r"flag web\.x: expected a boolean, an integer"):
        render({"web.x": value})


@pytest.mark.parametrize("name", ["--x", "", "a b", "x=1", 5])
def test_a_name_with_dashes_is_an_error(name: t.Any) -> None:
    """Names go without dashes."""
    with pytest.raises(ValueError, match="without the leading dashes"):
        render({name: True})


def test_a_line_break_is_refused() -> None:
    """It would begin a new line of the unit, that is, a new setting."""
    with pytest.raises(ValueError, match="line break"):
        render({"x": "a\nExecStartPre=/bin/evil"})


@pytest.mark.parametrize("text", ["a b", 'say "hi"', "it's", "back\\slash", "semi;colon", "tab\there"])
def test_quoting_keeps_one_word(text: str) -> None:
    """Systemd's quoting is the shell's for these characters."""
    assert shlex.split(escape(text)) == [text]


@pytest.mark.parametrize(("text", "expected"), [("100%", "100%%"), ("^(a|b)$", "^(a|b)$$"), (":9100", ":9100")])
def test_specifiers_and_variables_are_escaped(text: str, expected: str) -> None:
    """``%`` and ``$`` mean something to systemd."""
    assert escape(text) == expected
