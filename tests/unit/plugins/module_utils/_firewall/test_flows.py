# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a connection in the rules of others, and what the operator is told."""

from __future__ import annotations

from firewall_rules import rule

from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import (
    flows,
)


def test_what_the_rules_of_a_chain_let_through() -> None:
    """Each family and each source by itself; neither what is refused, nor the host itself."""
    usual = rule()
    rules = [
        {**usual, "source": "192.0.2.1"},
        {**usual, "in_interface": "lo"},
        {**usual, "jump": "REJECT"},
        {**usual, "source": "::/0"},
    ]
    chains = [{"parent": "INPUT", "rules": rules}, {"parent": "DOCKER-USER", "rules": rules}]
    assert [(flow.version, flow.source) for flow in flows.flows(chains, [4, 6])] == [(4, "192.0.2.1/32"), (6, "::/0")]
