# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public API of a Mastodon instance."""

from __future__ import annotations

import json
import typing as t
import urllib.error
import urllib.request

from prometheus_client.core import Metric
from vigie_exporter import gauge

# Bytes. The list of the known instances of a large instance has about 1 MB.
_LIMIT = 64 << 20


class Instance:
    """Reads the API of the instance at *url*."""

    def __init__(self, url: str, token: str = "", timeout: float = 5.0) -> None:
        """Send *token*, if there is one, and wait for each answer for at most *timeout* seconds."""
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout

    def collect(self) -> list[Metric]:
        """Return the metrics of the instance.

        :raises OSError: if the instance does not answer, or answers with an error.
        :raises ValueError, KeyError, TypeError: if the answer has another form.
        """
        about = self._get("/api/v1/instance")
        metrics: list[Metric] = [
            gauge("mastodon_info", "Version of the instance.", {"version": str(about["version"])}, 1),
            gauge("mastodon_users", "Accounts of the instance.", {}, about["stats"]["user_count"]),
            gauge(
                "mastodon_statuses",
                "Statuses that accounts of the instance wrote.",
                {},
                about["stats"]["status_count"],
            ),
            gauge("mastodon_known_instances", "Instances that this instance knows.", {}, about["stats"]["domain_count"]),
            gauge("mastodon_registrations_open", "Whether everybody can register.", {}, float(bool(about["registrations"]))),
        ]
        active = self._get("/api/v2/instance")["usage"]["users"]["active_month"]
        metrics.append(gauge("mastodon_active_users", "Users who were active in the last month.", {}, active))
        # An administrator can hide these two pages.
        activity = self._get_if_public("/api/v1/instance/activity")
        if activity:
            week = activity[0]
            metrics += [
                gauge("mastodon_week_statuses", "Statuses of the current week.", {}, float(week["statuses"])),
                gauge("mastodon_week_logins", "Users who signed in during the current week.", {}, float(week["logins"])),
                gauge("mastodon_week_registrations", "Registrations of the current week.", {}, float(week["registrations"])),
            ]
        peers = self._get_if_public("/api/v1/instance/peers")
        if peers is not None:
            metrics.append(gauge("mastodon_peers", "Instances that this instance exchanges messages with.", {}, len(peers)))
        return metrics

    def _get_if_public(self, path: str) -> t.Any:
        """Return the answer at *path*, or None if the instance does not publish it."""
        try:
            return self._get(path)
        except urllib.error.HTTPError as error:
            if error.code in {401, 403, 404}:
                return None
            raise

    def _get(self, path: str) -> t.Any:
        request = urllib.request.Request(f"{self._url}{path}", headers=self._headers)  # noqa: S310 - the URL is the operator's
        with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
            return json.loads(answer.read(_LIMIT))
