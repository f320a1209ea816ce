# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module iptables_chain."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from processes import Started

from ansible_collections.vigie.monitoring.plugins.modules import iptables_chain

pytestmark = pytest.mark.usefixtures("private")


def test_the_firewall_module_sets_its_umask_too(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its directory in /etc is one that others look into."""
    seen = host / "umask"

    def apply(_module: t.Any) -> dict[str, t.Any]:
        seen.mkdir()
        return {"changed": True}

    monkeypatch.setattr(iptables_chain, "apply", apply)
    assert Started(iptables_chain, {"chains": []}, umask=0o077).result()["changed"]
    assert seen.stat().st_mode & 0o777 == 0o755
