# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets with stores: two Prometheus servers with the same targets, two VictoriaMetrics, a vmauth and a Grafana."""

from __future__ import annotations

import typing as t
from pathlib import Path

from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts

WEB = {
    "cert_file": "/etc/ssl/a.crt",
    "key_file": "/etc/ssl/a.key",
    "ca_file": "/etc/ssl/ca.crt",
    "server_name": "example.com",
    "username": "prometheus",
    "password": "hidden",
    "password_hash": "$2b$04$x",
}


def groups(**of_hosts: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the groups of the fleet. A keyword adds variables to the host of this name."""
    names = {
        "prometheus": ("p1", "p2"),
        "victoria_metrics": ("s1", "s2"),
        "vmauth": ("p1",),
        "node_exporter": ("web1", "web2"),
        "grafana": ("g",),
    }
    own: dict[str, dict[str, t.Any]] = {"g": {"grafana_admin_password": "x"}, **of_hosts}
    return {role: {"hosts": {name: own.get(name) for name in hosts}} for role, hosts in names.items()}


def built(path: Path, children: dict[str, t.Any] | None = None, **variables: t.Any) -> tuple[t.Any, list[str]]:
    """Return the model of the fleet, or of other groups, and the problems. *variables* are those of all hosts."""
    inventory = {"hosts.yml": {"all": {"children": groups() if children is None else children, "vars": variables}}}
    return Made(path, inventory).build(contracts())


def model(path: Path, children: dict[str, t.Any] | None = None, **variables: t.Any) -> t.Any:
    """Return the model of a fleet without problems."""
    found, problems = built(path, children, **variables)
    assert problems == []
    return found
