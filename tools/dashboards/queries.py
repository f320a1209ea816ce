# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queries of a dashboard as Grafana sends them to Prometheus, and the answers."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

# Variables that Grafana sets: an interval of at least four scrapes, and the time range of the dashboard.
OWN = {"__rate_interval": "1m", "__range": "15m", "__interval": "15s"}


def filled(text: str, page: dict[str, Any], **chosen: str) -> str:
    """Return a query of *page* with values in place of its variables: the values in *chosen*, otherwise all values."""
    values = {
        **OWN,
        **{variable["name"]: variable.get("allValue") or variable["current"]["value"] for variable in choices(page)},
        **chosen,
    }
    return re.sub(r"\$\{?([a-z_]+)\}?", lambda found: values[found[1]], text)


def choices(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the variables whose values people can select."""
    return [variable for variable in page["templating"]["list"] if variable["type"] != "datasource"]


def queries(page: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (title of the panel, query) for each query of *page*."""
    for panel in page["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def ask(url: str, path: str, **parameters: Any) -> Any:
    """Query Prometheus' API and return the data of the answer.

    :raises ValueError: with the error message of Prometheus.
    """
    address = f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310 - the URL of Prometheus
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise ValueError(f"{address}: {error.read().decode()}") from error


def offered(url: str, page: dict[str, Any], variable: dict[str, Any]) -> list[str]:
    """Return the values that people can select for a variable of *page*."""
    if variable["type"] == "custom":
        return variable["query"].split(",")
    found = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"])
    if not found:
        raise ValueError(f"{variable['name']}: {variable['query']} is no query of label values")
    return ask(url, f"label/{found[2]}/values", **{"match[]": filled(found[1], page)})
