# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard_supervisord.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import BASE, GREEN, RED, YELLOW, Page
from series import ANY, PROGRAMS


def build() -> Page:
    """Return the dashboard of the programs of supervisord."""
    page = Page(
        "vigie-supervisord",
        "supervisord",
        "Programs of supervisord: their state, start time and restarts.",
        'supervisord:program_up{host!=""}',
    )
    page.choose("service", "Programs", 'label_values(supervisord:program_up{host=~"$node"}, name)')
    which = '{name=~"$service",host=~"$node"}'

    def either(metric: str, wrap: str = "%s") -> str:
        """Return a metric of the collector, or of the script that replaces it."""
        return " or ".join(wrap % f"{source}_supervisord_{metric}{which}" for source in ("node", "vigie"))

    page.row("Now")
    page.stat("Programs that run", "none", f"count({PROGRAMS} == 1) or vector(0)")
    page.stat("Programs that do not", "none", f"count({PROGRAMS} == 0) or vector(0)", ANY)
    page.table(
        "Programs",
        {
            "Runs": f"max by (host, group, name) ({PROGRAMS})",
            "Started": f"max by (host, group, name) ({either('start_time_seconds')}) * 1000",
            "Exit status": f"max by (host, group, name) ({either('exit_status')})",
        },
        {"name": "Program", "group": "Group", "host": "Server"},
        {"Runs": "bool_on_off", "Started": "dateTimeFromNow", "Exit status": "none"},
        steps={"Runs": {BASE: RED, 1.0: GREEN}, "Exit status": {1.0: YELLOW}},
        span=16,
    )
    page.row("Over time")
    page.states("Programs", {"{{host}} {{name}}": PROGRAMS}, height=16)
    page.graph(
        "Started anew",
        "short",
        {"{{host}} {{name}}": either("start_time_seconds", "changes(%s[10m])")},
        span=24,
        description="Number of restarts in ten minutes.",
    )
    return page
