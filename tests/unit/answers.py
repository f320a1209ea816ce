# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers answer of a small fleet, for tests of what compares it with the inventory."""

from __future__ import annotations

import typing as t

import inventories
import models

RULES = "groups: [{name: g, rules: [{alert: Down, expr: up == 0}, {record: a:b, expr: up}]}]\n"


LOADED = [
    {"file": "/etc/prometheus/rules/prometheus.yml", "group": "g", "name": "Down", "health": "ok", "last_error": ""},
    {"file": "/etc/prometheus/rules/prometheus.yml", "group": "g", "name": "a:b", "health": "unknown", "last_error": ""},
]


def endpoint(job: str, port: int, host: str) -> dict[str, t.Any]:
    """Return an endpoint of the model that no role has."""
    return models.endpoint(role="", job=job, port=port, instance=f"{host}:{port}")


def host(address: str, *endpoints: dict[str, t.Any], **versions: str) -> dict[str, t.Any]:
    """Return a host of the model."""
    return {"address": address, "roles": [], "versions": versions, "labels": {"function": "web"}, "endpoints": list(endpoints)}


def model() -> dict[str, t.Any]:
    """Return a fleet with the host *a*, the Prometheus server *p* and the Alertmanagers *x* and *y*."""
    settings = {**inventories.defaults("prometheus"), "scrape_hosts": ["a", "p", "x", "y"]}
    alertmanager = {**inventories.defaults("alertmanager"), "alertmanager_port": 9093}
    return {
        "hosts": {
            "a": host("192.0.2.1", endpoint("node", 9100, "a"), node_exporter="1.11.1"),
            "p": host("192.0.2.2"),
            "x": host("192.0.2.3"),
            "y": host("192.0.2.4"),
        },
        "servers": {"prometheus": {"p": settings}, "alertmanager": {"x": alertmanager, "y": dict(alertmanager)}},
        "rules": {"prometheus": RULES},
    }


def active(name: str = "a", **changes: str) -> dict[str, t.Any]:
    """Return a target as the module targets_up does."""
    usual = {
        "job": "node",
        "instance": f"{name}:9100",
        "host": name,
        "address": "192.0.2.1:9100",
        "health": "up",
        "last_error": "",
    }
    return {**usual, **changes}


def asked() -> dict[str, t.Any]:
    """Return what a server answers that is as the inventory has it."""
    info = {
        "rules": LOADED,
        "alertmanagers": [
            {"address": "192.0.2.3:9093", "error": "", "peers": 2},
            {"address": "192.0.2.4:9093", "error": "", "peers": 2},
        ],
        "alerts": [],
        "builds": [{"host": "a", "instance": "a:9100", "program": "node_exporter", "version": "1.11.1+ds1"}],
        "clocks": [{"host": "a", "instance": "a:9100", "offset": 1.5}],
    }
    return {
        "targets": [{"__prometheus_server": "p", "active": [active()], "waiting": []}],
        "info": [{"__prometheus_server": "p", **info}],
        "tree": [{"__prometheus_server": "p", "changed": False, "changed_files": []}],
    }


def change(answer: dict[str, t.Any], kind: str, **values: t.Any) -> None:
    """Replace *values* in what the server answers to one kind of question."""
    answer[kind][0].update(values)
