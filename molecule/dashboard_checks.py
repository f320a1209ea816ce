# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the queries of dashboards, as Grafana sends them, against the Prometheus of a scenario."""

from __future__ import annotations

import json
import re
import sys
import typing as t
from pathlib import Path

import yaml
from ansible.plugins.loader import init_plugin_loader

ROOT = Path(__file__).parents[1]
init_plugin_loader([str(ROOT / ".collections")])
sys.path.insert(0, str(ROOT / "tools" / "dashboards"))

import queries  # noqa: E402 - it lies beside what makes the dashboards

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import grafana  # noqa: E402 - the loader finds it

Page = dict[str, t.Any]
# What an expression contains beside metrics. A name before a parenthesis is a function.
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_WORDS = {"and", "or", "unless", "bool", "offset", "group_left", "group_right"}


def roles_of(scenario: str) -> set[str]:
    """Return the groups of the inventory of *scenario* that are roles."""
    content = yaml.safe_load((ROOT / "molecule" / scenario / "inventory/hosts.yml").read_text())
    return {name for name in content["all"]["children"] if (ROOT / "roles" / name).is_dir()}


def pages(roles: t.Collection[str]) -> dict[str, Page]:
    """Return the dashboards of *roles*, by uid."""
    files = sorted(path for path in ROOT.glob("roles/*/monitoring/dashboard*.json") if path.parents[1].name in roles)
    return {page["uid"]: page for page in (json.loads(path.read_text()) for path in files)}


def check_queries(scenario: t.Any, url: str, page: Page, labels: list[str], empty: t.Mapping[str, str]) -> None:
    """Check that each query returns data if all hosts are selected, except those of the panels in *empty*.

    :param labels: the labels of the fleet that become variables of the dashboard.
    """
    page = grafana.with_labels(page, labels)

    def silent() -> dict[str, str]:
        return {
            title: text
            for title, expression in queries.queries(page)
            for text in [queries.filled(expression, page)]
            if not queries.ask(url, "query", query=text)["result"]
        }

    # A busy machine can miss a scrape.
    scenario.wait(lambda: set(silent()) == set(empty), silent)


def check_variables(scenario: t.Any, url: str, page: Page, labels: list[str]) -> None:
    """Check that each variable has values, and that a query returns data for a value, and none for one that does not exist."""
    page = grafana.with_labels(page, labels)
    for variable in queries.choices(page):
        values = queries.offered(url, page, variable)
        assert values, variable
        if variable["type"] == "custom":
            continue
        name = variable["name"]
        texts = [expression for _title, expression in queries.queries(page) if f"${name}" in expression]

        def answers(value: str, texts: list[str] = texts, name: str = name) -> list[list[dict[str, t.Any]]]:
            return [queries.ask(url, "query", query=queries.filled(text, page, **{name: value}))["result"] for text in texts]

        def found_by(values: list[str] = values, answers: t.Callable[[str], t.Any] = answers) -> bool:
            return any(found for value in values for found in answers(value.replace(".", "[.]")))

        scenario.wait(found_by, lambda variable=variable: variable)
        found = answers("no-such-value")
        # A counter also has a zero.
        assert all(float(one["value"][1]) == 0 for result in found for one in result), variable


def metrics_of(expression: str) -> set[str]:
    """Return the names of the metrics in an *expression*, except those of recorded series, which contain a colon."""
    bare = _GROUPING.sub("", re.sub(r"\{[^}]*\}|\[[^]]*\]", "", re.sub(r'"[^"]*"', "", expression)))
    found = re.findall(r"(?<![\w:.])([a-zA-Z_][\w:]*)(?![\w:]*\s*\()", bare)
    return {name for name in found if name not in _WORDS and ":" not in name}


def metrics_of_role(role: str) -> set[str]:
    """Return the names of the metrics that the rules and the dashboards of a *role* use."""
    folder = ROOT / "roles" / role / "monitoring"
    rules = [rule for group in yaml.safe_load((folder / "rules.yml").read_text())["groups"] for rule in group["rules"]]
    expressions = [rule["expr"] for rule in rules]
    for path in folder.glob("dashboard*.json"):
        expressions += [expression for _title, expression in queries.queries(json.loads(path.read_text()))]
    return set().union(*(metrics_of(expression) for expression in expressions))


def check_metrics(url: str, role: str, absent: t.Mapping[str, str]) -> None:
    """Check that Prometheus has each metric that *role* uses, except those in *absent*, which it does not have.

    :param absent: the reason for each metric that does not exist in this scenario.
    """
    assert metrics_of_role(role) - set(queries.ask(url, "label/__name__/values")) == set(absent)
