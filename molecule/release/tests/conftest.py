# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with a strict umask, as hardening guides ask for: what is installed first must be usable all the same."""

from __future__ import annotations

import typing as t

import pytest


@pytest.fixture(scope="module", autouse=True)
def _strict_umask(scenario: t.Any) -> None:
    for host in ("native", "pi"):
        scenario.on(host).check_output("echo 'Defaults umask=0077, umask_override' > /etc/sudoers.d/umask")
        assert scenario.on(host).check_output("umask") == "0077"
