# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of configuration: all of it or nothing."""

from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

import pytest
from trees import NEW, OLD, live, pending, put, theirs, tree

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files as files_module
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import (
    TreeError,
)

pytestmark = pytest.mark.usefixtures("private")


def test_a_tree_comes_goes_and_comes_back(etc: Path) -> None:
    """Each state is there as a whole; what is stale is gone; a second look finds nothing to do."""
    for files in (OLD, NEW, OLD):
        put(etc, files)
        assert live(etc) == files
        assert not tree(etc, files).compare().changed
        assert not pending(etc)
    assert len(list((etc / ".trees").iterdir())) == 2


def test_modes_are_what_was_asked_for_whatever_the_umask(etc: Path) -> None:
    """Files 0640 and directories 0750, or tighter where a file says so."""
    umask = os.umask(0)
    try:
        put(etc, {"a.yml": "x", "secret/b": {"content": "y", "mode": "0600"}})
    finally:
        os.umask(umask)
    assert (etc / "a.yml").stat().st_mode & 0o7777 == 0o640
    assert (etc / "secret/b").stat().st_mode & 0o7777 == 0o600
    assert {p.stat().st_mode & 0o7777 for p in (etc, etc / "secret", etc / "targets", etc / ".trees")} == {0o750}


def test_a_watched_directory_stays_the_same_directory(etc: Path) -> None:
    """A service that watches it by inotify would not see another one in its place."""
    put(etc, OLD)
    inode = (etc / "targets").stat().st_ino
    put(etc, NEW)
    assert (etc / "targets").stat().st_ino == inode


def test_files_of_others_are_left_alone_and_kept_where_they_are_in_the_way(etc: Path) -> None:
    """Nothing that we did not write is lost."""
    (etc / "rules").mkdir(parents=True)
    (etc / "main.yml").write_text("theirs")
    (etc / "rules/theirs.yml").write_text("theirs")
    (etc / "web.yml").write_text("theirs")
    put(etc, NEW)
    assert live(etc).items() >= NEW.items()
    assert (etc / "main.yml.before-vigie").read_text() == "theirs"
    assert (etc / "rules.before-vigie/theirs.yml").read_text() == "theirs"
    assert (etc / "web.yml").read_text() == "theirs"
    assert not tree(etc, NEW).compare().changed


def test_a_watched_directory_of_others_is_kept(etc: Path) -> None:
    """Every file that stood in a directory that becomes the tree's is there still, and not where the service looks."""
    theirs(etc)
    wanted = tree(etc, NEW)
    assert wanted.compare().stale == []
    listed = [item for item in wanted.diff() if item["before_header"] == f"{etc}/targets"]
    assert [(item["after_header"], item["before"]) for item in listed] == [
        (f"{etc}/targets.before-vigie (kept)", "targets/a.json\ntargets/x.json\n")
    ]
    put(etc, NEW)
    assert live(etc).items() >= NEW.items()
    assert sorted(p.name for p in (etc / "targets").iterdir()) == ["x.json", "y.json"]
    assert {p.name: p.read_text() for p in (etc / "targets.before-vigie").iterdir()} == {"a.json": "theirs", "x.json": "theirs"}
    # From now on the directory is the tree's: nothing else is set aside, and what is not asked for goes.
    (etc / "targets/b.json").write_text("left")
    put(etc, OLD)
    assert not tree(etc, OLD).compare().changed
    assert sorted(p.name for p in etc.glob("targets*")) == ["targets", "targets.before-vigie"]
    assert [p.name for p in (etc / "targets").iterdir()] == ["x.json"]


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_watched_name_that_is_no_directory_is_kept(etc: Path, kind: str, tmp_path: Path) -> None:
    """Nothing is written through a link that is not the tree's."""
    (tmp_path / "elsewhere").mkdir()
    etc.mkdir(parents=True)
    if kind == "link":
        (etc / "targets").symlink_to(tmp_path / "elsewhere")
    else:
        (etc / "targets").write_text("theirs")
    put(etc, NEW)
    assert live(etc).items() >= NEW.items()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (etc / "targets.before-vigie").is_symlink() == (kind == "link")


def test_a_tree_of_watched_files_alone_is_ours_from_the_first_time_on(etc: Path) -> None:
    """It does not set its own files aside."""
    put(etc, {"targets/x.json": "x"})
    assert not tree(etc, {"targets/x.json": "x"}).compare().changed
    assert [p.name for p in etc.glob("*before-vigie*")] == []


def test_killed_while_it_takes_over_nothing_of_others_is_lost(etc: Path, killed_at_every_step: t.Any) -> None:
    """A kill before each change to the file system: the next run finishes, and each of their files is there once."""

    def prepare() -> None:
        shutil.rmtree(etc, ignore_errors=True)
        theirs(etc)

    def check(_finished: bool) -> None:  # noqa: FBT001 - as it is called
        put(etc, NEW)
        assert live(etc) == {
            **NEW,
            "main.yml.before-vigie": "theirs",
            "rules.before-vigie/theirs.yml": "theirs",
            "targets.before-vigie/a.json": "theirs",
            "targets.before-vigie/x.json": "theirs",
        }
        assert not tree(etc, NEW).compare().changed

    assert killed_at_every_step(prepare, lambda: put(etc, NEW), check) > 20


def test_killed_anywhere_the_live_configuration_is_old_or_new_and_the_next_run_finishes(
    etc: Path, killed_at_every_step: t.Any
) -> None:
    """A kill before each change to the file system: never a mix of the switched files, no leftovers after the next run."""

    def prepare() -> None:
        shutil.rmtree(etc, ignore_errors=True)
        put(etc, OLD)

    def check(finished: bool) -> None:  # noqa: FBT001 - as it is called
        seen = {name: text for name, text in live(etc).items() if not name.startswith("targets/")}
        old = {name: text for name, text in OLD.items() if not name.startswith("targets/")}
        new = {name: text for name, text in NEW.items() if not name.startswith("targets/")}
        assert seen in (old, new)
        interrupted = pending(etc)
        # The service may not have been told of it yet: the next run must know.
        assert interrupted or seen == old or finished
        assert tree(etc, NEW).compare().switch == (interrupted or seen == old)
        put(etc, NEW)
        assert live(etc) == NEW
        assert not [p.name for p in (etc / ".trees").iterdir() if p.name.startswith(".staged")]
        assert not pending(etc)

    steps = killed_at_every_step(prepare, lambda: put(etc, NEW), check)
    assert steps > 20


def test_a_validator_that_refuses_changes_nothing_and_is_quoted(etc: Path) -> None:
    """It sees the whole tree, and its words speak of the live paths."""
    put(etc, OLD)
    before = sorted(str(p) for p in etc.rglob("*"))
    script = "cat {tree}/main.yml {tree}/targets/y.json >&2; echo {tree}/main.yml: bad; exit 1"
    wanted = tree(etc, NEW, validate=[["/bin/sh", "-c", script]])
    wanted.compare()
    wanted.stage()
    with pytest.raises(TreeError) as raised:
        wanted.validate({})
    wanted.discard()
    assert f"{etc}/main.yml: bad\nnewnew" in str(raised.value)
    assert sorted(str(p) for p in etc.rglob("*")) == before
    assert live(etc) == OLD


def test_a_missing_validator_is_an_error_unless_this_is_a_rehearsal(etc: Path) -> None:
    """In check mode on a fresh host the service that brings it is not there yet."""
    wanted = tree(etc, NEW, validate=[["/nonexistent/promtool", "{tree}"]])
    wanted.compare()
    wanted.stage(dry=True)
    assert wanted.validate({}, missing_ok=True) is False
    with pytest.raises(TreeError, match="/nonexistent/promtool is not installed on this host"):
        wanted.validate({})
    wanted.discard()
    assert not etc.exists()


def test_a_full_disk_leaves_the_live_configuration(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""
    put(etc, OLD)
    before = sorted(str(p) for p in etc.rglob("*"))
    real = files_module.write

    def full(path: str, *args: t.Any) -> None:
        if path.endswith("y.json"):
            raise OSError(28, "No space left on device", path)
        real(path, *args)

    monkeypatch.setattr(files_module, "write", full)
    wanted = tree(etc, NEW)
    wanted.compare()
    with pytest.raises(OSError, match="No space left"):
        wanted.stage()
    assert sorted(str(p) for p in etc.rglob("*")) == before


def test_absent_removes_what_is_ours(etc: Path) -> None:
    """And leaves what is not, also where the tree has never been."""
    before = theirs(etc)
    assert not tree(etc, {}).present()
    tree(etc, {}).remove()
    assert live(etc) == before
    shutil.rmtree(etc)
    put(etc, NEW)
    (etc / "theirs").write_text("x")
    wanted = tree(etc, {})
    assert wanted.present()
    wanted.remove()
    assert [p.name for p in etc.iterdir()] == ["theirs"]
    assert not wanted.present()


ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@ROOT_ONLY
def test_directories_belong_to_root_and_stay_readable_for_the_group(etc: Path) -> None:
    """Files may be the service's own."""
    etc.mkdir(parents=True)
    (etc / "targets").mkdir()
    for path in (etc, etc / "targets"):
        os.chown(path, 65534, 65534)
    put(etc, NEW, owner="nobody", group="nogroup")
    directories = [path for path in (etc, *etc.rglob("*")) if path.is_dir() and not path.is_symlink()]
    group = (etc / "main.yml").stat().st_gid
    assert {(p.stat().st_uid, p.stat().st_gid, p.stat().st_mode & 0o777) for p in directories} == {(0, group, 0o750)}
    assert (etc / "main.yml").stat().st_uid == 65534
    os.chown(etc / "targets", 65534, group)
    assert tree(etc, NEW, owner="nobody", group="nogroup").compare().switch
    put(etc, NEW, owner="nobody", group="nogroup")
    assert (etc / "targets").stat().st_uid == 0


def test_links_that_were_planted_where_root_writes_are_not_followed(etc: Path, tmp_path: Path) -> None:
    """In a directory that belonged to a service's user: neither written to, nor removed, nor given to anybody."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "20200101T000000-x").mkdir(parents=True)
    (elsewhere / "keep").write_text("theirs")
    elsewhere.chmod(0o755)
    for planted in (".trees", "targets", ".current"):
        shutil.rmtree(etc, ignore_errors=True)
        etc.mkdir(parents=True)
        (etc / planted).symlink_to(elsewhere)
        if planted == ".trees":
            (etc / ".current").symlink_to(".trees/20200101T000000-x")
        put(etc, NEW)
        put(etc, OLD)
        assert {name: text for name, text in live(etc).items() if "before-vigie" not in name} == OLD, planted
        assert sorted(path.name for path in elsewhere.iterdir()) == ["20200101T000000-x", "keep"], planted
        assert elsewhere.stat().st_mode & 0o777 == 0o755, planted
