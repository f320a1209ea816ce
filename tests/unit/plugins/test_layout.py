# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests mirror the plugins: who changes a file finds its tests, and a file without tests is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PLUGINS = TESTS.parents[2] / "plugins"
# Files without logic of their own, and where what they stand for is tested.
WAITING = "plugin_utils/_deployment/test_waiting_action.py"
ELSEWHERE = {
    "action/config_tree.py": WAITING,
    "action/iptables_chain.py": WAITING,
    "action/release.py": WAITING,
    "action/service_files.py": WAITING,
    # The documentation of the action plugin: the module itself never runs.
    "modules/render.py": "action/test_render.py",
}
FILES = sorted(str(path.relative_to(PLUGINS)) for path in PLUGINS.rglob("*.py") if path.name != "__init__.py")


def mirrored(file: str) -> str:
    """Return the test file of a plugin's *file*, both relative."""
    return str(Path(file).with_name(f"test_{Path(file).name}"))


@pytest.mark.parametrize("file", FILES)
def test_every_plugin_has_its_test_file(file: str) -> None:
    """At the same place, with test_ before the name."""
    where = TESTS / ELSEWHERE.get(file, mirrored(file))
    assert where.is_file(), f"plugins/{file} has no tests: write {where.relative_to(TESTS.parents[2])}"
    assert "\ndef test_" in where.read_text(encoding="utf-8"), f"{where} holds no tests"


def test_every_test_file_belongs_to_a_plugin() -> None:
    """A file may have several test files: test_NAME.py, and test_NAME_ASPECT.py beside it."""
    stems = {str(Path(mirrored(file)).with_suffix("")) for file in FILES}
    for path in TESTS.glob("*/**/test_*.py"):
        stem = str(path.relative_to(TESTS).with_suffix(""))
        assert any(stem == known or stem.startswith(f"{known}_") for known in stems), f"{stem}.py is of no plugin"


def test_the_exceptions_are_exceptions() -> None:
    """A file that has got tests, or that has gone, leaves the list."""
    for file in ELSEWHERE:
        assert file in FILES
        assert not (TESTS / mirrored(file)).exists()
