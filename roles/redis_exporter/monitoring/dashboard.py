# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import RED, YELLOW, Page
from series import BUSY, of, rate


def build() -> Page:
    """Return the dashboard of Redis."""
    page = Page("vigie-redis", "Redis", "Redis and Valkey: clients, commands, memory, keys.", 'up{job="redis",host!=""}')
    page.now("redis_up")
    page.stat("Commands", "ops", rate("redis_commands_processed_total", ""), decimals=1)
    clients = f"{of('redis_connected_clients')} / {of('redis_config_maxclients')}"
    page.stat("Clients, of those allowed", "percent", f"100 * max({clients})", BUSY, decimals=1)
    page.stat("Memory", "bytes", f"sum({of('redis_memory_used_bytes')})", decimals=1)
    page.stat("Clients that wait", "none", f"sum({of('redis_blocked_clients')})", {1.0: YELLOW, 50.0: RED})
    page.row("Over time")
    page.graph("Commands", "ops", {"{{host}}": rate("redis_commands_processed_total", "host")})
    hits, misses = (rate(f"redis_keyspace_{what}_total", "host") for what in ("hits", "misses"))
    page.graph("Lookups", "ops", {"{{host}} found": hits, "{{host}} not found": misses})
    page.graph("Clients", "short", {"{{host}}": of("redis_connected_clients")})
    page.graph("Memory", "bytes", {"{{host}}": of("redis_memory_used_bytes")})
    page.graph("Keys", "short", {"{{host}} {{db}}": f"{of('redis_db_keys')} > 0"})
    page.graph(
        "Keys removed",
        "ops",
        {
            "{{host}} expired": rate("redis_expired_keys_total", "host"),
            "{{host}} evicted": rate("redis_evicted_keys_total", "host"),
        },
    )
    page.graph(
        "Network",
        "Bps",
        {f"{{{{host}}}} {way}": rate(f"redis_net_{way}_bytes_total", "host") for way in ("input", "output")},
    )
    page.graph("Clients refused", "ops", {"{{host}}": rate("redis_rejected_connections_total", "host")})
    return page
