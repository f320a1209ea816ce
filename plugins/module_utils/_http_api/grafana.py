# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries a Grafana server for its version, data sources and dashboards. Private to the collection."""

from __future__ import annotations

import json
import typing as t
from urllib.error import HTTPError

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.urls import open_url

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api.client import get_json, password_options


class Grafana:
    """The HTTP API of a Grafana server."""

    def __init__(self, url: str, username: str, password: str, timeout: float) -> None:
        """Use the server at *url*; no query is sent yet. *timeout* is in seconds, for each answer."""
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._credentials = password_options(username, password)

    def version(self) -> str:
        """Return the version of the server.

        :raises ApiError: if Grafana does not answer.
        """
        return str(get_json(f"{self._url}/api/health", self._timeout, "version", server="Grafana"))

    def sources(self) -> list[dict[str, str]]:
        """Return uid, name, type, url and problem of each data source. The problem is why Grafana cannot use it, or empty.

        :raises ApiError: if Grafana does not answer, or rejects the password.
        """
        sources = get_json(f"{self._url}/api/datasources", self._timeout, server="Grafana", **self._credentials)
        return [
            {**{key: str(source.get(key, "")) for key in ("uid", "name", "type", "url")}, "problem": self._problem(source)}
            for source in sources
        ]

    def dashboards(self) -> list[dict[str, str]]:
        """Return uid, title and folder of each dashboard.

        :raises ApiError: if Grafana does not answer, or rejects the password.
        """
        # Grafana returns at most 5000 dashboards in one answer.
        dashboards = get_json(
            f"{self._url}/api/search?type=dash-db&limit=5000", self._timeout, server="Grafana", **self._credentials
        )
        return [
            {"uid": item["uid"], "title": item.get("title", ""), "folder": item.get("folderTitle", "")} for item in dashboards
        ]

    def _problem(self, source: t.Mapping[str, t.Any]) -> str:
        # A data source for an Alertmanager has no health check. Query the Alertmanager through the proxy of Grafana instead.
        has_check = source["type"] != "alertmanager"
        path = f"uid/{source['uid']}/health" if has_check else f"proxy/uid/{source['uid']}/api/v2/status"
        address = f"{self._url}/api/datasources/{path}"
        try:
            open_url(address, timeout=self._timeout, use_proxy=False, validate_certs=False, **self._credentials)
        except HTTPError as error:
            # Other types of data sources can also lack a health check.
            return "" if has_check and error.code == 404 else _error_message(error)  # noqa: PLR2004 - the status
        except Exception as error:  # noqa: BLE001 - every error is a result
            return to_text(error)
        return ""


def _error_message(error: HTTPError) -> str:
    """Return the message in the body of Grafana's answer, or the HTTP status."""
    try:
        content: t.Any = json.loads(error.read())
        return str(content["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"HTTP status {error.code}"
