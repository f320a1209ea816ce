# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents: Prometheus servers that scrape and write to stores, but keep no samples. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers

SERVER, AGENT = "server", "agent"
MODES = (SERVER, AGENT)


def is_agent(settings: t.Mapping[str, t.Any]) -> bool:
    """Return whether a Prometheus server with such *settings* keeps no samples: it answers no query and evaluates no rule."""
    return settings.get("prometheus_mode", SERVER) != SERVER


def agents(model: Model) -> list[str]:
    """Return the agents of the fleet that are not retired."""
    return [name for name, settings in active_servers(model, "prometheus").items() if is_agent(settings)]
