# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents: Prometheus servers that scrape and write to stores, but keep no samples. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers

SERVER, AGENT, VMAGENT = "server", "agent", "vmagent"
# The values of prometheus_mode. The hosts of the role vmagent have the third mode.
MODES = (SERVER, AGENT)
# The variables of the role prometheus that the role vmagent has, too.
_SHARED = ("state", "listen_address", "port", "web", "user", "config_dir", "data_dir")


def is_agent(settings: t.Mapping[str, t.Any]) -> bool:
    """Return whether a Prometheus server with such *settings* keeps no samples: it answers no query and evaluates no rule."""
    return settings.get("prometheus_mode", SERVER) != SERVER


def as_server(settings: t.Mapping[str, t.Any], vmagent: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the variables of a Prometheus server that stands for a vmagent.

    vmagent scrapes the same targets from the same files, so that shards, the firewall and the verification treat it as a server.

    :param settings: the variables of the role prometheus on the host, with what to scrape.
    :param vmagent: the variables of the role vmagent.
    """
    own = {f"prometheus_{name}": vmagent[f"{VMAGENT}_{name}"] for name in _SHARED}
    # vmagent has none of the flags and of the paths of Prometheus.
    return {**settings, **own, "prometheus_mode": VMAGENT, "prometheus_flags": {}, "prometheus_external_url": ""}


def agents(model: Model) -> list[str]:
    """Return the agents of the fleet that are not retired."""
    return [name for name, settings in active_servers(model, "prometheus").items() if is_agent(settings)]
