# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import of, rate


def build() -> Page:
    """Return the dashboard of MongoDB."""
    page = Page("vigie-mongodb", "MongoDB", "MongoDB: operations, connections, memory.", 'up{job="mongodb",host!=""}')
    current = 'conn_type="current",'
    page.now("mongodb_up")
    page.stat("Operations", "ops", rate("mongodb_ss_opcounters", ""), decimals=1)
    page.stat("Connections", "none", f"sum({of('mongodb_ss_connections', current)})")
    page.row("Over time")
    legend = "{{host}} {{legacy_op_type}}"
    page.graph("Operations", "ops", {legend: rate("mongodb_ss_opcounters", "host, legacy_op_type")})
    page.graph("Connections", "short", {"{{host}}": of("mongodb_ss_connections", current)})
    page.graph("Documents", "ops", {"{{host}} {{doc_op_type}}": rate("mongodb_ss_metrics_document", "host, doc_op_type")})
    page.graph("Cursors", "short", {"{{host}} {{csr_type}}": of("mongodb_ss_metrics_cursor_open")})
    page.graph("Asserts", "ops", {"{{host}} {{assert_type}}": rate("mongodb_ss_asserts", "host, assert_type")})
    return page
