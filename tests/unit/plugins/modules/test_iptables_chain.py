# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module iptables_chain."""

from __future__ import annotations

import re
import types
import typing as t
from pathlib import Path

import pytest
from processes import Started

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.iptables import FirewallError
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


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("auto", "Neither iptables nor nftables is installed on this host. "),
        ("iptables", "iptables is not installed on this host. "),
        ("nftables", "nftables is not installed on this host. "),
    ],
)
def test_a_missing_firewall_program_is_named(monkeypatch: pytest.MonkeyPatch, backend: str, message: str) -> None:
    """With the remedy."""
    nothing = types.SimpleNamespace(backend=lambda: "", warnings=[])
    monkeypatch.setattr(iptables_chain, "HostFirewall", lambda _module: nothing)
    module: t.Any = types.SimpleNamespace(params={"backend": backend, "missing_ok": False})
    with pytest.raises(FirewallError, match=f"^{re.escape(message)}Install it, or set missing_ok"):
        iptables_chain.apply(module)
