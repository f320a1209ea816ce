# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import YELLOW, Page
from series import of, rate


def build() -> Page:
    """Return the dashboard of PHP-FPM."""
    page = Page("vigie-phpfpm", "PHP-FPM", "PHP-FPM: requests, processes, queue.", 'up{job="phpfpm",host!=""}')
    page.now("php_fpm_up", "Pools")
    page.stat("Requests", "reqps", rate("php_fpm_accepted_connections_total", ""), decimals=1)
    page.stat("Requests that wait", "none", f"sum({of('php_fpm_listen_queue')})", {1.0: YELLOW})
    page.row("Over time")
    pool = "{{host}} {{socket_path}}"
    page.graph("Requests", "reqps", {pool: rate("php_fpm_accepted_connections_total", "host, socket_path")})
    page.graph("Requests that wait", "short", {pool: of("php_fpm_listen_queue")})
    page.graph("Busy processes", "short", {pool: of("php_fpm_active_processes")})
    page.graph("Idle processes", "short", {pool: of("php_fpm_idle_processes")})
    page.graph("Slow requests", "ops", {pool: rate("php_fpm_slow_requests", "host, socket_path")})
    page.graph("All processes busy", "ops", {pool: rate("php_fpm_max_children_reached", "host, socket_path")})
    return page
