# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import ANY, BUSY, of, rate


def build() -> Page:
    """Return the dashboard of processes."""
    page = Page("vigie-process", "Processes", "Groups of processes.", 'up{job="process",host!=""}')
    page.choose("group", "Groups", 'label_values(namedprocess_namegroup_num_procs{host=~"$node"}, groupname)')
    chosen = 'groupname=~"$group",'
    number = of("namedprocess_namegroup_num_procs", chosen)
    page.row("Now")
    page.stat("Processes", "none", f"sum({number})")
    page.stat("Groups without a process", "none", f"count({number} == 0) or vector(0)", ANY)
    page.stat(
        "Files open, of those allowed", "percent", f"100 * max({of('namedprocess_namegroup_worst_fd_ratio', chosen)})", BUSY
    )
    page.row("Over time")
    legend = "{{host}} {{groupname}}"
    page.graph("Processes", "short", {legend: number})
    page.graph("Processor", "percentunit", {legend: rate("namedprocess_namegroup_cpu_seconds_total", "host, groupname", chosen)})
    page.graph("Memory", "bytes", {legend: of("namedprocess_namegroup_memory_bytes", f'memtype="resident",{chosen}')})
    page.graph("Open files", "short", {legend: of("namedprocess_namegroup_open_filedesc", chosen)})
    page.graph(
        "Disk",
        "Bps",
        {
            f"{legend} {what}": rate(f"namedprocess_namegroup_{what}_bytes_total", "host, groupname", chosen)
            for what in ("read", "write")
        },
    )
    page.graph("Threads", "short", {legend: of("namedprocess_namegroup_num_threads", chosen)})
    return page
