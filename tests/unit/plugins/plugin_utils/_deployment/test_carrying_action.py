# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels on their way to a host. The connection is a fake that copies files; molecule/python uses a real one."""

from __future__ import annotations

import shutil
import tarfile
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._deployment.carrying_action import CarryingAction
from ansible_collections.vigie.monitoring.plugins.plugin_utils._deployment.waiting_action import WaitingAction

WANTED = {"changed": False, "wanted_wheels": {"python": "311", "machine": "x86_64", "bits": "64"}}
WHEEL = "prog-1.0-py3-none-any.whl"


class Host:
    """A host whose module gives *results*, one a call."""

    def __init__(self, base: Path, results: list[dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch) -> None:
        """Patch the action."""
        self.calls: list[dict[str, t.Any]] = []
        self.received: list[str] = []
        self.tmp = base / "tmp"
        self.arguments = {"name": "prog", "python": {"wheels": str(base), "requirements": "prog==1.0 --hash=sha256:0"}}

        def module(action: t.Any, *_args: t.Any) -> dict[str, t.Any]:
            archive = action._task.args.get("archive")
            if archive:
                with tarfile.open(archive) as tar:
                    self.received = tar.getnames()
            self.calls.append(action._task.args)
            return dict(results[len(self.calls) - 1])

        monkeypatch.setattr(WaitingAction, "run", module)
        monkeypatch.setattr(CarryingAction, "_make_tmp_path", lambda _action: self._make())
        monkeypatch.setattr(CarryingAction, "_transfer_file", lambda _self, *paths: shutil.copy(*paths))
        monkeypatch.setattr(CarryingAction, "_fixup_perms2", lambda *_args, **_options: None)
        monkeypatch.setattr(CarryingAction, "_remove_tmp_path", lambda _self, path, **_options: shutil.rmtree(path))

    def _make(self) -> str:
        self.tmp.mkdir()
        return str(self.tmp)

    def run(self, *, check_mode: bool = False) -> dict[str, t.Any]:
        """Run the action."""
        action = t.cast("t.Any", CarryingAction.__new__(CarryingAction))
        action._task = types.SimpleNamespace(args=self.arguments, check_mode=check_mode)
        action._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None, join_path=lambda *p: "/".join(p)))
        result = action.run(None, {})
        assert action._task.args is self.arguments
        assert not self.tmp.exists()
        return result


def test_a_host_that_has_the_version_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call, and no look at the wheels."""
    host = Host(tmp_path / "missing", [{"changed": False}], monkeypatch)
    assert host.run() == {"changed": False}
    assert host.calls == [host.arguments]


def test_a_host_gets_the_wheels_that_it_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call has the path of their archive, which is removed afterwards."""
    (tmp_path / WHEEL).write_text("x")
    host = Host(tmp_path, [WANTED, {"changed": True}], monkeypatch)
    assert host.run() == {"changed": True}
    assert host.received == [f"./{WHEEL}"]


def test_a_missing_wheel_fails_before_anything_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in check mode, which copies nothing."""
    for check_mode in (True, False):
        result = Host(tmp_path, [WANTED], monkeypatch).run(check_mode=check_mode)
        assert result["failed"]
        assert result["msg"].startswith(
            f"prog: {tmp_path} on the controller has no wheel for Python 3.11 on x86_64 of: prog 1.0."
        )
    (tmp_path / WHEEL).write_text("x")
    host = Host(tmp_path, [{**WANTED, "changed": True}], monkeypatch)
    assert host.run(check_mode=True) == {"changed": True}
