# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import ANY, of, rate


def build() -> Page:
    """Return the dashboard of Mastodon."""
    page = Page("vigie-mastodon", "Mastodon", "Mastodon: users, statuses, federation, jobs.", 'up{job="mastodon",host!=""}')
    page.row("Now")
    page.stat("Instances up", "none", f"sum({of('mastodon_up')})")
    page.stat("Instances down", "none", f"count({of('mastodon_up')} == 0) or vector(0)", ANY)
    page.stat("Active users", "none", f"sum({of('mastodon_active_users')})")
    page.stat("Accounts", "none", f"sum({of('mastodon_users')})")
    page.stat("Known instances", "none", f"max({of('mastodon_known_instances')})")
    page.stat("Jobs that wait", "none", f"sum({of('mastodon_sidekiq_queue_jobs')})")
    page.row("Over time")
    page.graph("Statuses", "short", {"{{host}}": of("mastodon_statuses")})
    page.graph("Sign-ins of the week", "short", {"{{host}}": of("mastodon_week_logins")})
    page.graph("Age of the oldest job", "s", {"{{host}} {{queue}}": of("mastodon_sidekiq_queue_seconds")})
    page.graph("Jobs", "ops", {"{{host}} {{result}}": rate("mastodon_sidekiq_jobs_total", "host, result")})
    page.graph("Jobs for later", "short", {"{{host}} {{set}}": of("mastodon_sidekiq_set_jobs")})
    return page
