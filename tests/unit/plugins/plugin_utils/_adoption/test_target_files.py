# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that an adopted configuration names, and its secrets."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption import target_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.secret_values import IN_PROMETHEUS

ETC = "/etc/prometheus"


def test_relative_paths_begin_at_the_configuration() -> None:
    """Of every kind of file; what the user names stays."""
    config = {
        "rule_files": ["rules/*.yml", "/srv/rules.yml"],
        "scrape_config_files": ["../more.yml"],
        "scrape_configs": [
            {
                "job_name": "a",
                "file_sd_configs": [{"files": ["targets/*.json"]}],
                "tls_config": {"ca_file": "ca.pem", "cert_file": ""},
                "authorization": {"credentials_file": "./token"},
                "params": {"files": ["x"]},
                "static_configs": [{"labels": {"ca_file": "x"}}],
            }
        ],
    }
    found = target_files.absolute(config, ETC)
    assert found["rule_files"] == [f"{ETC}/rules/*.yml", "/srv/rules.yml"]
    assert found["scrape_config_files"] == ["/etc/more.yml"]
    (job,) = found["scrape_configs"]
    assert job["file_sd_configs"] == [{"files": [f"{ETC}/targets/*.json"]}]
    assert job["tls_config"] == {"ca_file": f"{ETC}/ca.pem", "cert_file": ""}
    assert job["authorization"] == {"credentials_file": f"{ETC}/token"}
    assert (job["params"], job["static_configs"]) == ({"files": ["x"]}, [{"labels": {"ca_file": "x"}}])


def test_patterns_of_file_sd_are_found_everywhere() -> None:
    """Alertmanagers are discovered by files, too."""
    config = {
        "scrape_configs": [{"file_sd_configs": [{"files": ["a", "b"]}, {"files": ["c"]}]}, {"file_sd_configs": None}],
        "alerting": {"alertmanagers": [{"file_sd_configs": [{"files": ["d"]}]}]},
    }
    assert target_files.patterns(config) == {"a", "b", "c", "d"}
    assert target_files.patterns("x") == target_files.patterns([]) == set()


OURS = f"{ETC}/targets/a.json"
THEIRS = f"{ETC}/mine/*.json"
GROUPS = [{"targets": ["x:1"], "labels": {"a": "b"}}, {"targets": None, "labels": None}]


def test_targets_in_a_directory_of_ours_are_copied() -> None:
    """Beside those that stand in the configuration already. Files elsewhere stay, and the notes say what was done."""
    job: dict[str, t.Any] = {
        "job_name": "node",
        "static_configs": [{"targets": ["y:1"]}],
        "file_sd_configs": [{"files": [OURS, THEIRS], "refresh_interval": "1m"}, {"files": [OURS]}],
    }
    before, notes = copy.deepcopy(job), list[str]()
    (found,) = target_files.with_inlined_targets([job], {OURS: {OURS: GROUPS}}, ETC, notes)
    copied = [{"targets": ["x:1"], "labels": {"a": "b"}}, {"targets": []}]
    assert found["static_configs"] == [{"targets": ["y:1"]}, *copied, *copied]
    assert found["file_sd_configs"] == [{"files": [THEIRS], "refresh_interval": "1m"}]
    assert [note.partition(":")[0] for note in notes] == ["the job node"] * 2
    assert OURS in notes[0]
    assert job == before


def test_a_job_that_relabels_by_the_file_keeps_the_path() -> None:
    """Static targets have no __meta_filepath: it becomes a label, under a label of the file that has the same name."""
    job = {
        "job_name": "node",
        "relabel_configs": [{"source_labels": ["__meta_filepath"], "target_label": "file"}],
        "file_sd_configs": [{"files": [OURS]}],
    }
    found = target_files.with_inlined_targets(job, {OURS: {OURS: [{"targets": ["x:1"], "labels": {"a": "b"}}]}}, ETC, [])
    assert found["static_configs"] == [{"targets": ["x:1"], "labels": {"__meta_filepath": OURS, "a": "b"}}]


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        (f"{ETC}/targets/x.json", True),
        (f"{ETC}/rules/deep/x.yml", True),
        (f"{ETC}/web/x", True),
        (f"{ETC}/targets", False),
        (f"{ETC}/targets.d/x.json", False),
        (f"{ETC}/mine/targets/x.json", False),
        ("/srv/targets/x.json", False),
    ],
)
def test_which_directories_become_ours(path: str, ours: bool) -> None:  # noqa: FBT001 - a parameter
    """A password in one of them would be gone, so that the inventory is refused; the message names both."""
    job = {"job_name": "node", "basic_auth": {"username": "u", "password_file": path}}
    if not ours:
        assert target_files.with_inlined_targets(job, {}, ETC, []) == job
        return
    with pytest.raises(ValueError, match=f"the job node: password_file .*{path}"):
        target_files.with_inlined_targets(job, {}, ETC, [])


def test_a_file_that_is_not_here_is_an_error() -> None:
    """Its targets would be lost."""
    alerting = {"alerting": {"alertmanagers": [{"file_sd_configs": [{"files": [OURS]}]}]}}
    with pytest.raises(ValueError, match=f"alerting: .*{OURS}"):
        target_files.with_inlined_targets(alerting, {OURS: None}, ETC, [])


def test_secrets_get_a_file_of_their_own() -> None:
    """Each once, by a name that says whose it is; rules are templates and have none."""
    variables = {
        "prometheus_extra_scrape_configs": [
            {"job_name": "a b", "basic_auth": {"password": "one"}},
            {"job_name": "a-b", "basic_auth": {"password": "two"}},
            {"job_name": "a.b", "basic_auth": {"password": "one"}},
        ],
        "prometheus_extra_rules": [{"name": "g", "rules": [{"alert": "A", "password": "{{ $value }}"}]}],
    }
    notes: list[str] = []
    found = target_files.group_vars_files(variables, "prometheus", IN_PROMETHEUS, notes)
    assert set(found) == {"group_vars/prometheus/vars.yml", "group_vars/prometheus/vault.yml"}
    assert found["group_vars/prometheus/vault.yml"].splitlines() == [
        "---",
        "vault_prometheus_a_b_basic_auth_password: one",
        "vault_prometheus_a_b_basic_auth_password_2: two",
    ]
    shown = found["group_vars/prometheus/vars.yml"]
    assert shown.count('password: "{{ vault_prometheus_a_b_basic_auth_password }}"') == 2
    assert '!unsafe "{{ $value }}"' in shown
    (note,) = notes
    assert "group_vars/prometheus/vault.yml" in note
    assert "one" not in shown + note


def test_a_group_without_secrets_has_one_file() -> None:
    """And no note."""
    notes: list[str] = []
    assert target_files.group_vars_files({"a": 1}, "prometheus", IN_PROMETHEUS, notes) == {
        "group_vars/prometheus.yml": "---\na: 1\n"
    }
    assert notes == []
