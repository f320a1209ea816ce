# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The problems of an inventory. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import redacted


class Problems:
    """The problems of an inventory, collected so that one run reports all of them."""

    def __init__(self) -> None:
        """Start without problems."""
        self._hosts: dict[tuple[str, str, str], list[str]] = {}

    def __len__(self) -> int:
        """Return the number of problems."""
        return len(self._hosts)

    def add(self, host: str, variable: str, value: t.Any, remedy: str) -> None:
        """Add one problem; *remedy* says what is wrong and what to do."""
        # A value can be a whole scrape config with a password.
        shown = repr(value if value == "…" else redacted(value, variable.rsplit(".", maxsplit=1)[-1]))
        hosts = self._hosts.setdefault((variable, shown, remedy), [])
        if host not in hosts[-1:]:
            hosts.append(host)

    @property
    def lines(self) -> list[str]:
        """Return a line for each problem. The same problem of several hosts is one line."""
        return [
            # A name with a space is not a host, but for example "group web".
            f"{'' if ' ' in hosts[0] else 'host '}{first_names(hosts, 3)}, variable {variable}, value {value}: {remedy}"
            for (variable, value, remedy), hosts in self._hosts.items()
        ]


def first_names(names: t.Sequence[str], most: int) -> str:
    """Return the first of *names*, *most* of them, as a text, and the number of further ones."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


Report = t.Callable[[str, t.Any, str], None]
