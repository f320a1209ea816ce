# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of the plugins are the stages of a pipeline: no stage imports a later one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[3] / "plugins"
PREFIX = "ansible_collections.vigie.monitoring.plugins."
# What each package may import beside itself. ARCHITECTURE.md has the picture.
ALLOWED = {
    "module_utils._common": set(),
    "module_utils._http_api": {"module_utils._common"},
    "module_utils._deployment": {"module_utils._common"},
    "module_utils._firewall": {"module_utils._common", "module_utils._deployment"},
    "plugin_utils._fleet": {"module_utils._common"},
    "plugin_utils._validation": {"plugin_utils._fleet"},
    "plugin_utils._pipeline": {"plugin_utils._fleet", "plugin_utils._validation"},
    "plugin_utils._rendering": {"module_utils._common", "module_utils._http_api", "plugin_utils._fleet"},
    "plugin_utils._verification": {"plugin_utils._fleet", "plugin_utils._validation", "plugin_utils._rendering"},
    "plugin_utils._adoption": {"plugin_utils._fleet", "plugin_utils._rendering"},
    "plugin_utils._deployment": {"module_utils._deployment"},
}
PACKAGES = sorted(path.parent for path in PLUGINS.glob("*_utils/*/__init__.py"))


def imports(path: Path) -> set[str]:
    """Return the packages of the collection that a file imports, as ``plugin_utils._fleet``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PREFIX):
            parts = [*str(node.module).removeprefix(PREFIX).split("."), node.names[0].name]
            found.add(".".join(parts[:2]))
    return found


def test_every_package_has_its_place() -> None:
    """A new package needs a line in the list; plugin_utils and module_utils hold packages alone."""
    assert {f"{path.parent.name}.{path.name}" for path in PACKAGES} == set(ALLOWED)
    assert [str(path) for path in PLUGINS.glob("*_utils/*.py")] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: f"{path.parent.name}.{path.name}")
def test_no_stage_imports_a_later_one(package: Path) -> None:
    """Only the arrows of the list are there."""
    name = f"{package.parent.name}.{package.name}"
    for path in package.glob("*.py"):
        extra = imports(path) - ALLOWED[name] - {name}
        assert not extra, f"{path.relative_to(PLUGINS)} imports {', '.join(sorted(extra))}"


def test_the_list_has_no_circle() -> None:
    """A package cannot reach itself by the arrows."""
    left = {name: set(allowed) for name, allowed in ALLOWED.items()}
    while left:
        free = [name for name, allowed in left.items() if not allowed & set(left)]
        assert free, f"a circle among {', '.join(left)}"
        for name in free:
            del left[name]
