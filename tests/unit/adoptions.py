# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adopt the configuration of a Prometheus server, and deploy the adopted inventory onto the same server, for tests."""

from __future__ import annotations

import typing as t
from pathlib import Path

import inventories
from ansible.plugins.loader import lookup_loader
from trees import put

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import Target, targets_of_job
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import role_contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.prometheus import prometheus_tree

SERVER = "mon.example.com"


def adopt(etc: Path, **options: t.Any) -> dict[str, t.Any]:
    """Adopt the configuration in *etc*, which is the directory of the server itself."""
    lookup = lookup_loader.get("vigie.monitoring.adopted")
    options = {"server": SERVER, "config_dir": str(etc), **options}
    (found,) = lookup.run([str(etc / "prometheus.yml")], variables={}, **options)
    return dict(found)


def model(adopted: dict[str, t.Any], path: Path) -> dict[str, t.Any]:
    """Return the model of the adopted inventory, which has no mistakes."""
    made, mistakes = inventories.Made(
        path, {f"inv/{name}": text for name, text in adopted["files"].items()}, sources=["inv"]
    ).build(role_contracts.contracts())
    assert mistakes == []
    return made


def deploy(made: dict[str, t.Any], etc: Path) -> None:
    """Put the files of the server onto it, as site does."""
    put(etc, prometheus_tree(made, SERVER))


def targets_of(name: str, *addresses: str, params: dict[str, list[str]] | None = None, **labels: str) -> list[Target]:
    """Return the targets of a job. Labels can be those that relabeling sets."""
    groups = [{"targets": list(addresses), "labels": labels}]
    return targets_of_job({"job_name": name, "params": params or {}}, groups, {})[0]


def probes_of(*probed: str, module: str = "icmp", **labels: str) -> list[Target]:
    """Return targets of a job ping that the blackbox exporter on the host m probes."""
    usual = {"__metrics_path__": "/probe", "__param_module": module}
    return [
        target
        for what in probed
        for target in targets_of("ping", "m:9115", **{**usual, "__param_target": what, "instance": what, **labels})
    ]
