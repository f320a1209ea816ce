# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of a Prometheus server."""

from __future__ import annotations

import json
import typing as t

from models import endpoint, model, probing_model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.probes import probe_targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import prometheus, targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import expected_targets, scrape_targets


def one(*args: t.Any, **kwargs: t.Any) -> dict[str, t.Any]:
    """Return the one target group."""
    ((group,),) = targets.scrape_targets(model(*args, **kwargs), "p").values()
    return group


def test_a_plain_target() -> None:
    """The host's labels, its name, and the instance."""
    labels = {"function": "web", "host": "a", "instance": "a:9100"}
    assert one(endpoint()) == {"targets": ["192.0.2.1:9100"], "labels": labels}


def test_an_ipv6_address_gets_brackets() -> None:
    """As in a URL."""
    assert one(endpoint(), address="2001:db8::1")["targets"] == ["[2001:db8::1]:9100"]


def test_what_is_unusual_goes_along_as_labels() -> None:
    """Path, scheme and parameters are per target; an endpoint's labels win over the host's. The order is always the same."""
    group = one(endpoint(path="/m", scheme="https", params={"q": ["x"]}, labels={"function": "api", "a": "b"}))
    assert list(group["labels"].items()) == [
        ("host", "a"),
        ("instance", "a:9100"),
        ("__metrics_path__", "/m"),
        ("__param_q", "x"),
        ("__scheme__", "https"),
        ("a", "b"),
        ("function", "api"),
    ]


def test_the_files_hold_the_targets() -> None:
    """In any script, with whatever JSON escapes, and the labels that hosts share are not mixed up."""
    fleet = model(endpoint(labels={"x": 'Zürich "☃"\\\n'}), endpoint(job="app", port=1, instance="a:1"), address="2001:db8::1")
    fleet["hosts"]["b"] = {**fleet["hosts"]["a"], "endpoints": [endpoint(instance="b:9100", path="/b")]}
    fleet["hosts"]["p"] = {**fleet["hosts"]["a"], "labels": {"function": "other"}, "endpoints": [endpoint(instance="p:9100")]}
    fleet["hosts"]["q"] = {**fleet["hosts"]["a"], "endpoints": [endpoint(instance="q:9100")]}
    fleet["servers"]["prometheus"]["p"]["scrape_hosts"] = ["a", "b", "p", "q"]
    files = targets.targets_files(fleet, "p")
    assert {job: json.loads(text) for job, text in files.items()} == targets.scrape_targets(fleet, "p")
    assert "Zürich" in files["node"]
    assert len(files["node"].splitlines()) == 6


def test_a_server_scrapes_the_hosts_that_it_selects() -> None:
    """And no others."""
    assert targets.scrape_targets(model(endpoint(), scrape_hosts=["b"]), "p") == {}


def test_expected_targets_of_some_hosts_and_roles() -> None:
    """What a run answers for."""
    fleet = model(endpoint(), endpoint(role="", job="app", port=1, instance="a:1"))
    fleet["roles"] = {"node_exporter": "vigie.monitoring.node_exporter"}
    assert [x["job"] for x in targets.expected_targets(fleet, "p")] == ["node", "app"]
    assert [x["job"] for x in targets.expected_targets(fleet, "p", roles=["node_exporter"])] == ["node"]
    assert [x["job"] for x in targets.expected_targets(fleet, "p", roles=["a tag"])] == ["node", "app"]
    assert targets.expected_targets(fleet, "p", hosts=["b"]) == []


def test_the_files_of_prometheus_have_them() -> None:
    """A job for each module, a file with its targets, and each is expected to be up."""
    made = probing_model({"w": [{"module": "icmp"}]})
    files = prometheus.prometheus_tree(made, "m")
    assert json.loads(files["targets/probe_icmp.json"]) == probe_targets(made, "m")["probe_icmp"]
    assert "job_name: probe_icmp" in files["prometheus.yml"]
    assert scrape_targets(made, "m") == probe_targets(made, "m")
    expected = {"job": "probe_icmp", "instance": "w.example.com", "host": "w", "address": "m.example.com:9115"}
    assert expected_targets(made, "m") == [expected]
    assert expected_targets(made, "m", hosts=["w"], roles=["blackbox_exporter"]) == [expected]
    assert expected_targets(made, "m", hosts=["m"]) == []
    assert expected_targets(made, "m", roles=["node_exporter"]) == []
