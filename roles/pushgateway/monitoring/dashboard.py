# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import YELLOW, Page
from series import ANY, of


def build() -> Page:
    """Return the dashboard of Pushgateway."""
    page = Page("vigie-pushgateway", "Pushgateway", "Metrics that batch jobs push.", 'up{job="pushgateway",host!=""}')
    page.row("Now")
    page.stat("Groups", "none", f"count({of('push_time_seconds')})")
    page.stat("Refused pushes", "none", f"count({of('push_failure_time_seconds')} > {of('push_time_seconds')}) or vector(0)", ANY)
    page.stat("The oldest push", "s", f"max(time() - {of('push_time_seconds')})", {93600.0: YELLOW})
    page.row("Groups")
    page.table(
        "The last push",
        {"Age": f"sort_desc(time() - {of('push_time_seconds')})"},
        {"host": "Pushgateway", "job": "Job", "instance": "Instance"},
        {"Age": "s"},
    )
    page.row("Over time")
    page.graph("Age of the last push", "s", {"{{job}} {{instance}}": f"time() - {of('push_time_seconds')}"})
    return page
