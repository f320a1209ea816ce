# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests of what is deployed."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """Return where a tree goes."""
    return tmp_path / "etc" / "service"
