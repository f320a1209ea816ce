# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import GREEN, RED, Page
from series import ANY, of, rate

OWN = 'job="vmauth",'


def both(function: str, name: str) -> str:
    """Return the sum of a metric of users with and without a password."""
    with_password, without = (of(f"vmauth_{user}_{name}", OWN) for user in ("user", "unauthorized_user"))
    return f"sum by (host) ({function}({with_password}[$__rate_interval]) or {function}({without}[$__rate_interval]))"


def build() -> Page:
    """Return the dashboard of vmauth."""
    page = Page("vigie-vmauth", "vmauth", "Queries to the stores.", 'up{job="vmauth",host!=""}')
    page.row("Now")
    page.stat("Queries", "reqps", f"sum({both('rate', 'requests_total')})", decimals=1)
    page.stat("Failed queries", "short", f"sum({both('increase', 'request_errors_total')})", ANY)
    page.stat("Failed requests to stores", "short", f"sum({both('increase', 'request_backend_errors_total')})", ANY)
    reloaded = {"1": ("yes", GREEN), "0": ("no", RED)}
    page.stat("Configuration in force", "none", f"min({of('vmauth_config_last_reload_successful')})", mappings=reloaded)
    page.row("Over time")
    page.graph("Queries", "reqps", {"{{host}}": both("rate", "requests_total")})
    page.graph("Failed queries", "reqps", {"{{host}}": both("rate", "request_errors_total")})
    page.graph("Failed requests to stores", "reqps", {"{{host}}": both("rate", "request_backend_errors_total")})
    page.graph("Requests without a valid password", "reqps", {"{{reason}}": rate("vmauth_http_request_errors_total", "reason")})
    page.graph("Memory", "bytes", {"{{host}}": of("process_resident_memory_bytes", OWN)})
    page.graph("CPU", "percentunit", {"{{host}}": rate("process_cpu_seconds_total", "host", OWN)})
    return page
