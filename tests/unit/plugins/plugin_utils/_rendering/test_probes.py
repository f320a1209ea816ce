# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What blackbox exporters probe."""

from __future__ import annotations

import json
import typing as t

import inventories
import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.probes import probe_targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import prometheus
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import expected_targets, scrape_targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.probes import validate_probes

SETTINGS = inventories.defaults("prometheus")
PROBER = inventories.defaults("blackbox_exporter")


def model(probes: dict[str, list[t.Any]], probers: t.Iterable[str] = ("m",), **settings: t.Any) -> dict[str, t.Any]:
    """Return a checked model: the probes of each host, those who probe, and the Prometheus m."""
    names = sorted({"m", *probes, *probers})
    hosts = {
        name: {
            "address": f"{name}.example.com",
            "roles": [],
            "labels": {"function": "web", "rack": name},
            "endpoints": [],
            "probes": probes.get(name, []),
        }
        for name in names
    }
    made = {
        "hosts": hosts,
        "servers": {
            "prometheus": {"m": {**SETTINGS, "scrape_hosts": names, **settings}},
            "alertmanager": {},
            "blackbox_exporter": dict.fromkeys(probers, PROBER),
        },
        "rules": {},
        "roles": {role: f"vigie.monitoring.{role}" for role in ("blackbox_exporter", "node_exporter")},
    }
    problems = Problems()
    validate_probes(made, problems)
    assert problems.lines == []
    return made


def test_a_probe_is_a_target_at_the_exporter() -> None:
    """With the labels of the host that wants it; its own address is the target where there is no other."""
    made = model(
        {"w": [{"module": "icmp"}, {"module": "http_2xx", "target": "https://w/", "labels": {"site": "shop", "rack": "r"}}]}
    )
    groups = probe_targets(made, "m")
    assert list(groups) == ["probe_http_2xx", "probe_icmp"]
    (site,) = groups["probe_http_2xx"]
    assert site["targets"] == ["m.example.com:9115"]
    assert site["labels"] == {
        "__metrics_path__": "/probe",
        "__param_module": "http_2xx",
        "__param_target": "https://w/",
        "instance": "https://w/",
        "module": "http_2xx",
        "prober": "m",
        "host": "w",
        "function": "web",
        "rack": "r",
        "site": "shop",
    }
    (ping,) = groups["probe_icmp"]
    assert (ping["labels"]["__param_target"], ping["labels"]["rack"]) == ("w.example.com", "w")


TCP = "a TCP probe needs host:port, and brackets around an IPv6 address: [2001:db8::1]:443"


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
    made = model({})
    made["hosts"]["m"]["probes"] = [probe]
    problems = Problems()
    validate_probes(made, problems)
    assert [line.partition(": ")[2] for line in problems.lines] == remedies


def test_what_several_hosts_want_is_probed_once() -> None:
    """With the labels that they share: a group's variable names a site of the group."""
    made = model({name: [{"module": "http_2xx", "target": "https://site/"}] for name in ("w1", "w2")})
    ((group,),) = probe_targets(made, "m").values()
    assert "host" not in group["labels"]
    assert "rack" not in group["labels"]
    assert group["labels"]["function"] == "web"


def test_several_probe_from_where_they_are() -> None:
    """Each is a target of its own; one that this server does not scrape does not probe for it."""
    wanted = {"w": [{"module": "icmp"}]}
    made = model(wanted, probers=("m", "n"))
    ((first, second),) = probe_targets(made, "m").values()
    assert [group["labels"]["instance"] for group in (first, second)] == ["w.example.com from m", "w.example.com from n"]
    assert second["targets"] == ["n.example.com:9115"]
    made["servers"]["prometheus"]["m"]["scrape_hosts"] = ["m", "w"]
    ((only,),) = probe_targets(made, "m").values()
    assert only["labels"]["instance"] == "w.example.com"
    made["servers"]["blackbox_exporter"] = {"m": {**PROBER, "blackbox_exporter_state": "absent"}}
    assert probe_targets(made, "m") == {}


def test_the_files_of_prometheus_have_them() -> None:
    """A job for each module, a file with its targets, and each is expected to be up."""
    made = model({"w": [{"module": "icmp"}]})
    files = prometheus.prometheus_tree(made, "m")
    assert json.loads(files["targets/probe_icmp.json"]) == probe_targets(made, "m")["probe_icmp"]
    assert "job_name: probe_icmp" in files["prometheus.yml"]
    assert scrape_targets(made, "m") == probe_targets(made, "m")
    expected = {"job": "probe_icmp", "instance": "w.example.com", "host": "w", "address": "m.example.com:9115"}
    assert expected_targets(made, "m") == [expected]
    assert expected_targets(made, "m", hosts=["w"], roles=["blackbox_exporter"]) == [expected]
    assert expected_targets(made, "m", hosts=["m"]) == []
    assert expected_targets(made, "m", roles=["node_exporter"]) == []


@pytest.mark.parametrize(
    ("probe", "where", "remedy"),
    [
        ("https://w/", "", "a probe is a dictionary"),
        ({"module": "http"}, ".module", "blackbox_exporter_modules has dns, http_2xx, icmp, tcp, tls"),
        ({"target": "w"}, ".module", "blackbox_exporter_modules has"),
        ({"module": "tcp", "target": 22}, ".target", "it is a text"),
        ({"module": "icmp", "port": 22}, "", "unknown; known are module, target, labels"),
        ({"module": "icmp", "labels": ["x"]}, ".labels", "it must be a dictionary"),
        ({"module": "icmp", "labels": {"host": "x"}}, ".labels.host", "host is reserved"),
    ],
)
def test_a_mistake_is_told(probe: t.Any, where: str, remedy: str) -> None:
    """Where it is, and what to do."""
    made = model({"w": []})
    made["hosts"]["w"]["probes"] = [{"module": "icmp"}, probe]
    problems = Problems()
    validate_probes(made, problems)
    (line,) = problems.lines
    assert line.startswith(f"host w, variable monitoring_probes[1]{where}, value ")
    assert remedy in line
    assert len(made["hosts"]["w"]["probes"]) == 1


def test_somebody_has_to_probe() -> None:
    """Otherwise nobody would notice that nothing is probed."""
    made = model({"w": [{"module": "icmp"}]})
    made["servers"]["blackbox_exporter"] = {}
    problems = Problems()
    validate_probes(made, problems)
    assert "put a host into the group of the role blackbox_exporter" in problems.lines[0]
