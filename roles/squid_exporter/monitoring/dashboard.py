# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import BUSY, of, rate


def build() -> Page:
    """Return the dashboard of Squid."""
    page = Page("vigie-squid", "Squid", "Squid: requests, cache, traffic.", 'up{job="squid",host!=""}')
    page.now("squid_up")
    page.stat("Requests", "reqps", rate("squid_client_http_requests_total", ""), decimals=1)
    share = f"{of('squid_info_Number_of_file_desc_currently_in_use')} / {of('squid_info_Maximum_number_of_file_descriptors')}"
    page.stat("Files and connections, of those allowed", "percent", f"100 * max({share})", BUSY)
    page.row("Over time")
    page.graph("Requests", "reqps", {"{{host}}": rate("squid_client_http_requests_total", "host")})
    page.graph("Requests from the cache", "reqps", {"{{host}}": rate("squid_client_http_hits_total", "host")})
    page.graph("Errors", "reqps", {"{{host}}": rate("squid_client_http_errors_total", "host")})
    page.graph(
        "To clients",
        "KBs",
        {"{{host}}": rate("squid_client_http_kbytes_out_kbytes_total", "host")},
        description="What Squid sends to clients.",
    )
    page.graph(
        "From servers",
        "KBs",
        {"{{host}}": rate("squid_server_all_kbytes_in_kbytes_total", "host")},
        description="What Squid receives from websites.",
    )
    page.graph("Files and connections", "short", {"{{host}}": of("squid_info_Number_of_file_desc_currently_in_use")})
    return page
