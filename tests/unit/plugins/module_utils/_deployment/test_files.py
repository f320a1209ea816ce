# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, links and directories that change in one step."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from trees import NEW, tree

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files as files_module


def test_full_disk_names_the_file_and_the_room(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system does not say which file: an open one has no name for it."""

    def full(_handle: int) -> t.NoReturn:
        raise OSError(28, "No space left on device")

    wanted = tree(etc, NEW)
    wanted.compare()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as raised:
        wanted.stage()
    said = files_module.describe_error(raised.value, "elsewhere")
    assert "None" not in said
    assert str(etc / ".trees") in said
    assert "bytes and" in said
    assert said.endswith("inodes are free). Free some space and run again")
