# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets of a blackbox exporter as monitoring_probes."""

from __future__ import annotations

import typing as t

import pytest
from adoptions import probes_of, targets_of

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.adopted_probes import add_probes, check_probe
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
