# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a tree of configuration becomes again what it was."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from trees import NEW, OLD, live, put, theirs, tree

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import (
    TreeError,
)

pytestmark = pytest.mark.usefixtures("private")


def test_restore_puts_everything_back(etc: Path) -> None:
    """Also what was there before the first time."""
    put(etc, OLD)
    before = sorted(str(p) for p in etc.rglob("*"))
    wanted = tree(etc, NEW)
    wanted.compare()
    wanted.stage()
    wanted.switch()
    assert live(etc) != OLD
    wanted.roll_back()
    assert live(etc) == OLD
    assert sorted(str(p) for p in etc.rglob("*")) == before


def test_restore_of_a_first_time_gives_others_their_files_back(etc: Path) -> None:
    """An adoption that fails is as if it had not been tried; an older copy, and what was put in since, are not mixed up."""
    before = theirs(etc)
    (etc / "main.yml.before-vigie").write_text("older")
    (etc / "targets.before-vigie").mkdir()
    wanted = tree(etc, NEW)
    wanted.compare()
    wanted.stage()
    wanted.switch()
    assert (etc / "main.yml.before-vigie-2").read_text() == "theirs"
    wanted.roll_back()
    assert live(etc) == {**before, "main.yml.before-vigie": "older"}


def test_the_record_of_a_change_lies_where_root_alone_writes(etc: Path, private: Path, tmp_path: Path) -> None:
    """One in the tree's own directory, which a service's user may have written, is not believed."""
    put(etc, OLD)
    evil = tmp_path / "evil"
    planted = {"path": "/", "current": None, "becomes": None, "links": [], "asides": {}, "modes": {str(evil): [0o777, -1, -1]}}
    content = {str(evil): "ZXZpbA==", "../evil": "ZXZpbA=="}
    (etc / ".pending").write_text(json.dumps({**planted, "watched": content}))
    put(etc, NEW)
    assert not evil.exists()
    assert live(etc) == NEW
    wanted = tree(etc, OLD)
    wanted.compare()
    wanted.stage()
    wanted.switch()
    (record,) = private.iterdir()
    assert private.stat().st_mode & 0o777 == 0o700
    assert record.stat().st_mode & 0o777 == 0o600
    wanted.commit()
    assert list(private.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"watched": {"../evil": "ZXZpbA=="}},
        {"watched": {"/etc/evil": "ZXZpbA=="}},
        {"watched": {"targets/../../evil": "ZXZpbA=="}},
        {"links": ["../evil"]},
        {"asides": {"../evil": "x"}},
        {"asides": {"main.yml": "/etc/evil"}},
        {"current": "../../evil"},
        {"becomes": ".trees/../../evil"},
        {"watched": None},
        {"asides": {"main.yml": "/etc/main.yml.before-vigie"}, "path": "/etc"},
    ],
)
def test_a_record_that_reaches_out_of_its_tree_is_refused(etc: Path, private: Path, change: dict[str, t.Any]) -> None:
    """Whoever wrote it; nothing is changed, and the message names the file and the remedy."""
    put(etc, OLD)
    wanted = tree(etc, NEW)
    wanted.compare()
    wanted.stage()
    wanted.switch()
    (record,) = private.iterdir()
    record.write_text(json.dumps({**json.loads(record.read_text()), **change}))
    before = live(etc)
    with pytest.raises(TreeError, match=rf"{record}, the record of an interrupted change, is damaged .* remove the record"):
        tree(etc, NEW).recover()
    assert live(etc) == before
