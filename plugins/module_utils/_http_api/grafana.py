# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Grafana has: version, data sources, dashboards (its HTTP API). Private to the collection."""

from __future__ import annotations

import json
import typing as t
from urllib.error import HTTPError

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.urls import open_url

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import get


class Grafana:
    """The Grafana at *url*."""

    def __init__(self, url: str, username: str, password: str, timeout: float) -> None:
        """Nothing is asked yet."""
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._sign_in = {"url_username": username, "url_password": password, "force_basic_auth": True}

    def version(self) -> str:
        """Return the version that runs.

        :raises ApiError: where it does not answer.
        """
        return str(get(f"{self._url}/api/health", self._timeout, "version", who="Grafana"))

    def sources(self) -> list[dict[str, str]]:
        """Return uid, name, type and url of each data source, and ``problem``: why it cannot be used, from Grafana's side.

        :raises ApiError: where Grafana does not answer, or refuses the password.
        """
        found = get(f"{self._url}/api/datasources", self._timeout, who="Grafana", **self._sign_in)
        return [
            {**{key: str(source.get(key, "")) for key in ("uid", "name", "type", "url")}, "problem": self._problem(source)}
            for source in found
        ]

    def dashboards(self) -> list[dict[str, str]]:
        """Return uid, title and folder of each dashboard.

        :raises ApiError: where Grafana does not answer, or refuses the password.
        """
        # As many as it gives at once.
        found = get(f"{self._url}/api/search?type=dash-db&limit=5000", self._timeout, who="Grafana", **self._sign_in)
        return [{"uid": item["uid"], "title": item.get("title", ""), "folder": item.get("folderTitle", "")} for item in found]

    def _problem(self, source: t.Mapping[str, t.Any]) -> str:
        # That of an Alertmanager has no health of its own to be asked for: it is asked itself, through Grafana.
        own = source["type"] != "alertmanager"
        path = f"uid/{source['uid']}/health" if own else f"proxy/uid/{source['uid']}/api/v2/status"
        address = f"{self._url}/api/datasources/{path}"
        try:
            open_url(address, timeout=self._timeout, use_proxy=False, validate_certs=False, **self._sign_in)
        except HTTPError as error:
            # Other kinds without one are none the worse.
            return "" if own and error.code == 404 else _message(error)  # noqa: PLR2004 - the status
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is the answer
            return to_text(error)
        return ""


def _message(error: HTTPError) -> str:
    """Return what Grafana says in the body of an error."""
    try:
        content: t.Any = json.loads(error.read())
        return str(content["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"HTTP status {error.code}"
