# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Prometheus servers are agents."""

from __future__ import annotations

from pathlib import Path

from store_fleets import groups, model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.agents import agents, is_agent


def test_agents_are_the_servers_with_the_mode(tmp_path: Path) -> None:
    """Retired ones do not count."""
    assert agents(model(tmp_path / "none")) == []
    its = model(tmp_path / "all", prometheus_mode="agent")
    assert agents(its) == ["p1", "p2"]
    assert is_agent(its["servers"]["prometheus"]["p1"])
    assert agents(model(tmp_path / "one", groups(p2={"prometheus_state": "absent"}), prometheus_mode="agent")) == ["p1"]
