# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate thresholds against the alert rules that use them. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.alert_rules import (
    SEVERITIES,
    Known,
    by_severity,
)


def threshold_problem(name: str, value: t.Any, known: Known) -> str | None:
    """Return the problem of a threshold of the inventory (a number, or numbers by severity), or None."""
    if name not in known:
        return f"unknown threshold. The known thresholds are {', '.join(sorted(known))}"
    sign, usual = known[name]
    own = by_severity(name, value, known)
    unknown = sorted(set(own) - set(usual))
    if unknown:
        return f"the alert has no severity {', '.join(unknown)}. The severities of this alert are {', '.join(usual)}"
    # An alert with a milder severity must fire first.
    numbers = [{**usual, **own}[severity] for severity in sorted(usual, key=SEVERITIES.index)]
    if numbers != sorted(numbers, reverse=sign == "below"):
        return (
            f"a more severe alert would fire before a less severe one, with the thresholds {', '.join(map(str, numbers))}. "
            "Set the number of each severity"
        )
    return None
