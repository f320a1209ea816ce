# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import ANY, of


def build() -> Page:
    """Return the dashboard of XML files."""
    page = Page("vigie-xml", "XML files", "Files that become metrics: number, age, errors.", 'up{job="xml",host!=""}')
    page.row("Now")
    page.stat("Files", "none", f"sum({of('xml_store_files')})")
    page.stat("Files that cannot be read", "none", f"count({of('xml_file_up')} == 0) or vector(0)", ANY)
    page.row("Over time")
    page.graph("Files", "short", {"{{host}} {{store}}": of("xml_store_files")})
    page.graph("Age of the files", "s", {"{{host}} {{file}}": f"time() - {of('xml_file_modified_timestamp_seconds')}"})
    return page
