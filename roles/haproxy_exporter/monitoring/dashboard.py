# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import RED, YELLOW, Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of HAProxy. HAProxy's own endpoint has the label proxy, haproxy_exporter has frontend or backend."""
    page = Page(
        "vigie-haproxy", "HAProxy", "Requests, errors, and the state of the backend servers.", 'up{job="haproxy",host!=""}'
    )
    front, back = "host, proxy, frontend", "host, proxy, backend"
    at_front, at_back = "{{host}} {{proxy}}{{frontend}}", "{{host}} {{proxy}}{{backend}}"
    up = of("haproxy_server_status", 'state="UP",')
    servers = f"({up} or {of('haproxy_server_up')})"
    page.row("Now")
    page.stat("Servers in use", "none", f"count({servers} == 1) or vector(0)")
    page.stat("Servers down", "none", f"count({servers} == 0) or vector(0)", ANY)
    page.stat("Requests", "reqps", rate("haproxy_frontend_http_requests_total", ""), decimals=1)
    responses = "haproxy_frontend_http_responses_total"
    errors = rate(responses, "", 'code="5xx",') + " / " + rate(responses, "")
    page.stat("Answers 5xx", "percent", f"100 * {errors}", {1.0: YELLOW, 5.0: RED}, decimals=1)
    page.stat("Sessions", "none", f"sum({of('haproxy_frontend_current_sessions')})")
    page.stat("Queue", "none", f"sum({of('haproxy_backend_current_queue')})", {1.0: YELLOW, 50.0: RED})
    page.row("Traffic")
    page.graph("Requests", "reqps", {at_front: rate("haproxy_frontend_http_requests_total", front)})
    page.graph("Answers, by code", "reqps", {"{{code}}": rate("haproxy_frontend_http_responses_total", "code")}, stacked=True)
    page.graph(
        "Bytes",
        "Bps",
        {f"{at_front} {way}": rate(f"haproxy_frontend_bytes_{way}_total", front) for way in ("in", "out")},
    )
    page.graph("Sessions", "short", {at_front: f"sum by ({front}) ({of('haproxy_frontend_current_sessions')})"})
    page.row("Backends")
    page.states("Servers", {"{{host}} {{proxy}}{{backend}} {{server}}": servers}, span=12)
    page.graph("Queue", "short", {at_back: f"sum by ({back}) ({of('haproxy_backend_current_queue')})"})
    page.graph("Answers 5xx, by backend", "reqps", {at_back: rate("haproxy_backend_http_responses_total", back, 'code="5xx",')})
    page.graph("Sessions, by server", "short", {"{{host}} {{server}}": of("haproxy_server_current_sessions")})
    return page
