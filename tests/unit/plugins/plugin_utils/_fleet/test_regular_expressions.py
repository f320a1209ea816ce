# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions of RE2: which errors the inventory's validation finds."""

from __future__ import annotations

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.regular_expressions import named_groups, problem


@pytest.mark.parametrize(
    "expression",
    [
        r"No space left on device: (?P<path>/\S+)",
        r"a\++ [*+]+ [(?=] \(?=x",
        r"(?i)out of memory|(?U)x",
        r"[[:alpha:]]+ \pL \p{Greek} \z \Q(?=\E",
        r"\\1 is a backslash and a digit",
        "\\[(?P<a>x)\\]",
    ],
)
def test_expressions_of_re2_are_accepted(expression: str) -> None:
    """Python rejects some of them."""
    assert problem(expression) is None


@pytest.mark.parametrize(
    ("expression", "remedy"),
    [
        ("(?=x)", "a lookahead"),
        ("(?!x)", "a lookahead"),
        ("(?<=x)y", "a lookbehind"),
        ("(?<!x)y", "a lookbehind"),
        (r"(a)\1", "a backreference"),
        ("(?P<a>x)(?P=a)", "a backreference"),
        ("(?>x)", "an atomic group"),
        ("x++", "a possessive quantifier"),
        (r"x\Z", r"\z"),
        ("(?<path>x)", "(?P<name>...)"),
        ("(a", "missing )"),
        ("a)", "unbalanced parenthesis"),
        ("[a", "unterminated character set"),
        ("*a", "nothing to repeat"),
        ("(?P<a>x)(?P<a>y)", "redefinition of group name"),
        ("(?P<1>x)", "bad character in group name"),
        ("a\nb", "must be one line"),
        ("a" * 1025, "at most 1024 characters, got 1025"),
    ],
)
def test_a_mistake_is_named(expression: str, remedy: str) -> None:
    """The text says which construct RE2 lacks, or where the expression is wrong."""
    found = problem(expression)
    assert found is not None
    assert remedy in found


def test_named_groups_are_those_of_the_expression() -> None:
    """A group that is escaped or in a class is a text."""
    assert named_groups(r"(?P<a>x)(y)\(?P<b>z[(?P<c>]\\(?P<d>w)") == ("a", "d")
