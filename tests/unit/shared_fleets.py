# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets whose hosts several Prometheus servers share, for tests of what is made from them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml
from inventories import Made

WEBS = [f"web{number}" for number in range(12)]
SERVERS = ("p1", "p2", "p3", "p4")


def shared_fleet(
    path: Path, variables: dict[str, t.Any] | None = None, servers: t.Sequence[str] = SERVERS, **of_all: t.Any
) -> Made:
    """Return an inventory of twelve hosts, 2 replicas for every two *servers*, and the global server g.

    :param variables: those of the global server.
    :param of_all: those of all hosts.
    """
    group = {"prometheus_shards": len(servers) // 2, "prometheus_replicas": 2}
    children = {
        "node_exporter": {"hosts": dict.fromkeys(WEBS)},
        "blackbox_exporter": {"hosts": {"web3": None}},
        "alertmanager": {"hosts": {"am": None}},
        "prometheus": {
            "hosts": {**dict.fromkeys(servers), "g": {"prometheus_role": "global", **(variables or {})}},
            "vars": group,
        },
    }
    text = yaml.safe_dump({"all": {"vars": of_all, "children": children}}, sort_keys=False)
    return Made(path, {"hosts.yml": text})
