# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of the plugins import only what tools/architecture.py allows, and no stage imports a later stage."""

from __future__ import annotations

from pathlib import Path

import architecture


def test_imports_are_allowed() -> None:
    """Every package is in the list, and imports only the packages that the list allows."""
    imports = architecture.read_imports()
    assert architecture.forbidden(imports) == []
    assert set(architecture.PACKAGES) == set(imports.modules)


def test_no_arrow_runs_back() -> None:
    """The list allows only imports of packages that stand before the importing package."""
    order = list(architecture.PACKAGES)
    for name, package in architecture.PACKAGES.items():
        assert set(package.may_import) <= set(order[: order.index(name)]), name


def test_an_import_of_a_later_stage_is_found(tmp_path: Path) -> None:
    """In either form of the statement; the picture shows the import in red."""
    later = f"{architecture.NAMESPACE}plugin_utils._rendering"
    for stage, text in {
        "_fleet/host.py": f"from {later} import rules\n",
        "_validation/probes.py": f"from {later}.rules import groups\n",
        "_rendering/rules.py": "",
    }.items():
        path = tmp_path / "plugin_utils" / stage
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    imports = architecture.read_imports(tmp_path)
    assert architecture.forbidden(imports) == [
        "plugin_utils/_fleet may not import plugin_utils/_rendering: host imports rules",
        "plugin_utils/_validation may not import plugin_utils/_rendering: probes imports rules",
    ]
    assert architecture.draw(imports).count('stroke="#c00"') == 2
