# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions of RE2, the syntax of mtail and Loki. Private to the collection.

Python has no parser for RE2. The functions find the errors that the syntaxes of RE2 and Python share, and constructs of Perl that
RE2 does not have. The programs that use the expressions find the other errors.
"""

from __future__ import annotations

import functools
import re

# mtail refuses longer ones (its flag max_regexp_length).
_LONGEST = 1024
# What RE2 lacks (github.com/google/re2/wiki/Syntax), by its description.
_MISSING = {
    "a lookahead": re.compile(r"\(\?[=!]"),
    "a lookbehind": re.compile(r"\(\?<[=!]"),
    "a backreference": re.compile(r"\\[1-9]|\(\?P=|\\k"),
    "an atomic group": re.compile(r"\(\?>"),
    "a conditional group": re.compile(r"\(\?\("),
    "a comment": re.compile(r"\(\?#"),
    "a possessive quantifier": re.compile(r"(?<!\\)[*+?}]\+"),
    r"\Z (RE2 has \z)": re.compile(r"\\Z"),
}
_GROUP = re.compile(r"\(\?P<([^>]*)>")
# The older form of Perl, which the mtail of Debian 12 does not have.
_UNMARKED_GROUP = re.compile(r"\(\?<([A-Za-z_]\w*)>")
# Errors that an expression has in RE2, too.
_SHARED = (
    "missing )",
    "unbalanced parenthesis",
    "unterminated",
    "nothing to repeat",
    "multiple repeat",
    "redefinition",
    "bad char",
)
_QUOTED = re.compile(r"(?<!\\)\\Q.*?(?:\\E|$)")
_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]")


@functools.lru_cache(maxsize=1024)
def problem(expression: str) -> str | None:
    """Return what is wrong with a regular expression, or None."""
    if "\n" in expression or "\r" in expression:
        return "must be one line"
    if len(expression) > _LONGEST:
        return f"must have at most {_LONGEST} characters, got {len(expression)}"
    bare = _bare(expression)
    for what, form in _MISSING.items():
        if form.search(bare):
            return f"must be a regular expression of RE2, which has no equivalent of {what}. Rewrite the expression without it"
    if _UNMARKED_GROUP.search(bare):
        return "must name groups in the form (?P<name>...)"
    try:
        # Python has other names for classes of characters. The classes have no influence on the errors that are shared.
        re.compile(re.sub(r"\\[pP](\{[^}]*\}|.)|\\[zC]", "x", bare))
    except re.error as error:
        if str(error).startswith(_SHARED):
            return f"must be a regular expression: {error}"
    return None


@functools.lru_cache(maxsize=1024)
def named_groups(expression: str) -> tuple[str, ...]:
    """Return the names of the groups of *expression*."""
    return tuple(_GROUP.findall(_bare(expression)))


def _bare(expression: str) -> str:
    """Return *expression* without quoted text, classes, and escaped brackets, all of which can look like other constructs."""
    unescaped = re.sub(r"\\[\\\[()]", "x", _QUOTED.sub("x", expression))
    return _CLASS.sub("x", unescaped)
