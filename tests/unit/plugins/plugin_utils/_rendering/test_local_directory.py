# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered files in a directory of the controller."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import local_directory


def test_rendered_files_come_and_go(tmp_path: Path) -> None:
    """What is stale is removed with its directory; what somebody else left is refused; hidden files are left alone."""
    out = tmp_path / "out"
    for files in ({"p/a": "1", "q/b": "2"}, {"p/a": "3"}):
        local_directory.write(out, local_directory.plan(out, files))
        assert {str(x.relative_to(out)): x.read_text() for x in out.rglob("[a-z]") if x.is_file()} == files
        assert local_directory.plan(out, files) == []
    assert not (out / "q").exists()
    (out / ".git").mkdir()
    (out / ".git/config").write_text("x")
    assert local_directory.plan(out, {"p/a": "3"}) == []
    local_directory.write(out, local_directory.plan(out, {"p/a": ""}))
    assert (out / "p/a").read_text() == ""
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ValueError, match="contains files that were not rendered"):
        local_directory.plan(tmp_path, {})
