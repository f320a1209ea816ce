# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line flags from a dictionary, as a systemd unit's ``ExecStart`` reads them."""

from __future__ import annotations

import datetime
import re
import typing as t

STYLES = ("kingpin", "go")
KNOWN_TYPES = "a boolean, an integer, a float, a string, a duration, a list of these, or null"
_PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./-]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def escape(argument: str) -> str:
    """Return *argument* as one word of ``ExecStart=``, which reaches the program unchanged.

    Source: systemd.service(5), "Command lines", and systemd.unit(5), "Specifiers" (``%`` and ``$`` are doubled).
    """
    if _PLAIN.fullmatch(argument):
        return argument
    escaped = argument.replace("%", "%%").replace("$", "$$")
    if re.search(r"[\s\"'\\;]", escaped):
        return '"' + escaped.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return escaped


def _flag_value(name: str, value: t.Any) -> str:
    """Return one value of the flag *name* as a string."""
    if isinstance(value, datetime.timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        text = str(value)
        if re.search(r"[\0\n\r]", text):
            raise ValueError(f"flag {name}: a value must not contain a line break, got {text!r}")
        return text
    raise ValueError(f"flag {name}: expected {KNOWN_TYPES}, got {type(value).__name__}: {value!r}")


def render(flags: t.Mapping[str, t.Any], style: str = "kingpin") -> list[str]:
    """Return the arguments for *flags*, escaped for ``ExecStart=``, in the order of the mapping.

    :param flags: name without dashes -> value. ``True`` is ``--name``; ``False`` is ``--no-name`` (kingpin) or
        ``-name=false`` (Go's own flag package); a list is one flag for each item; ``None`` is left out.
    :raises ValueError: for a type that a command line cannot express, with the name of the flag.
    """
    if style not in STYLES:
        raise ValueError(f"style must be one of {', '.join(STYLES)}, got {style!r}")
    dashes = "--" if style == "kingpin" else "-"
    arguments = []
    for name, value in flags.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a valid flag name. Write the name without the leading dashes")
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            if item is True:
                arguments.append(f"{dashes}{name}")
            elif item is False and style == "kingpin":
                arguments.append(f"{dashes}no-{name}")
            else:
                arguments.append(escape(f"{dashes}{name}={_flag_value(name, item)}"))
    return arguments
