# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import RED, YELLOW, Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of systemd."""
    page = Page("vigie-systemd", "systemd units", "Units of systemd: states, restarts, timers.", 'up{job="systemd",host!=""}')
    page.row("Now")
    active, failed = (of("systemd_unit_state", f'state="{state}",') for state in ("active", "failed"))
    page.stat("Units that run", "none", f"sum({active})")
    page.stat("Failed units", "none", f"sum({failed})", ANY)
    restarts = f"sum(increase({of('systemd_service_restart_total')}[1h]))"
    page.stat("Restarts in an hour", "none", restarts, {1.0: YELLOW, 10.0: RED})
    page.row("Over time")
    page.graph("Failed units", "short", {"{{host}}": f"sum by (host) ({failed})"})
    page.graph(
        "Restarts", "ops", {"{{host}} {{name}}": rate("systemd_service_restart_total", "host, name") + " > 0 or vector(0)"}
    )
    page.graph("Tasks", "short", {"{{host}} {{name}}": f"topk(10, {of('systemd_unit_tasks_current')})"})
    page.row("Timers")
    page.table(
        "The last run",
        {"Age": f"sort_desc(time() - {of('systemd_timer_last_trigger_seconds')} > 0)"},
        {"host": "Server", "name": "Timer"},
        {"Age": "s"},
    )
    return page
