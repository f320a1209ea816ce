# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log rules that the rest of the fleet does not allow."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import Made, simple
from models import log_rule

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.log_rules import validate_log_rules


def problems_of(rule: t.Any, engine: str = "", roles: t.Sequence[str] = ("mtail", "alloy")) -> list[str]:
    """Return the problems of *rule* on a host with *roles* that a server scrapes each minute."""
    host = {"roles": list(roles), "labels": {"function": "web"}, "logs": [rule]}
    servers = {"p": {"prometheus_scrape_interval": "1m", "scrape_hosts": ["a"]}}
    model: t.Any = {
        "hosts": {"a": host, "b": {"roles": []}},
        "servers": {"prometheus": servers},
        "roles": {"mtail": "x.mtail", "alloy": "x.alloy"},
    }
    problems = Problems()
    validate_log_rules({**model, **({"logs_engine": engine} if engine else {})}, problems)
    return problems.lines


@pytest.mark.parametrize(
    ("change", "field", "remedy"),
    [
        ({}, "", ""),
        ({"window": "2m"}, "", ""),
        ({"window": "119s"}, "window", "at least twice the scrape interval of the Prometheus server, which is 1m"),
        ({"silent_for": "1m"}, "silent_for", "at least twice the scrape interval"),
        ({"show_line": True}, "show_line", "mtail counts lines and cannot put a line into an alert"),
        (
            {"match": "(?P<function>x)", "labels": ["function"]},
            "labels",
            "monitoring_labels of the host has a label of this name",
        ),
    ],
)
def test_a_rule_must_work_on_its_host(change: dict[str, t.Any], field: str, remedy: str) -> None:
    """The problem names host, rule and field."""
    found = problems_of(log_rule(**change))
    assert len(found) == bool(field)
    for line in found:
        assert line.startswith(f"host a, variable monitoring_logs[r].{field}, value ")
        assert remedy in line


def test_loki_can_show_the_line() -> None:
    """The engine decides."""
    assert problems_of(log_rule(show_line=True), "loki") == []


@pytest.mark.parametrize(("engine", "reader"), [("", "mtail"), ("loki", "alloy")])
def test_a_host_with_rules_needs_a_program_that_reads_its_logs(engine: str, reader: str) -> None:
    """The rules would never match."""
    assert problems_of(log_rule(), engine, [reader]) == []
    (line,) = problems_of(log_rule(), engine, ["node_exporter"])
    assert line.startswith("host a, variable monitoring_logs, value ['r']: no program reads the logs")
    assert line.endswith(f"the role {reader}")


@pytest.mark.parametrize(
    ("value", "engine", "problems"),
    [
        (None, None, []),
        ("mtail", None, []),
        ("{{ 'lo' ~ 'ki' }}", "loki", []),
        ("loky", None, ["host all, variable monitoring_logs_engine, value 'loky': must be one of mtail, loki"]),
    ],
)
def test_the_engine_is_one_of_two(tmp_path: Path, value: str | None, engine: str | None, problems: list[str]) -> None:
    """The model names the engine only if it is not the default."""
    files = {**simple(), **({"group_vars/all.yml": {"monitoring_logs_engine": value}} if value else {})}
    model, found = Made(tmp_path, files).build()
    assert (model.get("logs_engine"), found) == (engine, problems)
