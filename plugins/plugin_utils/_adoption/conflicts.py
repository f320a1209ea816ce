# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find adopted targets that one inventory cannot have together. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import Target
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.endpoints import is_parameter_of_job


def first_conflict(targets: t.Sequence[Target], server: str) -> tuple[str, str] | None:
    """Return the scrape config of the first target that conflicts with an earlier one, and the reason; or None."""
    seen: dict[tuple[t.Any, ...], t.Any] = {}
    places: dict[str, tuple[str, int]] = {}
    for target in targets:
        job, port, path = (target.endpoint[key] for key in ("job", "port", "path"))
        if target.host == server and job == "prometheus" and path != "/metrics":
            return target.scrape_config, "the metrics of the Prometheus server itself are not at /metrics"
        prober = target.prober
        if prober and places.setdefault(prober.role, (target.host, port)) != (target.host, port):
            other = places[prober.role][0]
            reason = f"{other} runs the probes of another job, and every host of the group {prober.role} runs all probes"
            return target.scrape_config, reason
        of_job = {key: values for key, values in target.endpoint["params"].items() if is_parameter_of_job(key, values)}
        instance = target.expected_instance if target.is_local and not target.has_own_instance else target.instance
        facts: list[tuple[tuple[t.Any, ...], t.Any, str]] = [
            (("instance", job, instance), None, "two targets have the same instance"),
            (("params", job), of_job, f"other targets with the label job={job} have other parameters"),
        ]
        if not prober:
            where = target.host, job, port, path
            facts += [
                (
                    ("place", *where),
                    None,
                    f"several targets at {target.address}:{port}{path} differ in their parameters only. A host has one of them",
                ),
                (("address", job, target.address, port, path), None, f"two hosts have the target {target.address}:{port}{path}"),
                (("options", target.host, job), target.options, f"other targets with the label job={job} have other options"),
            ]
        for key, value, reason in facts:
            # A fact without a value must be unique.
            if key in seen and (value is None or seen[key] != value):
                return target.scrape_config, reason
            seen[key] = value
    return None
