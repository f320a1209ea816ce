# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of this scenario."""

from __future__ import annotations

import typing as t

import pytest


@pytest.fixture
def bare(scenario: t.Any) -> None:
    """Provide hosts without any deployment."""
    used = [host for host in ("native", "pi") if scenario.on(host).file("/opt/vigie").exists]
    if used:
        scenario.renew(*used)
