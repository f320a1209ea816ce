# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of rules and of rule groups that a version of Prometheus does not have."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.alert_rules import GROUP_KEYS, RULE_KEYS
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import prometheus

# By key: the version that introduced the key, the last version without the key, and a value.
KEYS: dict[str, tuple[str, str, t.Any]] = {
    "limit": ("2.31.0", "2.30.3", 7),
    "query_offset": ("2.53.0", "2.52.0", "30s"),
    "labels": ("3.0.0", "2.55.1", {"team": "ops"}),
    "keep_firing_for": ("2.42.0", "2.41.0", "5m"),
}


def group_with(key: str) -> dict[str, t.Any]:
    """Return a rule group that uses *key*."""
    value = KEYS[key][2]
    rule = {"alert": "Own", "expr": "up == 0", "labels": {"severity": "info"}, **({key: value} if key in RULE_KEYS else {})}
    return {"name": "own", "rules": [rule], **({key: value} if key in GROUP_KEYS else {})}


def build(path: Path, version: str, *groups: dict[str, t.Any], **variables: t.Any) -> tuple[t.Any, list[str]]:
    """Return the model and the problems of a server with rule *groups* of its own."""
    server = {"prometheus_version": version, "prometheus_extra_rules": list(groups), **variables}
    return Made(path, {"hosts.yml": {"prometheus": {"hosts": {"p": server}}}}).build(contracts())


@pytest.mark.parametrize("key", KEYS)
def test_each_prometheus_accepts_the_keys_that_the_collection_accepts(tmp_path: Path, key: str, promtool: str) -> None:
    """A version without the key rejects the file, and the collection reports the key before."""
    shown = subprocess.run([promtool, "--version"], capture_output=True, text=True, check=True)
    version = (shown.stdout + shown.stderr).split("version ")[1].split(" ")[0]
    model, problems = build(tmp_path, version, group_with(key))
    file = tmp_path / "extra.yml"
    file.write_text(prometheus.prometheus_tree(model, "p")["rules/extra.yml"])
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (problems == []), done.stdout + done.stderr
    # The rules of the roles are right for the version.
    file.write_text(prometheus.prometheus_tree(model, "p")["rules/prometheus.yml"])
    subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=True)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_the_version_does_not_have(tmp_path: Path, key: str) -> None:
    """One line with the host, the key, its version and the remedy; the version that introduced the key is right."""
    first, last_without, value = KEYS[key]
    (problem,) = build(tmp_path / "old", last_without, {"name": "other", "rules": []}, group_with(key))[1]
    where = f"prometheus_extra_rules[1]{'.rules[0]' if key in RULE_KEYS else ''}.{key}"
    since = ".".join(first.split(".")[:2])
    assert problem == (
        f"host p, variable {where}, value {value!r}: p runs Prometheus {last_without}, which does not have this option "
        f"(since {since}): remove the option, or set prometheus_version"
    )
    for number, version in enumerate((first, "latest")):
        assert build(tmp_path / str(number), version, group_with(key))[1] == []


def test_every_key_is_tested() -> None:
    """And all problems of a server are reported together."""
    assert set(KEYS) == {*GROUP_KEYS, *RULE_KEYS}
    assert not set(GROUP_KEYS) & set(RULE_KEYS)


def test_all_problems_at_once(tmp_path: Path) -> None:
    """A server that is being removed has none; labels of a rule are no labels of a group."""
    groups = [group_with(key) for key in KEYS]
    assert len(build(tmp_path / "old", "2.30.3", *groups)[1]) == len(KEYS)
    assert build(tmp_path / "absent", "2.30.3", *groups, prometheus_state="absent")[1] == []
    assert build(tmp_path / "malformed", "2.30.3", {"name": "own"}, {"name": "b", "rules": None})[1] == []


@pytest.mark.parametrize(("version", "is_there"), [("2.41.0", False), ("2.42.0", True), ("latest", True)])
def test_rules_of_the_roles_leave_the_key_out(tmp_path: Path, version: str, is_there: bool) -> None:  # noqa: FBT001 - a parameter
    """Nothing else of the rules differs."""
    texts = [
        yaml.safe_load(prometheus.prometheus_tree(build(tmp_path / shown, shown)[0], "p")["rules/prometheus.yml"])["groups"]
        for shown in (version, "3.5.3")
    ]
    found, complete = ({rule["alert"]: rule for group in its for rule in group["rules"] if "alert" in rule} for its in texts)
    assert "keep_firing_for" in complete["ScrapeSlow"]
    assert ("keep_firing_for" in found["ScrapeSlow"]) is is_there
    for rule in (*found.values(), *complete.values()):
        rule.pop("keep_firing_for", None)
    assert found == complete
