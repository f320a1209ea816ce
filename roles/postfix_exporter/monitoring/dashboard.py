# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import YELLOW, Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of Postfix."""
    page = Page("vigie-postfix", "Postfix", "Postfix: queue, deliveries, rejects.", 'up{job="postfix",host!=""}')
    page.row("Now")
    page.stat("Servers up", "none", f"count(min by (host) ({of('postfix_up')}) == 1)")
    page.stat("Servers down", "none", f"count({of('postfix_up')} == 0) or vector(0)", ANY)
    page.stat("Mails in the queue", "none", f"sum({of('postfix_showq_queue_depth')})", {100.0: YELLOW})
    page.stat("Mails accepted", "ops", rate("postfix_cleanup_messages_processed_total", ""), decimals=2)
    page.row("Over time")
    page.graph("Mails in the queue", "short", {"{{host}} {{queue}}": of("postfix_showq_queue_depth")})
    page.graph("Mails accepted", "ops", {"{{host}}": rate("postfix_cleanup_messages_processed_total", "host")})
    page.graph("Mails removed from the queue", "ops", {"{{host}}": rate("postfix_qmgr_messages_removed_total", "host")})
    page.graph("Clients that connect", "ops", {"{{host}}": rate("postfix_smtpd_connects_total", "host")})
    page.graph("Mails deferred", "ops", {"{{host}}": rate("postfix_smtp_status_deferred", "host")})
    page.graph("Failed logins", "ops", {"{{host}}": rate("postfix_smtpd_sasl_authentication_failures_total", "host")})
    return page
