# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import ANY, of, rate

MTAIL = 'job="mtail",'


def build() -> Page:
    """Return the dashboard of mtail."""
    page = Page("vigie-mtail", "Logs (mtail)", "Hosts with rules in monitoring_logs.", 'up{job="mtail",host!=""}')
    page.row("Now")
    page.stat("Hosts", "none", f"sum({of('up', MTAIL)})")
    page.stat("Lines", "ops", rate("mtail_lines_total", ""), decimals=1)
    page.stat("Logs", "none", f"count({of('mtail_log_lines_total')})")
    page.stat("Programs not loaded", "none", f"sum({of('mtail_prog_load_errors_total')}) or vector(0)", ANY)
    page.stat("Unreadable logs", "none", f"count({rate('mtail_log_errors_total', 'host, logfile')} > 0) or vector(0)", ANY)
    page.row("Over time")
    page.graph("Lines that match a rule", "ops", {"{{host}} {{prog}}": rate("log_rule_matches_total", "host, prog")})
    page.graph("Lines of each log", "ops", {"{{host}} {{logfile}}": rate("mtail_log_lines_total", "host, logfile")})
    page.graph("Memory", "bytes", {"{{host}}": of("process_resident_memory_bytes", MTAIL)})
    page.graph("CPU", "none", {"{{host}}": rate("process_cpu_seconds_total", "host", MTAIL)})
    return page
