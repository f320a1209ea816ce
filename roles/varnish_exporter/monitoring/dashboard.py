# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import RED, Page
from series import of, rate


def build() -> Page:
    """Return the dashboard of Varnish."""
    page = Page("vigie-varnish", "Varnish", "Varnish: requests, cache, servers behind it.", 'up{job="varnish",host!=""}')
    page.now("varnish_up")
    page.stat("Requests", "reqps", rate("varnish_main_client_req", ""), decimals=1)
    page.stat("Objects in the cache", "none", f"sum({of('varnish_main_n_object')})")
    page.stat("Failed connections to servers", "cps", rate("varnish_main_backend_fail", ""), {0.01: RED}, decimals=2)
    page.row("Over time")
    page.graph("Requests", "reqps", {"{{host}}": rate("varnish_main_client_req", "host")})
    hits, misses = (rate(f"varnish_main_cache_{what}", "host") for what in ("hit", "miss"))
    page.graph("Cache", "reqps", {"{{host}} found": hits, "{{host}} not found": misses})
    page.graph("Connections to servers", "cps", {"{{host}}": rate("varnish_main_backend_conn", "host")})
    page.graph("Failed connections to servers", "cps", {"{{host}}": rate("varnish_main_backend_fail", "host")})
    page.graph("Memory", "bytes", {"{{host}} {{type}}": of("varnish_sma_g_bytes")})
    page.graph("Threads", "short", {"{{host}}": of("varnish_main_threads")})
    return page
