# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong variables of stores: each is one error with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_fleets import WEB, built, groups

from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.stores import retention_problem


def test_a_fleet_with_stores_has_no_problem(tmp_path: Path) -> None:
    """Also with TLS and a password."""
    assert built(tmp_path, monitoring_web=WEB)[1] == []


@pytest.mark.parametrize(("value", "valid"), [("1d", True), ("24h", True), ("1.5y", True), ("6M", True), ("23h", False)])
def test_retention(value: str, valid: bool) -> None:  # noqa: FBT001
    """At least a day, as VictoriaMetrics."""
    assert (retention_problem(value) is None) is valid


@pytest.mark.parametrize("value", ["", "12", "1 y", "forever", "0d", None])
def test_retention_without_a_unit_is_not_guessed(value: object) -> None:
    """VictoriaMetrics would take a number for months."""
    assert "at least one day: 90d, 6M, 2y" in (retention_problem(value) or "")


def test_versions_and_retentions_are_reported_with_their_host(tmp_path: Path) -> None:
    """All together."""
    own = {"victoria_metrics_version": "1.79.5", "victoria_metrics_retention": "12"}
    assert built(tmp_path, groups(s1=own, p1={"vmauth_version": "1.93.0"}))[1] == [
        "host s1, variable victoria_metrics_version, value '1.79.5': the role needs version 1.110 or later. Set a later version",
        (
            "host s1, variable victoria_metrics_retention, value '12': must be a number with the unit h, d, w, M (months) or y, "
            "at least one day: 90d, 6M, 2y"
        ),
        "host p1, variable vmauth_version, value '1.93.0': the role needs version 1.110 or later. Set a later version",
    ]


def test_a_pattern_that_selects_no_store(tmp_path: Path) -> None:
    """The stores are listed."""
    for pattern in ("web1", "nosuch"):
        (problem,) = built(tmp_path / pattern, groups(p1={"prometheus_stores": pattern}))[1]
        assert problem.startswith(f"host p1, variable prometheus_stores, value '{pattern}': the pattern matches no store.")
        assert "The stores are s1, s2." in problem
    (problem,) = built(tmp_path / "type", groups(p1={"prometheus_stores": {"s": 1}}))[1]
    assert problem.startswith("host p1, variable prometheus_stores, value {'s': 1}: must be an Ansible host pattern")


def test_vmalert_without_stores(tmp_path: Path) -> None:
    """It would evaluate nothing."""
    children = {role: group for role, group in groups().items() if role not in ("victoria_metrics", "vmauth")}
    assert built(tmp_path, {**children, "vmalert": {"hosts": {"p2": None}}})[1] == [
        (
            "host p2, variable groups, value 'vmalert': vmalert has no store to send queries to. Add a host to the group "
            "victoria_metrics, or remove vmalert"
        )
    ]


def test_the_interval_of_vmalert(tmp_path: Path) -> None:
    """A duration, as that of Prometheus."""
    children = {**groups(), "vmalert": {"hosts": {"p2": {"vmalert_evaluation_interval": "often"}}}}
    (problem,) = built(tmp_path, children)[1]
    assert problem.startswith("host p2, variable vmalert_evaluation_interval, value 'often': must be a ")


def test_vmauth_without_stores(tmp_path: Path) -> None:
    """It would answer no query."""
    children = {role: group for role, group in groups().items() if role != "victoria_metrics"}
    assert built(tmp_path, children)[1] == [
        (
            "host p1, variable groups, value 'vmauth': vmauth has no store to send queries to. Add a host to the group "
            "victoria_metrics, or remove vmauth"
        )
    ]
