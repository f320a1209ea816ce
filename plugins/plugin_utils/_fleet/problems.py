# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The problems of an inventory. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._common.redaction import redacted


class Problems:
    """Mistakes of the inventory: all are collected, so that one run shows them all."""

    def __init__(self) -> None:
        """Start with none."""
        self._hosts: dict[tuple[str, str, str], list[str]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._hosts)

    def add(self, host: str, variable: str, value: t.Any, remedy: str) -> None:
        """Note one mistake; *remedy* says what to do."""
        # A value may be somebody's whole scrape config, with its password.
        shown = repr(value if value == "…" else redacted(value, variable.rsplit(".", maxsplit=1)[-1]))
        hosts = self._hosts.setdefault((variable, shown, remedy), [])
        if host not in hosts[-1:]:
            hosts.append(host)

    @property
    def lines(self) -> list[str]:
        """Return a line for each. What several hosts have from one group is one mistake."""
        return [
            # No host's name has a space.
            f"{'' if ' ' in hosts[0] else 'host '}{_some(hosts)}, variable {variable}, value {value}: {remedy}"
            for (variable, value, remedy), hosts in self._hosts.items()
        ]


def _some(names: list[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest} more" if rest > 0 else "")


Report = t.Callable[[str, t.Any, str], None]
