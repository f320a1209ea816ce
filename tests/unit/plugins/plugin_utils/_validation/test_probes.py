# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes and devices of the inventory: what is refused, and with which remedy."""

from __future__ import annotations

import typing as t

import inventories
import pytest
from models import probing_model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.probes import validate_probes

TCP = "a TCP probe needs host:port. Put brackets around an IPv6 address: [2001:db8::1]:443"


@pytest.mark.parametrize(
    ("probe", "remedies"),
    [
        ({"module": "tcp", "target": "2001:db8::1:443"}, [TCP]),
        ({"module": "tls", "target": "2001:db8::1:443"}, [TCP]),
        ({"module": "tcp", "target": "www.example.com"}, [TCP]),
        ({"module": "tcp", "target": "https://www.example.com/"}, [TCP]),
        ({"module": "tcp"}, [TCP]),
        ({"module": "tcp", "target": "[2001:db8::1]:443"}, []),
        ({"module": "tcp", "target": "[fe80::1%eth0]:443"}, []),
        ({"module": "tls", "target": "www.example.com:https"}, []),
        ({"module": "tcp", "target": "192.0.2.1:22"}, []),
        ({"module": "icmp", "target": "2001:db8::1"}, []),
        ({"module": "dns", "target": "2001:db8::1"}, []),
    ],
)
def test_a_tcp_probe_has_a_port(probe: dict[str, t.Any], remedies: list[str]) -> None:
    """Which an IPv6 address without brackets swallows."""
    made = probing_model({})
    made["hosts"]["m"]["probes"] = [probe]
    problems = Problems()
    validate_probes(made, problems)
    assert [line.partition(": ")[2] for line in problems.lines] == remedies


@pytest.mark.parametrize(
    ("probe", "where", "remedy"),
    [
        ("https://w/", "", "must be a dictionary with module and target"),
        ({"module": "http"}, ".module", "blackbox_exporter_modules has dns, http_2xx, icmp, tcp, tls"),
        ({"target": "w"}, ".module", "blackbox_exporter_modules has"),
        ({"module": "tcp", "target": 22}, ".target", "must be a string"),
        (
            {"module": "icmp", "port": 22},
            "",
            "unknown key. The known keys are module, target, labels, job, instance, scrape_interval, scrape_timeout",
        ),
        ({"module": "icmp", "job": "a b"}, ".job", "must be a string of letters, digits and the characters"),
        ({"module": "icmp", "instance": 1}, ".instance", "must be a string"),
        ({"module": "icmp", "scrape_interval": 30}, ".scrape_interval", "must be a duration with a unit"),
        ({"module": "icmp", "labels": ["x"]}, ".labels", "must be a dictionary"),
        ({"module": "icmp", "labels": {"host": "x"}}, ".labels.host", "host is reserved"),
    ],
)
def test_a_mistake_is_told(probe: t.Any, where: str, remedy: str) -> None:
    """Where it is, and what to do."""
    made = probing_model({"w": []})
    made["hosts"]["w"]["probes"] = [{"module": "icmp"}, probe]
    problems = Problems()
    validate_probes(made, problems)
    (line,) = problems.lines
    assert line.startswith(f"host w, variable monitoring_probes[1]{where}, value ")
    assert remedy in line
    assert len(made["hosts"]["w"]["probes"]) == 1


def test_somebody_has_to_probe() -> None:
    """Otherwise nobody would notice that nothing is probed."""
    made = probing_model({"w": [{"module": "icmp"}]})
    made["servers"]["blackbox_exporter"] = {}
    problems = Problems()
    validate_probes(made, problems)
    assert "no host of the inventory runs blackbox_exporter. Add a host" in problems.lines[0]


def snmp_problems(device: t.Any, **settings: t.Any) -> list[str]:
    """Return the problems of *device* beside a valid one, in a fleet with an SNMP exporter with these *settings*."""
    made = probing_model({"w": []})
    made["servers"]["snmp_exporter"] = {"m": {**inventories.defaults("snmp_exporter"), **settings}}
    made["hosts"]["w"]["snmp"] = [{"module": "if_mib"}, device]
    problems = Problems()
    validate_probes(made, problems)
    assert len(made["hosts"]["w"]["snmp"]) == 2 - len(problems.lines)
    return problems.lines


@pytest.mark.parametrize(
    ("device", "where", "remedy"),
    [
        ("switch1", "", "must be a dictionary with target, module and auth"),
        ({"module": ["if_mib"]}, ".module", "must be the name of one module of snmp.yml"),
        ({"target": "switch1"}, ".module", "must be the name of one module of snmp.yml"),
        ({"module": "if_mib", "target": 22}, ".target", "must be a string"),
        ({"module": "if_mib", "auth": "mine"}, ".auth", "snmp_exporter_auths and the release have fleet, public_v1, public_v2"),
        ({"module": "if_mib", "auth": ["fleet"]}, ".auth", "unknown credentials"),
        ({"module": "if_mib", "community": "x"}, "", "unknown key. The known keys are target, module, auth, labels"),
        ({"module": "if_mib", "scrape_interval": 30}, ".scrape_interval", "must be a duration with a unit"),
        ({"module": "if_mib", "labels": {"host": "x"}}, ".labels.host", "host is reserved"),
    ],
)
def test_a_mistake_of_a_device_is_reported(device: t.Any, where: str, remedy: str) -> None:
    """The message has the place and the remedy, and other devices stay."""
    (line,) = snmp_problems(device, snmp_exporter_auths={"fleet": {}})
    assert line.startswith(f"host w, variable monitoring_snmp[1]{where}, value ")
    assert remedy in line


def test_a_device_has_the_credentials_of_the_release_or_of_the_role() -> None:
    """The credentials are optional."""
    for device in ({}, {"auth": "public_v1"}, {"auth": "fleet"}):
        assert snmp_problems({"module": "if_mib", **device}, snmp_exporter_auths={"fleet": {}}) == []
    assert len(snmp_problems({"module": "if_mib"}, snmp_exporter_state="absent")) == 2
