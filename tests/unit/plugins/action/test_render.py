# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action render, as a task runs it."""

from __future__ import annotations

import types
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.playbook.task import Task
from ansible.plugins.loader import action_loader

FILES = {"p/prometheus.yml": "a: 1\n", "p/targets/node.json": "[]\n"}


def run(
    path: Path, files: t.Any, *, check: bool = False, diff: bool = False, **arguments: t.Any
) -> tuple[dict[str, t.Any], Task]:
    """Run a task; return its result and the task."""
    task = Task()
    task.args = {"path": str(path), "files": files, **arguments}
    task.check_mode, task.diff = check, diff
    connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None))
    action = action_loader.get(
        "vigie.monitoring.render",
        task=task,
        connection=connection,
        play_context=types.SimpleNamespace(check_mode=check, diff=diff),
        loader=None,
        templar=None,
        shared_loader_obj=None,
    )
    return dict(action.run(task_vars={})), task


def test_files_are_written_once(tmp_path: Path) -> None:
    """A second task with the same files changes nothing."""
    first, _task = run(tmp_path / "out", FILES)
    assert (first["changed"], first["changed_files"], first["path"]) == (True, sorted(FILES), str(tmp_path / "out"))
    assert {name: (tmp_path / "out" / name).read_text() for name in FILES} == FILES
    second, _task = run(tmp_path / "out", FILES)
    assert (second["changed"], second["changed_files"]) == (False, [])


def test_check_mode_predicts_and_writes_nothing(tmp_path: Path) -> None:
    """Neither on an empty directory nor on one with files."""
    predicted, _task = run(tmp_path / "out", FILES, check=True)
    assert not (tmp_path / "out").exists()
    assert predicted["changed_files"] == run(tmp_path / "out", FILES)[0]["changed_files"]
    other = {"p/prometheus.yml": "a: 2\n"}
    assert run(tmp_path / "out", other, check=True)[0]["changed_files"] == sorted(FILES)
    assert (tmp_path / "out/p/prometheus.yml").read_text() == "a: 1\n"


def test_the_diff_shows_each_file_without_secrets(tmp_path: Path) -> None:
    """A former file may have been written before its secrets were redacted."""
    run(tmp_path / "out", {"a": "password: hidden\nport: 1\n", "gone": "x\n"})
    result, _task = run(tmp_path / "out", {"a": "password: other\nport: 2\n"}, diff=True)
    assert "hidden" not in str(result["diff"])
    assert "other" not in str(result["diff"])
    changed, gone = result["diff"]
    assert ("port: 1" in changed["before"], "port: 2" in changed["after"]) == (True, True)
    assert (gone["before_header"], gone["before"], gone["after"]) == ("gone", "x\n", "")
    assert "diff" not in run(tmp_path / "out", FILES)[0]


def test_the_texts_do_not_go_back_with_the_result(tmp_path: Path) -> None:
    """Callbacks get the arguments of a task: the files of a large fleet have many megabytes."""
    _result, task = run(tmp_path / "out", FILES)
    assert task.args["files"] == sorted(FILES)


@pytest.mark.parametrize("text", [None, 5, {"content": "x"}])
def test_what_is_no_text_is_refused(tmp_path: Path, text: t.Any) -> None:
    """The message names the file."""
    with pytest.raises(AnsibleActionFail, match="p/other"):
        run(tmp_path / "out", {**FILES, "p/other": text})
    assert not (tmp_path / "out").exists()


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """Its files would be removed."""
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(AnsibleActionFail, match=f"{tmp_path}.*thesis.tex"):
        run(tmp_path, FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    """As the operating system reports it."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(AnsibleActionFail, match=f"{tmp_path}/file"):
        run(tmp_path / "file" / "out", FILES)


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    """As with a module."""
    with pytest.raises(AnsibleError, match="fiels"):
        run(tmp_path / "out", FILES, fiels={})
