# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of the inventory: what is refused, and with which remedy."""

from __future__ import annotations

import typing as t

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
