# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module config_tree: reload and roll back, with a service played by a fake."""

from __future__ import annotations

import os
import time
import types
import typing as t
from pathlib import Path

import pytest
from processes import Started, tree_options
from trees import tree

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import locks
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import ServiceError
from ansible_collections.vigie.monitoring.plugins.modules import config_tree

pytestmark = pytest.mark.usefixtures("private")


class FakeUnit:
    """A service that takes every configuration, or that refuses the one that says so."""

    name = "fake.service"

    def __init__(self, path: Path, *, active: bool = True) -> None:
        """Read the configuration at *path*."""
        self._file = path / "main.yml"
        self._active = active
        self.log: list[str] = []

    def running(self) -> bool:
        """Return whether it runs."""
        return self._active

    def reload(self, _verify: t.Any) -> None:
        """Take the configuration."""
        self.log.append(f"reload {self._file.read_text()}")
        if "refuse" in self._file.read_text():
            raise ServiceError("fake.service did not accept the configuration")

    def act(self, verb: str) -> None:
        """Do what systemctl would."""
        self.log.append(f"{verb} {self._file.read_text()}")

    def journal(self, since: float) -> str:
        """Return the last words."""
        return f"last words since {since > 0}"


def run(path: Path, files: dict[str, str], unit: FakeUnit | None, *, check: bool = False) -> dict[str, t.Any]:
    """Do what the module does."""
    module: t.Any = types.SimpleNamespace(check_mode=check, _diff=True, params={"verify": None})
    return config_tree.apply(module, tree(path, files), t.cast("t.Any", unit))


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """Return where the configuration goes."""
    return tmp_path / "etc"


def test_a_change_is_reloaded_once(etc: Path) -> None:
    """And not again."""
    unit = FakeUnit(etc)
    assert run(etc, {"main.yml": "one"}, unit)["reloaded"]
    second = run(etc, {"main.yml": "one"}, unit)
    assert (second["changed"], second["reloaded"]) == (False, False)
    assert unit.log == ["reload one"]


def test_a_watched_file_is_no_reason_to_reload(etc: Path) -> None:
    """The service sees it by itself."""
    unit = FakeUnit(etc)
    run(etc, {"main.yml": "one", "targets/a.json": "[]"}, unit)
    result = run(etc, {"main.yml": "one", "targets/a.json": "[1]"}, unit)
    assert result["changed_files"] == ["targets/a.json"]
    assert unit.log == ["reload one"]


def test_a_service_that_does_not_run_is_left_alone(etc: Path) -> None:
    """It will read its configuration when it starts."""
    unit = FakeUnit(etc, active=False)
    assert not run(etc, {"main.yml": "one"}, unit)["reloaded"]
    assert unit.log == []


def test_a_refused_configuration_is_taken_back(etc: Path) -> None:
    """The previous one is in force again, watched files too, and the message has the journal."""
    unit = FakeUnit(etc)
    run(etc, {"main.yml": "one", "targets/a.json": "[]"}, unit)
    with pytest.raises(ServiceError, match=r"(?s)did not accept.*previous configuration is in force again.*last words"):
        run(etc, {"main.yml": "refuse", "targets/a.json": "[1]", "targets/b.json": "[]"}, unit)
    assert (etc / "main.yml").read_text() == "one"
    assert (etc / "targets/a.json").read_text() == "[]"
    assert not (etc / "targets/b.json").exists()
    assert unit.log == ["reload one", "reload refuse", "reload one"]
    assert not run(etc, {"main.yml": "one", "targets/a.json": "[]"}, unit)["changed"]


def test_check_mode_predicts_and_touches_nothing(etc: Path) -> None:
    """The same files and the same reload as the real run."""
    predicted = run(etc, {"main.yml": "one"}, FakeUnit(etc), check=True)
    assert not etc.exists()
    assert predicted == run(etc, {"main.yml": "one"}, FakeUnit(etc))


def test_a_second_run_waits_for_the_first(host: Path) -> None:
    """As long as it may."""
    path = host / "etc/prog"
    reader, writer = os.pipe()
    first = os.fork()
    if first == 0:
        with locks.held([locks.tree(str(path))], 0):
            os.write(writer, b"x")
            time.sleep(1)
            os._exit(1 if path.exists() else 0)
    os.read(reader, 1)
    assert Started(config_tree, {**tree_options(path, main_yml="x"), "lock_timeout": 20}).result()["changed"]
    assert os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) == 0
