# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions that Python evaluates in another way are refused. What is accepted: test_relabeling.py."""

from __future__ import annotations

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.expressions import (
    NotSupportedError,
    match,
)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (r"\pL+", r"the escape \p"),
        (r"(a)\1", r"the escape \1"),
        (r"a\Z", r"the escape \Z"),
        (r"\Bx", r"the escape \B"),
        (r"[\S]", r"the escape \S"),
        ("(?=a)", r"the group (?=a"),
        ("(?m)^a$", r"the group (?m)"),
        ("(?U)a+", r"the group (?U)"),
        ("a(?i)b", r"the group (?i)"),
        ("[[:nothing:]]", "the class [:nothi"),
        ("[a", "a character class without an end"),
        ("a++", "a repetition of nothing or of a repetition"),
        ("*", "a repetition of nothing or of a repetition"),
        ("a{1001}", "a repetition of more than 1000"),
        ("(a*)+", "a repetition of a group that can be empty"),
        ("(a", "is not valid in Python"),
        ("[z-a]", "is not valid in Python"),
        (r"\x{110000}", "is not valid in Python"),
    ],
)
def test_an_expression_that_means_something_else_is_refused(expression: str, reason: str) -> None:
    """With the expression and the reason."""
    with pytest.raises(NotSupportedError) as error:
        match(expression, "a")
    assert repr(expression) in str(error.value)
    assert reason in str(error.value)


def test_the_case_of_other_letters_is_not_compared() -> None:
    """RE2 and Python know different pairs of letters."""
    assert match("(?i)k", "K")
    with pytest.raises(NotSupportedError, match="are not ASCII"):
        match("(?i)k", "\u212a")
