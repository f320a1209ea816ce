# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting back what was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.transaction import Transaction, files


def test_one_path_that_cannot_be_put_back_keeps_no_other_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is told, and the journal stays, so that the next run tries again."""
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text("before")
    transaction = Transaction(str(tmp_path / "journal"))
    transaction.begin(map(str, paths))
    for path in paths:
        path.write_text("after")
    write = files.write

    def refusing(path: str, *args: object) -> None:
        if path == str(paths[0]):
            raise OSError(30, "Read-only file system", path)
        write(path, *args)

    monkeypatch.setattr(files, "write", refusing)
    with pytest.raises(OSError, match="Read-only"):
        transaction.roll_back()
    assert [path.read_text() for path in paths] == ["after", "before", "before"]
    assert transaction.unfinished()
    monkeypatch.undo()
    transaction.roll_back()
    assert paths[0].read_text() == "before"
    assert not transaction.unfinished()


def test_an_older_copy_is_not_put_over_what_somebody_edited_since(tmp_path: Path) -> None:
    """What was set aside is known by its path, which nothing had before."""
    program, old = tmp_path / "prog", tmp_path / "prog.before-vigie"
    old.write_text("from the first time")
    program.write_text("edited by hand")
    transaction = Transaction(str(tmp_path / "journal"))
    transaction.begin([str(program)], may_be_foreign=[str(program)])
    # Something else fails before the program's turn.
    transaction.roll_back()
    assert program.read_text() == "edited by hand"
    transaction.begin([str(program)], may_be_foreign=[str(program)])
    transaction.set_aside(str(program))
    program.symlink_to("ours")
    transaction.roll_back()
    assert (program.read_text(), old.read_text()) == ("edited by hand", "from the first time")
    transaction.begin([str(program)], may_be_foreign=[str(program)])
    transaction.set_aside(str(program))
    transaction.commit()
    assert (tmp_path / "prog.before-vigie-2").read_text() == "edited by hand"
    assert old.read_text() == "from the first time"
