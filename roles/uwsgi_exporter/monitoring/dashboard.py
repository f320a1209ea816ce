# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import RED, YELLOW, Page
from series import ANY, BUSY, RATE, of, rate

QUEUE = "uWSGI knows the queue of a TCP socket only. The queue of a unix socket is always 0."


def build() -> Page:
    """Return the dashboard of uWSGI."""
    page = Page("vigie-uwsgi", "uWSGI", "Load, request duration and memory of the uWSGI workers.", 'uwsgi_workers{host!=""}')
    page.choose("uwsgi", "Instances", 'label_values(uwsgi_workers{host=~"$node"}, uwsgi)')
    its = 'uwsgi=~"$uwsgi",'
    who, legend = "host, uwsgi", "{{host}} {{uwsgi}}"
    page.row("Now")
    page.stat("Instances up", "none", f"count({of('uwsgi_workers', its)}) or vector(0)")
    silent = of("up", 'job="uwsgi",' + its) + " unless on (job, instance) uwsgi_workers"
    page.stat("Instances down", "none", f"count({silent}) or vector(0)", ANY)
    page.stat("Workers", "none", f"sum({of('uwsgi_workers', its)})")
    page.stat("Workers busy", "percent", f"100 * avg({of('uwsgi_worker_busy', its)})", BUSY)
    page.stat("Requests", "reqps", rate("uwsgi_worker_requests_total", "", its), decimals=1)
    page.stat(
        "Longest queue", "none", f"max({of('uwsgi_socket_queue_length', its)})", {1.0: YELLOW, 50.0: RED}, description=QUEUE
    )
    page.row("Over time")
    page.graph("Requests", "reqps", {legend: rate("uwsgi_worker_requests_total", who, its)})
    page.graph("Workers busy", "percent", {legend: f"100 * avg by ({who}) ({of('uwsgi_worker_busy', its)})"}, most=100)
    took = f"avg by ({who}) ({of('uwsgi_worker_average_response_time_seconds', its)})"
    page.graph("A request takes", "s", {legend: took})
    page.graph("Queue", "short", {legend: f"max by ({who}) ({of('uwsgi_socket_queue_length', its)})"}, description=QUEUE)
    memory = "uWSGI measures the memory only with memory-report = true in the configuration of the instance."
    page.graph("Memory", "bytes", {legend: f"sum by ({who}) ({of('uwsgi_worker_rss_bytes', its)})"}, description=memory)
    page.graph(
        "Trouble",
        "short",
        {
            f"{legend} {what}": f"sum by ({who}) (increase({of(f'uwsgi_worker_{metric}_total', its)}{RATE}))"
            for what, metric in (("exceptions", "exceptions"), ("harakiri", "harakiri_count"), ("respawned", "respawn_count"))
        },
    )
    return page
