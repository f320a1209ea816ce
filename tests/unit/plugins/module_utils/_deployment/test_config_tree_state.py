# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change so that a tree of configuration is in force."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import OLD, live, put, tree

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import (
    FOREIGN,
    HIDDEN,
)

pytestmark = pytest.mark.usefixtures("private")


def test_the_diff_masks_secrets_inside_a_file(tmp_path: Path) -> None:
    """Those that were in force, those that come, and those of files that go; what else changes is shown."""
    put(tmp_path / "t", {"main.yml": "password: hidden1\nport: 1\n", "gone.yml": "bearer_token: hidden2\n"})
    wanted = tree(tmp_path / "t", {"main.yml": "password: hidden3\nport: 2\n"})
    wanted.compare()
    gone, main = wanted.diff()
    assert (gone["before"], gone["after"]) == ("bearer_token: <secret>\n", "")
    assert (main["before"], main["after"]) == ("password: <secret>\nport: 1\n", "password: <secret>\nport: 2\n")


@pytest.mark.parametrize("damage", ["content", "mode", "link", "extra"])
def test_what_somebody_changed_by_hand_is_put_right(etc: Path, damage: str) -> None:
    """Drift is a change."""
    put(etc, OLD)
    if damage == "content":
        (etc / "rules/a.yml").write_text("edited")
    elif damage == "mode":
        (etc / "main.yml").chmod(0o666)
    elif damage == "link":
        (etc / "main.yml").unlink()
    else:
        (etc / "rules/mine.yml").write_text("left")
    assert tree(etc, OLD).compare().switch
    put(etc, OLD)
    assert live(etc) == OLD
    assert (etc / "main.yml").stat().st_mode & 0o777 == 0o640


def test_only_watched_files_changed_means_no_reload(etc: Path) -> None:
    """The service sees them by itself, so that the tree is not switched."""
    put(etc, OLD)
    current = (etc / ".current").readlink()
    changed = tree(etc, {**OLD, "targets/x.json": "new"})
    assert changed.compare().changed
    assert not changed.plan.switch
    put(etc, {**OLD, "targets/x.json": "new"})
    assert (etc / ".current").readlink() == current


def test_the_diff_shows_each_file_but_no_secret(etc: Path) -> None:
    """Neither the former nor the new text of a secret."""
    put(etc, {"a.yml": "one\n", "b.yml": {"content": "hunter1", "secret": True}})
    wanted = tree(etc, {"a.yml": "two\n", "b.yml": {"content": "hunter2", "secret": True}})
    wanted.compare()
    first, second = wanted.diff()
    assert (first["before"], first["after"]) == ("one\n", "two\n")
    assert second["before"] == HIDDEN
    assert "hunter" not in str(second)


def test_a_secret_file_that_is_removed_or_not_secret_any_more_is_not_shown(etc: Path) -> None:
    """A password that is rotated may take its file along; one that is no secret shows what it was."""
    secret = {"content": "hunter1\n", "secret": True}
    put(etc, {"main.yml": "x", "gone.yml": secret, "open.yml": secret, "plain.yml": "plain\n", "targets/t.json": secret})
    wanted = tree(etc, {"main.yml": "x", "open.yml": "placeholder\n"})
    wanted.compare()
    shown = {Path(item["before_header"]).name: item["before"] for item in wanted.diff()}
    assert shown == {"gone.yml": HIDDEN, "open.yml": HIDDEN, "plain.yml": "plain\n", "t.json": HIDDEN}
    put(etc, {"main.yml": "x", "open.yml": "placeholder\n"})
    again = tree(etc, {"main.yml": "x"})
    again.compare()
    assert [item["before"] for item in again.diff()] == ["placeholder\n"]


def test_a_file_that_becomes_secret_without_a_change_is_known_as_such(etc: Path) -> None:
    """Also one that the service picks up by itself, for which nothing else would be done."""
    put(etc, {"main.yml": "x", "targets/t.json": "hunter1"})
    put(etc, {"main.yml": "x", "targets/t.json": {"content": "hunter1", "secret": True}})
    wanted = tree(etc, {"main.yml": "x"})
    wanted.compare()
    assert "hunter1" not in str(wanted.diff())
    assert not tree(etc, {"main.yml": "x", "targets/t.json": {"content": "hunter1", "secret": True}}).compare().changed


def test_what_somebody_else_wrote_is_not_shown(etc: Path) -> None:
    """Whether it is secret is not known."""
    etc.mkdir(parents=True)
    (etc / "main.yml").write_text("password: hunter1")
    wanted = tree(etc, {"main.yml": "new\n"})
    wanted.compare()
    (item,) = wanted.diff()
    assert (item["before"], item["after"]) == (FOREIGN, "new\n")
