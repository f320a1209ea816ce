# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of hosts in an adopted inventory."""

from __future__ import annotations

from adoptions import probes_of, targets_of

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.host_names import name_hosts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import Target


def names(*of_jobs: list[Target]) -> list[str]:
    """Return the names of the hosts of all targets."""
    found = [target for of_job in of_jobs for target in of_job]
    name_hosts(found, "mon")
    return [target.host for target in found]


def test_the_instance_names_an_address() -> None:
    """For all targets of the address."""
    assert names(targets_of("a", "192.0.2.1:1", instance="web1"), targets_of("b", "192.0.2.1:2")) == ["web1", "web1"]
    assert names(targets_of("a", "192.0.2.1:1", instance="web1:1")) == ["web1"]
    assert names(targets_of("a", "192.0.2.1:1", instance="not a name")) == ["192.0.2.1"]


def test_a_name_of_two_addresses_is_no_name() -> None:
    """Each address is a host of its own."""
    both = targets_of("a", "192.0.2.1:1", instance="db"), targets_of("b", "192.0.2.2:1", instance="db")
    assert names(*both) == ["192.0.2.1", "192.0.2.2"]
    assert names(targets_of("a", "192.0.2.1:1", instance="web1"), targets_of("b", "web1:2")) == ["192.0.2.1", "web1"]


def test_the_label_host_comes_first() -> None:
    """It stays what it was, even on two addresses; the server is itself."""
    assert names(targets_of("a", "192.0.2.1:1", "localhost:1", host="x", instance="y")) == ["x", "mon"]


def test_an_exporter_is_not_the_device_that_it_asks() -> None:
    """Neither the blackbox exporter nor another one."""
    assert names(probes_of("device", host="device")) == ["m"]
    assert names(targets_of("snmp", "192.0.2.1:9116", instance="device", __param_target="device")) == ["192.0.2.1"]
