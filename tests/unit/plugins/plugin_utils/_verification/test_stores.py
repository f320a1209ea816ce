# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify says about the stores of a server."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from store_fleets import groups, model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.stores import store_problems

ROW: dict[str, t.Any] = {
    "name": "victoria_metrics-s1",
    "role": "victoria_metrics",
    "host": "s1",
    "error": "",
    "refused": False,
    "arrived": True,
    "waited": 3.2,
    "lag": 1.0,
    "pending": 12,
    "failed": 0,
    "dropped": 0,
    "dedup": "15s",
}
QUEUE = "The queue of p1 is 1 s behind and has 12 samples"


def test_a_sample_that_arrived_is_no_problem(tmp_path: Path) -> None:
    """One check of the samples, one of the duplicates; vmauth keeps no samples itself."""
    found = list(store_problems(model(tmp_path), "p1", [ROW, {**ROW, "role": "vmauth", "host": "p1", "dedup": ""}]))
    assert found == [
        ("samples in VictoriaMetrics on s1", "s1", ""),
        ("duplicates in VictoriaMetrics on s1", "s1", ""),
        ("samples in vmauth on p1", "p1", ""),
        ("duplicates in vmauth on p1", "p1", ""),
    ]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"error": "the store does not answer at U: Unauthorized", "refused": True},
            (
                "p1: VictoriaMetrics on s1 refuses the password of p1. Run vigie.monitoring.site, which configures the same "
                "password on both hosts (the store does not answer at U: Unauthorized)"
            ),
        ),
        ({"error": "the store does not answer at U: timeout"}, "p1: the store does not answer at U: timeout"),
        (
            {"failed": 7},
            (
                "p1: VictoriaMetrics on s1 refuses the samples of p1: 7 samples were lost in 3 s. The journal of "
                f"prometheus.service on p1 shows the reason. {QUEUE}"
            ),
        ),
        ({"dropped": 7}, f"p1: Prometheus dropped 7 samples for VictoriaMetrics on s1 in 3 s. {QUEUE}"),
        (
            {"arrived": False},
            f"p1: VictoriaMetrics on s1 did not return a sample that p1 wrote in the last 3 s. {QUEUE}",
        ),
    ],
    ids=["password", "silent", "failed", "dropped", "late"],
)
def test_each_problem_names_server_and_store(tmp_path: Path, changed: dict[str, t.Any], problem: str) -> None:
    """With the state of the queue."""
    assert next(iter(store_problems(model(tmp_path), "p1", [{**ROW, **changed}])))[2] == problem


@pytest.mark.parametrize("dedup", ["", "0s"])
def test_a_store_that_keeps_the_samples_of_both_replicas(tmp_path: Path, dedup: str) -> None:
    """With one server, there are no duplicates."""
    row = {**ROW, "dedup": dedup}
    (_samples, duplicates) = store_problems(model(tmp_path), "p1", [row])
    assert duplicates[2] == (
        "s1: several Prometheus servers write the same series to VictoriaMetrics on s1, but it keeps the duplicates. "
        "Run vigie.monitoring.site --tags victoria_metrics"
    )
    alone = model(tmp_path / "alone", groups(p2={"prometheus_state": "absent"}))
    assert [problem for _name, _host, problem in store_problems(alone, "p1", [row])] == ["", ""]
