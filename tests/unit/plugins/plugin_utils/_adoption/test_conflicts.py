# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that one inventory cannot have together."""

from __future__ import annotations

import pytest
from adoptions import probes_of, targets_of

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.conflicts import first_conflict
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.host_names import name_hosts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import Target


def conflict(*of_jobs: list[Target]) -> tuple[str, str] | None:
    """Return the first conflict of the targets of several jobs."""
    found = [target for of_job in of_jobs for target in of_job]
    name_hosts(found, "mon")
    return first_conflict(found, "mon")


def with_options(found: list[Target], **options: int) -> list[Target]:
    """Return targets of a job with options."""
    for target in found:
        target.options = dict(options)
    return found


FIRST = targets_of("a", "x:1")


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (targets_of("b", "y:1", job="a", instance="x:1"), "two targets have the same instance"),
        (targets_of("b", "x:1", job="a", instance="other", host="other"), "two hosts have the target x:1/metrics"),
        (
            targets_of("b", "x:1", job="a", instance="y", __param_p="1", host="x"),
            "several targets at x:1/metrics differ in their",
        ),
        (targets_of("b", "y:1", job="a", params={"p": ["1", "2"]}), "other targets with the label job=a have other parameters"),
        (with_options(targets_of("b", "x:2", job="a"), sample_limit=1), "other targets with the label job=a have other options"),
        (
            targets_of("b", "localhost:9090", job="prometheus", __metrics_path__="/x"),
            "the Prometheus server itself are not at /metrics",
        ),
    ],
)
def test_the_later_job_is_named(second: list[Target], reason: str) -> None:
    """With the reason; the other job alone has no conflict."""
    found = conflict(FIRST, second)
    assert found is not None
    assert found[0] == "b"
    assert reason in found[1]
    assert conflict(FIRST) is None


def test_all_probes_come_from_one_host() -> None:
    """Probes differ in their parameters only; another exporter would run all of them, too."""
    assert conflict(probes_of("a", "b", "c")) is None
    other = probes_of("d")
    other[0].address = "n"
    assert conflict(probes_of("a"), other) == (
        "ping",
        "m runs the probes of another job, and every host of the group blackbox_exporter runs all probes",
    )
