# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree of configuration may be asked to be."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from trees import NEW, tree

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import (
    LARGE,
    TreeError,
    packed,
    parse_directory_mode,
    parse_files,
)


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", ".current", ".trees/x", "a//b", "./a", ""])
def test_a_file_stays_in_its_tree(name: str) -> None:
    """Names that leave it, or that the tree keeps for itself, are refused."""
    with pytest.raises(TreeError, match="cannot be part of the configuration tree"):
        parse_files({name: "x"}, "0640")


@pytest.mark.parametrize(
    "value", [5, None, {"mode": "0600"}, {"content": "x", "owner": "me"}, ["x"], {"packed": "x"}, {"packed": 5}]
)
def test_what_is_no_file_is_refused(value: t.Any) -> None:
    """With the file's name."""
    with pytest.raises(TreeError, match=r"^File 'a\.yml': expected"):
        parse_files({"a.yml": value}, "0640")


def test_a_mode_that_is_not_octal_is_reported_with_its_file() -> None:
    """Also the mode of a single file."""
    with pytest.raises(TreeError, match=r"^File 'a\.yml': mode 'rw' is not an octal mode\. Write the mode in quotes"):
        parse_files({"a.yml": {"content": "x", "mode": "rw"}}, "0640")
    with pytest.raises(TreeError, match=r"^directory_mode 'rwx' is not an octal mode"):
        parse_directory_mode("rwx")


@pytest.mark.parametrize("text", ["ä" * (LARGE + 1), "x" * LARGE + "y", '{"targets": []}\n' * 10000])
def test_a_large_file_is_packed_on_its_way(text: str) -> None:
    """And arrives as it was; others go as they are."""
    others = {"small.yml": "x" * LARGE, "secret": {"content": "hunter2", "secret": True}}
    sent = packed({"large.json": text, **others})
    assert {name: sent[name] for name in others} == others
    assert len(json.dumps(sent["large.json"])) < len(text) / 20
    assert parse_files(sent, "0640")["large.json"].content == text.encode()


@pytest.mark.parametrize("mode", ["0770", "0757", "0777"])
def test_directories_that_others_may_write_to_are_refused(etc: Path, mode: str) -> None:
    """Who can write there decides what root writes."""
    with pytest.raises(TreeError, match="lets users other than root write"):
        tree(etc, NEW, directory_mode=mode)
