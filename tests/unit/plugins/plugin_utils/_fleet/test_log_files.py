# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of monitoring_log_files."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_files import build_log_files


@pytest.mark.parametrize(
    ("raw", "complete"),
    [
        ({"files": ["/var/log/a.log"]}, {"files": ["/var/log/a.log"], "journal": None, "labels": {}}),
        ({"journal": {}, "labels": {"app": "x"}}, {"files": [], "journal": "", "labels": {"app": "x"}}),
        ({"journal": {"unit": "app"}}, {"files": [], "journal": "app.service", "labels": {}}),
        ({"journal": {"unit": "app.timer"}}, {"files": [], "journal": "app.timer", "labels": {}}),
    ],
)
def test_an_item_names_files_or_a_journal(raw: dict[str, t.Any], complete: dict[str, t.Any]) -> None:
    """An empty journal is the whole journal, and a unit without a suffix is a service."""
    assert build_log_files(raw) == (complete, [])


@pytest.mark.parametrize(
    ("raw", "field", "remedy"),
    [
        ("/var/log/a.log", "", "must be a dictionary"),
        ({}, "", "either files or journal"),
        ({"files": ["/a"], "journal": {}}, "", "either files or journal"),
        ({"files": ["/a"], "path": "/b"}, "", "unknown key. The known keys are files, journal, labels"),
        ({"files": "/a"}, "files", "a list of absolute paths"),
        ({"files": []}, "files", "a list of absolute paths"),
        ({"files": ["a.log"]}, "files", "a list of absolute paths"),
        ({"journal": "app"}, "journal", "must be {unit: app.service}"),
        ({"journal": {"unit": 1}}, "journal", "must be {unit: app.service}"),
        ({"journal": {"tag": "x"}}, "journal", "must be {unit: app.service}"),
        ({"files": ["/a"], "labels": ["x"]}, "labels", "must be a dictionary"),
        ({"files": ["/a"], "labels": {"a-b": "x"}}, "labels.a-b", "letters, digits and underscores"),
        ({"files": ["/a"], "labels": {"__path__": "x"}}, "labels.__path__", "letters, digits and underscores"),
        ({"files": ["/a"], "labels": {"host": "x"}}, "labels.host", "is reserved"),
        ({"files": ["/a"], "labels": {"filename": "x"}}, "labels.filename", "is reserved"),
        ({"files": ["/a"], "labels": {"app": 7}}, "labels.app", "must be a string. Put the value in quotes"),
    ],
)
def test_what_is_wrong_with_an_item_is_one_problem(raw: t.Any, field: str, remedy: str) -> None:
    """It names the field and the remedy."""
    item, problems = build_log_files(raw)
    assert item is None
    ((found, _value, text),) = problems
    assert found == field
    assert remedy in text


def test_the_items_of_the_groups_and_of_the_host_are_joined(tmp_path: Path) -> None:
    """A problem names the host and the item."""
    files: dict[str, t.Any] = {
        "hosts.yml": {
            "all": {
                "vars": {"site": "x"},
                "children": {"apps": {"hosts": {"a": {}, "b": {}}}, "prometheus": {"hosts": {"p": {}}}},
            }
        },
        "group_vars/apps.yml": {"monitoring_log_files": [{"files": ["/var/log/{{ inventory_hostname }}.log"]}]},
        "host_vars/b.yml": {"monitoring_log_files": [{"journal": {}}]},
    }
    model, problems = Made(tmp_path / "good", files).build()
    assert problems == []
    assert [item["files"] for item in model["hosts"]["b"]["log_files"]] == [["/var/log/b.log"], []]
    assert "log_files" not in model["hosts"]["p"]
    files["host_vars/b.yml"] = {"monitoring_log_files": [{"files": "x"}]}
    _model, problems = Made(tmp_path / "bad", files).build()
    assert [line.split(":")[0] for line in problems] == ["host b, variable monitoring_log_files[1].files, value 'x'"]
