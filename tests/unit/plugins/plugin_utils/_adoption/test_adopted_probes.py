# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets of a blackbox exporter as monitoring_probes, and of an SNMP exporter as monitoring_snmp."""

from __future__ import annotations

import typing as t

import pytest
from adoptions import probes_of, targets_of

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.adopted_probes import (
    add_all,
    add_probes,
    by_prober,
    check_probe,
    groups_of,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.job_options import NotPlainError

MODULES = {"icmp": {"prober": "icmp"}, "tcp": {"prober": "tcp"}}


def test_a_probe_belongs_to_the_host_that_it_probes() -> None:
    """A host with other labels does not get the probe, and what nobody else is, is a new host."""
    hosts: dict[str, dict[str, t.Any]] = {
        "web": {"monitoring_address": "192.0.2.1"},
        "db": {"monitoring_labels": {"rack": "1"}},
        "m": {},
    }
    notes: list[str] = []
    add_probes(probes_of("192.0.2.1", "db", "192.0.2.9", "https://shop.example.com/"), hosts, "m", notes)
    add_probes(probes_of("db:5432", module="tcp", rack="1", team="x"), hosts, "m", notes)
    probes = {name: host.get("monitoring_probes") for name, host in hosts.items()}
    ping = {"module": "icmp", "job": "ping"}
    assert probes == {
        "web": [ping],
        "db": [{"module": "tcp", "target": "db:5432", "job": "ping", "labels": {"team": "x"}}],
        "m": [{**ping, "target": "db"}],
        "192.0.2.9": [ping],
        "shop.example.com": [{**ping, "target": "https://shop.example.com/"}],
    }
    assert notes == []


def test_a_prober_with_other_labels_does_not_have_the_probe() -> None:
    """A host without labels has it, and a host that the label host no longer names is in the notes."""
    hosts: dict[str, dict[str, t.Any]] = {"db": {"monitoring_labels": {"rack": "1"}}, "m": {"monitoring_labels": {"rack": "2"}}}
    notes: list[str] = []
    add_probes(probes_of("db", host="db"), hosts, "m", notes)
    assert hosts["m-probes-1"] == {"monitoring_probes": [{"module": "icmp", "target": "db", "job": "ping"}]}
    assert notes == ["the probe of db gets the label host=m-probes-1 instead of db, which has other labels"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"__scheme__": "https"}, "is scraped over https"),
        ({"__param_hostname": "x"}, "and no other parameter"),
        (
            {"__param_module": "own"},
            "blackbox_exporter_modules has no module own. To adopt the modules, too, add -e adopt_blackbox",
        ),
        ({"__param_module": "tcp"}, "the TCP probe of x has no port"),
    ],
)
def test_a_probe_that_the_inventory_cannot_have_is_a_reason(changed: dict[str, str], reason: str) -> None:
    """The others are accepted."""
    check_probe(probes_of("x")[0], MODULES)
    check_probe(probes_of("x:1", module="tcp")[0], MODULES)
    with pytest.raises(NotPlainError) as error:
        check_probe(probes_of("x", **changed)[0], MODULES)
    assert reason in str(error.value)


def test_a_probe_has_no_options() -> None:
    """A scrape config has the targets of several jobs."""
    (probe,) = probes_of("x")
    probe.options = {"sample_limit": 1}
    with pytest.raises(NotPlainError, match="a probe has no option sample_limit"):
        check_probe(probe, MODULES)


def test_other_exporters_with_this_path_do_not_probe() -> None:
    """The port or a name says which exporter it is."""
    path = {"__metrics_path__": "/probe", "__param_target": "x", "__param_module": "icmp"}
    assert not targets_of("ssl", "m:9219", **path)[0].is_probe
    assert targets_of("blackbox", "m:19115", **path)[0].is_probe
    assert targets_of("web", "m:9115", **path)[0].is_probe


def device_of(what: str = "switch1", at: str = "m:9116", **labels: str) -> t.Any:
    """Return a target that the SNMP exporter on the host m asks."""
    usual = {"__metrics_path__": "/snmp", "__param_module": "if_mib", "__param_target": what, "instance": what}
    (target,) = targets_of("network", at, **{**usual, **labels})
    target.host = target.address
    return target


def test_a_device_of_an_snmp_exporter_is_adopted() -> None:
    """Beside the probes of the same host, with the credentials that each release has."""
    (ping,) = probes_of("192.0.2.7")
    ping.host = "m"
    targets = [device_of("192.0.2.7"), device_of(__param_auth="public_v1"), ping]
    for target in targets:
        check_probe(target, MODULES)
    probes = by_prober([*targets, *targets_of("node", "m:9100")])
    assert groups_of(probes) == {"blackbox_exporter": {"m": {}}, "snmp_exporter": {"m": {}}}
    assert groups_of(by_prober([device_of(at="snmp.example.com:9999")])) == {
        "snmp_exporter": {"snmp.example.com": {"snmp_exporter_port": 9999}}
    }
    hosts: dict[str, dict[str, t.Any]] = {"sw": {"monitoring_address": "192.0.2.7"}}
    (of_devices, of_probes) = add_all(probes, hosts)
    assert hosts["sw"] == {
        "monitoring_address": "192.0.2.7",
        "monitoring_snmp": [{"module": "if_mib", "job": "network"}],
        "monitoring_probes": [{"module": "icmp", "job": "ping"}],
    }
    assert hosts["switch1"]["monitoring_snmp"] == [{"module": "if_mib", "job": "network", "auth": "public_v1"}]
    assert "the snmp exporter on m runs the probes" in of_devices
    assert "of the role blackbox_exporter" in of_probes


def test_credentials_of_their_own_stay_with_the_exporter() -> None:
    """The configuration of the exporter has them, and Prometheus does not."""
    with pytest.raises(NotPlainError, match="has the credentials fleet"):
        check_probe(device_of(__param_auth="fleet"), MODULES)
    with pytest.raises(NotPlainError, match="and no other parameter"):
        check_probe(device_of(__param_context="x"), MODULES)
