# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scrape options against the whole fleet. The versions of Prometheus are tested with the options themselves."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from plugins.plugin_utils._fleet.test_scrape_options import app, made


def test_options_of_a_job_that_nothing_has(tmp_path: Path) -> None:
    """The near one is named; a job of another host is right."""
    hosts = {"a": app(), "b": {"monitoring_scrape_options": {"nod": {"sample_limit": 5}, "app": {"sample_limit": 5}}}}
    (problem,) = made(tmp_path, **hosts).build(contracts())[1]
    assert problem.startswith("host b, variable monitoring_scrape_options.nod, ")
    assert "Did you mean node?" in problem


def test_what_monitoring_web_sets_is_not_set_twice(tmp_path: Path) -> None:
    """Prometheus takes one kind of credentials alone."""
    web = {"username": "u", "password": "hidden", "password_hash": "$2y$10$x"}
    host = {"monitoring_web": web, "monitoring_scrape_options": {"node": {"bearer_token_file": "/t"}}}
    (problem,) = made(tmp_path, h=host).build(contracts())[1]
    assert problem.startswith("host h, variable monitoring_scrape_options.node.bearer_token_file, ")
    assert "monitoring_web sets this" in problem
