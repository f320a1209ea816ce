# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions of Prometheus (the syntax RE2), evaluated with Python's module re. Private to the collection.

The syntax of both is nearly the same. An expression that Python would evaluate in another way, or cannot evaluate, is refused.
The syntax: https://github.com/google/re2/wiki/Syntax. The templates: Expand in Go's package regexp.
"""

from __future__ import annotations

import functools
import re

_SPACE = r"\t\n\f\r "
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
}
_GROUP = re.compile(r"\(\?(?:P?<(\w+)>|(-?[is]+|[is]+-[is]+)?:)")
_FLAGS = re.compile(r"\(\?(i|s|is|si)\)")
_REPETITION = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_ANCHORS = {"A": r"\A", "b": r"\b", "z": r"\Z"}
_MAX_REPETITION = 1000
_TEMPLATE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})?")


class NotSupportedError(ValueError):
    """This collection cannot evaluate an expression, or a rule, as Prometheus does; the message is the reason."""


@functools.lru_cache(maxsize=1000)
def compiled(expression: str) -> re.Pattern[str]:
    """Return *expression* for Python.

    :raises NotSupportedError: if Python would evaluate the expression in another way than Prometheus does.
    """
    try:
        # Prometheus: "." matches a line break, too.
        return re.compile(f"(?s:{_Translation(expression).text()})", re.ASCII)
    except (re.error, OverflowError) as error:
        raise NotSupportedError(f"the regular expression {expression!r} is not valid in Python: {error}") from error


def match(expression: str, value: str) -> re.Match[str] | None:
    """Return the match of the whole *value*, or None. Prometheus anchors every expression.

    :raises NotSupportedError: if Python would evaluate the expression in another way than Prometheus does.
    """
    pattern = compiled(expression)
    if "(?i" in pattern.pattern and not (value + expression).isascii():
        raise NotSupportedError(f"the regular expression {expression!r} ignores the case of characters that are not ASCII")
    return pattern.fullmatch(value)


def expanded(template: str, found: re.Match[str]) -> str:
    """Return *template* with $1, ${1} and ${name} replaced by the groups of a match, and $$ by a dollar sign."""

    def group(reference: re.Match[str]) -> str:
        name = reference.group(1) or reference.group(2)
        if not name:
            return "$"
        if name.isdigit():
            is_group = (name == "0" or not name.startswith("0")) and int(name) <= found.re.groups
            return (found.group(int(name)) or "") if is_group else ""
        return (found.group(name) or "") if name in found.re.groupindex else ""

    return _TEMPLATE.sub(group, template)


class _Translation:
    """Translates one expression from left to right."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._at = 0
        # Whether a repetition can follow.
        self._repeatable = False
        self._parts: list[str] = []
        # For each open group, the number of parts before it.
        self._open: list[int] = []
        # The group that ends here, or an empty string.
        self._group_before = ""

    def text(self) -> str:
        """Return the expression for Python."""
        flags = _FLAGS.match(self._expression)
        if flags:
            self._at = flags.end()
        while self._at < len(self._expression):
            part = self._next()
            self._parts.append(part)
            self._group_before = "".join(self._parts[self._open.pop() :]) if part == ")" and self._open else ""
        text = "".join(self._parts)
        return f"(?{flags.group(1)}:{text})" if flags else text

    def _refusal(self, what: str) -> NotSupportedError:
        return NotSupportedError(f"the regular expression {self._expression!r} has {what}, which adopt cannot evaluate")

    def _taken(self, text: str, python: str | None = None) -> str:
        self._at += len(text)
        return text if python is None else python

    def _next(self) -> str:
        rest = self._expression[self._at :]
        sign = rest[0]
        was_repeatable, self._repeatable = self._repeatable, sign not in "(|^"
        if sign == "\\":
            return self._escape(rest, within_class=False)
        if sign == "[":
            return self._class()
        if sign == "(":
            return self._group(rest)
        if sign == "$":
            # Python's $ also matches before a line break at the end.
            self._repeatable = False
            return self._taken("$", r"\Z")
        if sign in "*+?" or (sign == "{" and _REPETITION.match(rest)):
            return self._repetition(rest, was_repeatable)
        return self._taken(sign, re.escape(sign) if sign in "{}#]" else sign)

    def _repetition(self, rest: str, was_repeatable: bool) -> str:  # noqa: FBT001
        counted = _REPETITION.match(rest)
        if not was_repeatable:
            raise self._refusal("a repetition of nothing or of a repetition")
        if counted and max(int(number or 0) for number in counted.groups()) > _MAX_REPETITION:
            raise self._refusal(f"a repetition of more than {_MAX_REPETITION}")
        if rest[0] != "?" and self._group_before and re.compile(self._group_before, re.ASCII).fullmatch(""):
            # The groups of such a match differ.
            raise self._refusal("a repetition of a group that can be empty")
        text = counted.group() if counted else rest[0]
        text += "?" if rest[len(text) :].startswith("?") else ""
        self._repeatable = False
        return self._taken(text)

    def _group(self, rest: str) -> str:
        self._open.append(len(self._parts))
        if not rest.startswith("(?"):
            return self._taken("(")
        named = _GROUP.match(rest)
        if not named:
            raise self._refusal(f"the group {rest[:4]}")
        name = named.group(1)
        return self._taken(named.group(), f"(?P<{name}>" if name else None)

    def _class(self) -> str:
        """Translate one character class, from the bracket to the bracket."""
        text = self._taken("[")
        if self._expression.startswith("^", self._at):
            text += self._taken("^")
        if self._expression.startswith("]", self._at):
            text += self._taken("]", r"\]")
        while True:
            rest = self._expression[self._at :]
            if not rest:
                raise self._refusal("a character class without an end")
            if rest[0] == "]":
                self._repeatable = True
                return text + self._taken("]")
            posix = re.match(r"\[:(\w+):\]", rest)
            if posix and posix.group(1) in _POSIX:
                text += self._taken(posix.group(), _POSIX[posix.group(1)])
            elif rest.startswith("[:"):
                raise self._refusal(f"the class {rest[:8]}")
            elif rest[0] == "\\":
                text += self._escape(rest, within_class=True)
            else:
                # Python reserves these characters for operations on sets.
                text += self._taken(rest[0], f"\\{rest[0]}" if rest[0] in "[&~|" else rest[0])

    def _escape(self, rest: str, *, within_class: bool) -> str:
        sign = rest[1:2]
        code = re.match(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})", rest)
        if code:
            return self._taken(code.group(), f"\\U{int(code.group(1) or code.group(2), 16):08x}")
        if sign == "Q" and not within_class:
            literal = rest[2:].partition(r"\E")[0]
            self._taken(rest[: len(literal) + 4])
            return re.escape(literal)
        if not within_class and sign in _ANCHORS:
            self._repeatable = False
            return self._taken(rest[:2], _ANCHORS[sign])
        if sign == "s" or (sign == "S" and not within_class):
            # Python's \s includes the vertical tab.
            return self._taken(rest[:2], _SPACE if within_class else f"[{'^' if sign == 'S' else ''}{_SPACE}]")
        if sign in tuple("dDwWfnrtva") or (sign and sign.isascii() and not sign.isalnum()):
            return self._taken(rest[:2])
        raise self._refusal(f"the escape {rest[:2]}")
