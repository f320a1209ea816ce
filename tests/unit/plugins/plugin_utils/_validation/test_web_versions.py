# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions that are too old for TLS and a password."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts

WEB = {"cert_file": "/c", "key_file": "/k", "username": "u", "password": "hidden", "password_hash": "$2y$10$x"}


def problems(path: Path, versions: dict[str, t.Any], **variables: t.Any) -> list[str]:
    """Return the problems of a fleet with TLS, whose programs have *versions*."""
    names = ("node_exporter", "blackbox_exporter", "prometheus", "alertmanager")
    children = {name: {"hosts": {f"{name.partition('_')[0]}1": None}} for name in names}
    children["alertmanager"]["hosts"].update(variables.pop("more", {}))
    every = {"monitoring_web": WEB, **{f"{role}_version": version for role, version in versions.items()}, **variables}
    files = {"hosts.yml": {"all": {"vars": every, "children": children}}}
    return Made(path, files).build(contracts())[1]


@pytest.mark.parametrize(
    ("role", "variable", "older", "first"),
    [
        ("node_exporter", "monitoring_web", "1.4.9", "1.5.0"),
        ("blackbox_exporter", "monitoring_web", "0.18.0", "0.19.0"),
        ("prometheus", "prometheus_web", "2.23.0", "2.24.0"),
        ("alertmanager", "alertmanager_web", "0.21.0", "0.22.0"),
    ],
)
def test_a_version_without_the_flag_is_named(tmp_path: Path, role: str, variable: str, older: str, first: str) -> None:
    """With the first version that has the flag. Such a version, and a program without TLS, are no problem."""
    (problem,) = problems(tmp_path, {role: older})
    where, _colon, remedy = problem.partition(": ")
    assert where == f"host {role.partition('_')[0]}1, variable {role}_version, value '{older}'"
    assert remedy == (
        f"{variable} is set, and {role} supports TLS and a password since {first}. "
        f"Set {role}_version to {first} or later, or set {variable} of the host to {{}}"
    )
    assert problems(tmp_path, {role: first}) == []
    assert problems(tmp_path, {role: "latest"}) == []
    assert problems(tmp_path, {role: older}, monitoring_web={}) == []


@pytest.mark.parametrize(
    ("version", "words"), [("0.21.0", "TLS and a password"), ("0.23.0", "TLS between several Alertmanagers")]
)
def test_a_cluster_needs_a_flag_of_its_own(tmp_path: Path, version: str, words: str) -> None:
    """One problem for both hosts. One Alertmanager, or a cluster with a password alone, does not need the flag."""
    (problem,) = problems(tmp_path, {"alertmanager": version}, more={"other": None})
    assert problem.startswith(
        f"host alertmanager1, other, variable alertmanager_version, value '{version}': alertmanager_web is set"
    )
    assert words in problem
    password = {key: value for key, value in WEB.items() if not key.endswith("_file")}
    assert problems(tmp_path, {"alertmanager": "0.24.0"}, more={"other": None}) == []
    assert problems(tmp_path, {"alertmanager": "0.23.0"}) == []
    assert problems(tmp_path, {"alertmanager": "0.23.0"}, more={"other": {"alertmanager_state": "absent"}}) == []
    assert problems(tmp_path, {"alertmanager": "0.23.0"}, more={"other": None}, monitoring_web=password) == []
