# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of small fleets, for tests of what is made from a model."""

from __future__ import annotations

import typing as t

import inventories

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_rules import build_log_rule
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.probes import validate_probes

SETTINGS = {**inventories.defaults("prometheus"), "scrape_hosts": ["a"]}
PROBER = inventories.defaults("blackbox_exporter")


def endpoint(**changes: t.Any) -> dict[str, t.Any]:
    """Return an endpoint of the model."""
    usual = {
        "role": "node_exporter",
        "job": "node",
        "port": 9100,
        "path": "/metrics",
        "scheme": "http",
        "params": {},
        "labels": {},
    }
    return {**usual, "instance": "a:9100", **changes}


def model(*endpoints: dict[str, t.Any], address: str = "192.0.2.1", **settings: t.Any) -> dict[str, t.Any]:
    """Return a model with the host *a* and the server *p*."""
    return {
        "hosts": {"a": {"address": address, "roles": [], "labels": {"function": "web"}, "endpoints": list(endpoints)}},
        "servers": {"prometheus": {"p": {**SETTINGS, **settings}}, "alertmanager": {}},
        "rules": {"prometheus": "groups: []\n"},
    }


def probing_model(probes: dict[str, list[t.Any]], probers: t.Iterable[str] = ("m",), **settings: t.Any) -> dict[str, t.Any]:
    """Return a checked model: the probes of each host, those who probe, and the Prometheus m."""
    names = sorted({"m", *probes, *probers})
    hosts = {
        name: {
            "address": f"{name}.example.com",
            "roles": [],
            "labels": {"function": "web", "rack": name},
            "endpoints": [],
            "probes": probes.get(name, []),
        }
        for name in names
    }
    made = {
        "hosts": hosts,
        "servers": {
            "prometheus": {"m": {**SETTINGS, "scrape_hosts": names, **settings}},
            "alertmanager": {},
            "blackbox_exporter": dict.fromkeys(probers, PROBER),
        },
        "rules": {},
        "roles": {role: f"vigie.monitoring.{role}" for role in ("blackbox_exporter", "node_exporter")},
    }
    problems = Problems()
    validate_probes(made, problems)
    assert problems.lines == []
    return made


def log_rule(**raw: t.Any) -> t.Any:
    """Return a complete log rule, *r* if it has no name."""
    rule, problems = build_log_rule({"name": "r", "files": ["/var/log/app.log"], "match": "x", **raw})
    assert problems == []
    return rule
