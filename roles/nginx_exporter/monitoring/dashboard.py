# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import RED, Page
from series import of, rate


def build() -> Page:
    """Return the dashboard of nginx."""
    page = Page("vigie-nginx", "nginx", "nginx: requests and connections.", 'up{job="nginx",host!=""}')
    page.now("nginx_up")
    page.stat("Requests", "reqps", rate("nginx_http_requests_total", ""), decimals=1)
    page.stat("Connections", "none", f"sum({of('nginx_connections_active')})")
    dropped = f"{rate('nginx_connections_accepted', '')} - {rate('nginx_connections_handled', '')}"
    page.stat("Connections dropped", "cps", dropped, {0.01: RED}, decimals=2)
    page.row("Over time")
    page.graph("Requests", "reqps", {"{{host}}": rate("nginx_http_requests_total", "host")})
    page.graph("New connections", "cps", {"{{host}}": rate("nginx_connections_accepted", "host")})
    for state, meaning in (
        ("reading", "nginx reads the request"),
        ("writing", "nginx waits for a server behind it, or sends the answer"),
        ("waiting", "the client keeps the connection open for the next request"),
    ):
        page.graph(
            f"Connections: {state}", "short", {"{{host}}": of(f"nginx_connections_{state}")}, span=8, description=f"{meaning}."
        )
    return page
