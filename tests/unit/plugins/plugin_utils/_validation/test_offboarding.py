# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""offboard takes one literal name."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.offboarding import offboarding_problem

MODEL: dict[str, t.Any] = {
    "hosts": {name: {} for name in ["mon1", "mon2", "par-db1", "web1.example.com", "odd[1]"]},
    "servers": {
        "prometheus": {"mon1": {"prometheus_state": "present"}, "par-db1": {"prometheus_state": "absent"}},
        "alertmanager": {"mon2": {"alertmanager_state": "present"}},
    },
}
GROUPS = ["all", "ungrouped", "web", "prometheus"]
SEEN = ["web1.example.com", "gone.example.com"]


@pytest.mark.parametrize("name", ["web1.example.com", "gone.example.com", "odd[1]", "par-db1"])
def test_one_host_is_taken(name: str) -> None:
    """A host of the inventory, one that Prometheus has series of, one with an odd name, and a retired server."""
    assert offboarding_problem(MODEL, name, GROUPS, SEEN) == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "The variable host is not set"),
        (None, "The variable host is not set"),
        (["web1.example.com"], "value ['web1.example.com']: offboard needs the name of one host"),
        ("web", "value 'web': this is a group"),
        ("all", "value 'all': this is a group"),
        ("prometheus", "this is a group"),
        ("par-*", "value 'par-*': this is a host pattern"),
        ("!par-db1", "this is a host pattern"),
        ("web1.example.com,par-db1", "this is a host pattern"),
        ("~web.*", "this is a host pattern"),
        ("mon1", "this host is a Prometheus server of the inventory"),
        ("mon2", "set alertmanager_state: absent for mon2"),
        ("web1.exmaple.com", "Did you mean 'web1.example.com'?"),
        ("gone.example.org", "Did you mean 'gone.example.com'?"),
        ("xyzzy", "no Prometheus server has series with the label host='xyzzy'."),
    ],
)
def test_everything_else_is_refused(name: t.Any, message: str) -> None:
    """With the reason, and what to do."""
    assert message in offboarding_problem(MODEL, name, GROUPS, SEEN)
