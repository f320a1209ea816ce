# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every query of the dashboards of these exporters, as Grafana sends it, against Prometheus and the real services."""

from __future__ import annotations

import typing as t

import dashboard_checks
import pytest

PAGES = dashboard_checks.pages(dashboard_checks.roles_of("python") - {"prometheus"})


@pytest.fixture(scope="module")
def url(scenario: t.Any) -> str:
    """Return the URL of Prometheus."""
    return f"http://{scenario.var('app', 'ansible_host')}:9090"


@pytest.mark.parametrize("uid", PAGES)
def test_every_query_finds_something(scenario: t.Any, url: str, uid: str) -> None:
    """Each query returns data if all hosts are selected."""
    dashboard_checks.check_queries(scenario, url, PAGES[uid], ["function"], {})


@pytest.mark.parametrize("uid", PAGES)
def test_every_variable_offers_something(scenario: t.Any, url: str, uid: str) -> None:
    """Each variable has values. A query returns data for a selected value, and none for a value that does not exist."""
    dashboard_checks.check_variables(scenario, url, PAGES[uid], ["function"])
