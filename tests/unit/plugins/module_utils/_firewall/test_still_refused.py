# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports stay refused as long as the service of a role that a host does not have any more runs."""

from __future__ import annotations

import socket
import typing as t

import pytest
from firewall_rules import rule

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import iptables, nftables, still_refused
from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.iptables import FAMILIES, Chain

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TCP = HEAD + (
    "   0: 00000000:238C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1\n"  # 9100, listening
    "   1: 0100007F:238D 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 2\n"  # 9101, a connection
)
TCP6 = HEAD + "   0: 00000000000000000000000000000000:238E 0:0000 0A 0:0 00:0 0     0        0 3\n"  # 9102, listening
CHAIN: dict[str, t.Any] = {"name": "OURS", "parent": "INPUT", "rules": [], "still_refused": ["node on a", "apache on a"]}


def files(name: str) -> str:
    """Stand in for /proc/net."""
    return {"tcp": TCP, "tcp6": TCP6}.get(name, "")


def refusal(port: int = 9100, **changes: t.Any) -> dict[str, t.Any]:
    """Return a rule that refuses a port."""
    return rule(**{"destination_port": port, "jump": "REJECT", "comment": "node on a for nobody else", **changes})


@pytest.mark.parametrize(
    "refused", [refusal(), refusal(jump="DROP"), refusal(in_interface="eth0"), refusal(protocol="udp", port=53)]
)
def test_a_refusal_is_read_as_it_was_given(refused: dict[str, t.Any]) -> None:
    """Of both kinds of rules; and rules for somebody are no refusals."""
    allowed = [{**refused, "jump": "ACCEPT"}, {**refused, "source": "198.51.100.1"}]
    chain = {**CHAIN, "rules": [*allowed, refused]}
    lines = [line for family in FAMILIES for line in iptables.wanted({"INPUT": Chain("ACCEPT")}, chain, family).rules]
    found = still_refused.refusals_in_iptables(lines)
    assert found in ([refused], [refused, refused])
    listed = [item["rule"] for item in nftables.wanted([chain], docker=False) if "rule" in item]
    assert still_refused.refusals_in_nftables(listed) == [refused]


def test_ports_that_somebody_listens_on() -> None:
    """Connections are none, and both families count."""
    assert still_refused.listening(files) == {("tcp", 9100), ("tcp", 9102)}


def test_this_host_is_read() -> None:
    """A socket that listens is found, and none after it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ("tcp", port) in still_refused.listening(still_refused.read_proc)
    assert ("tcp", port) not in still_refused.listening(still_refused.read_proc)


@pytest.mark.parametrize(
    ("chain", "refused", "stays"),
    [
        ({}, refusal(), True),
        ({}, refusal(comment="apache on a for nobody else"), True),
        # Nobody listens there any more.
        ({}, refusal(9101), False),
        ({}, refusal(protocol="udp"), False),
        # It is not of a role, or of another host with a longer name.
        ({}, refusal(comment="app on a for nobody else"), False),
        ({}, refusal(comment="node on ab for nobody else"), False),
        # The inventory has rules for the port.
        ({"rules": [refusal(jump="ACCEPT")]}, refusal(), False),
        ({"still_refused": []}, refusal(), False),
    ],
)
def test_what_stays_refused(chain: dict[str, t.Any], refused: dict[str, t.Any], stays: bool) -> None:  # noqa: FBT001
    """It comes with a rule that lets the host itself in."""
    kept = still_refused.kept_refusals({**CHAIN, **chain}, [refused, refused], files)
    assert kept == ([{**refused, "in_interface": "lo", "jump": "ACCEPT"}, refused] if stays else [])
