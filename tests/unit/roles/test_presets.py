# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets of the collection: their rules pass their tests, which notice changes, and each alert has a remedy."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import test_rules
import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.presets import PREFIX, Preset, presets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.rules import PRESETS_PAGE, alert_rules

PRESETS = presets()
WITH_RULES = [preset for preset in PRESETS.values() if preset.rules]
each_with_rules = pytest.mark.parametrize("preset", WITH_RULES, ids=lambda preset: preset.name)


def rendered(preset: Preset, runbooks: str = "") -> list[dict[str, t.Any]]:
    """Return the rule groups of a *preset* as a Prometheus server gets them."""
    servers = {"prometheus": {"p": {"scrape_hosts": [], "prometheus_runbook_url": runbooks}}}
    return alert_rules({"hosts": {}, "servers": servers, "rules": {PREFIX + preset.name: preset.rules}}, "p")[
        PREFIX + preset.name
    ]


def promtool_cases(preset: Preset) -> dict[str, t.Any]:
    """Return the tests of a *preset* for promtool."""
    return {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": yaml.safe_load(preset.path.read_text(encoding="utf-8"))["tests"],
    }


@each_with_rules
def test_the_rules_pass_their_own_tests(promtool: str, preset: Preset, tmp_path: Path) -> None:
    """Each alert fires with each of its severities, and ends."""
    groups, tests = rendered(preset), promtool_cases(preset)
    done = test_rules.promtool_test(promtool, tmp_path, groups, yaml.safe_dump(tests))
    assert done.returncode == 0, done.stdout + done.stderr
    cases = [case for test in tests["tests"] for case in test["alert_rule_test"]]
    firing = {(case["alertname"], item["exp_labels"]["severity"]) for case in cases for item in case.get("exp_alerts", [])}
    assert firing == {(rule["alert"], rule["labels"]["severity"]) for rule in test_rules.alerts(groups)}
    assert {case["alertname"] for case in cases if "exp_alerts" not in case} == {name for name, _severity in firing}


@each_with_rules
def test_the_tests_notice_a_changed_expression(newest_promtool: str, preset: Preset, tmp_path: Path) -> None:
    """Each alert that fires always, or never, fails a test."""
    groups, tests = rendered(preset), yaml.safe_dump(promtool_cases(preset))
    for rule in test_rules.alerts(groups):
        original = rule["expr"]
        for rule["expr"] in (test_rules.NEVER, test_rules.ALWAYS):
            assert test_rules.promtool_test(newest_promtool, tmp_path, groups, tests).returncode != 0, rule
        rule["expr"] = original


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_each_preset_says_what_a_person_needs(preset: Preset) -> None:
    """The name, what to configure, where the metrics are documented, and the remedy of each alert."""
    text = yaml.safe_load(preset.path.read_text(encoding="utf-8"))
    assert all(text[key] for key in ("title", "needs", "source"))
    assert text["source"].startswith("https://")
    groups = rendered(preset, "https://example.com/r") if preset.rules else []
    assert {rule["alert"] for rule in test_rules.alerts(groups)} == set(text.get("remedies", {}))
    page = (Path(__file__).parents[3] / "roles" / PRESETS_PAGE).read_text(encoding="utf-8")
    for rule in test_rules.alerts(groups):
        assert rule["annotations"]["runbook_url"] == f"https://example.com/r/{PRESETS_PAGE}#{rule['alert'].lower()}"
        assert re.search(rf"^### {rule['alert']}$", page, re.MULTILINE)
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert len(rule["annotations"]["summary"]) < 100


def test_alerts_and_thresholds_of_presets_have_names_of_their_own() -> None:
    """A threshold of the inventory belongs to one alert, of a role or of a preset."""

    def rules(texts: t.Iterable[str]) -> list[dict[str, t.Any]]:
        groups = [group for text in texts for group in yaml.safe_load(text)["groups"]]
        return [rule for group in groups for rule in group["rules"] if "alert" in rule]

    of_roles = rules(path.read_text(encoding="utf-8") for path in test_rules.RULES)
    of_presets = rules(preset.rules for preset in WITH_RULES)
    for key in ("alert", "threshold"):
        own = [rule[key] for rule in of_presets if key in rule]
        assert len(own) == len(set(own))
        assert not {rule[key] for rule in of_roles if key in rule}.intersection(own)
