# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a Prometheus server, and what it says beside the inventory."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import inventories
import pytest
import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import local_directory, preview, prometheus, targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification import coverage

SETTINGS = {**inventories.defaults("prometheus"), "scrape_hosts": ["a"]}


def endpoint(**changes: t.Any) -> dict[str, t.Any]:
    """Return an endpoint of the model."""
    usual = {
        "role": "node_exporter",
        "job": "node",
        "port": 9100,
        "path": "/metrics",
        "scheme": "http",
        "params": {},
        "labels": {},
    }
    return {**usual, "instance": "a:9100", **changes}


def model(*endpoints: dict[str, t.Any], address: str = "192.0.2.1", **settings: t.Any) -> dict[str, t.Any]:
    """Return a model with the host *a* and the server *p*."""
    return {
        "hosts": {"a": {"address": address, "roles": [], "labels": {"function": "web"}, "endpoints": list(endpoints)}},
        "servers": {"prometheus": {"p": {**SETTINGS, **settings}}, "alertmanager": {}},
        "rules": {"prometheus": "groups: []\n"},
    }


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


def test_what_no_label_can_say_is_said_of_the_job() -> None:
    """Several values of one parameter, and names that no label can have."""
    fleet = model(endpoint(params={"match[]": ["x"], "q": ["x", "y"], "one": ["z"]}))
    (config,) = prometheus.scrape_configs(fleet, "p")
    assert config["params"] == {"match[]": ["x"], "q": ["x", "y"]}
    ((group,),) = targets.scrape_targets(fleet, "p").values()
    assert {name for name in group["labels"] if name.startswith("__param")} == {"__param_one"}


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


def test_a_fleet_without_a_server_has_nothing_to_render() -> None:
    """What was rendered before is not lost by a wrong inventory."""
    with pytest.raises(ValueError, match="the inventory has no Prometheus server: put one into its group"):
        preview.rendered_files({"hosts": {}, "servers": {"prometheus": {}}, "rules": {}})


def test_a_server_scrapes_the_hosts_that_it_selects() -> None:
    """And no others."""
    assert targets.scrape_targets(model(endpoint(), scrape_hosts=["b"]), "p") == {}


def test_a_server_that_is_none_is_an_error_that_lists_them() -> None:
    """With the remedy."""
    with pytest.raises(ValueError, match=r"x is not in the inventory's group for prometheus: put it there \(there are: p"):
        targets.scrape_targets(model(), "x")


def test_the_tree() -> None:
    """Relative paths, one target a line, own rules and scrape configs."""
    rules = [{"name": "mine", "rules": [{"alert": "A", "expr": "vector(1)"}]}]
    config = [{"job_name": "own", "static_configs": [{"targets": ["x:1"]}]}]
    files = prometheus.prometheus_tree(
        model(endpoint(), endpoint(port=1, instance="a:1"), prometheus_extra_rules=rules, prometheus_extra_scrape_configs=config),
        "p",
    )
    assert sorted(files) == ["prometheus.yml", "rules/extra.yml", "rules/prometheus.yml", "targets/node.json"]
    assert len(files["targets/node.json"].splitlines()) == 4
    assert len(json.loads(files["targets/node.json"])) == 2
    main = yaml.safe_load(files["prometheus.yml"])
    assert main["scrape_configs"] == [{"job_name": "node", "file_sd_configs": [{"files": ["targets/node.json"]}]}, *config]
    assert yaml.safe_load(files["rules/extra.yml"]) == {"groups": rules}
    assert "alerting" not in main


def test_every_alertmanager_is_told() -> None:
    """But not one that is being removed."""
    fleet = model(endpoint())
    fleet["servers"]["alertmanager"] = {
        "a": {"alertmanager_port": 9093, "alertmanager_state": "present"},
        "p": {"alertmanager_port": 9093, "alertmanager_state": "absent"},
    }
    alerting = prometheus.prometheus_config(fleet, "p")["alerting"]
    assert alerting == {"alertmanagers": [{"static_configs": [{"targets": ["192.0.2.1:9093"]}]}]}


def test_a_path_of_an_alertmanager_is_told(tmp_path: Path) -> None:
    """As one group for each path; it is scraped below its path, and so is Prometheus."""
    inventory = {
        "prometheus": {"hosts": {"p": {"prometheus_external_url": "https://example.com/prometheus"}}},
        "alertmanager": {
            "hosts": {
                "a": {"alertmanager_external_url": "https://example.com/alerts/"},
                "b": {"alertmanager_flags": {"web.route-prefix": "/alerts"}},
                "c": {"alertmanager_external_url": "https://example.com"},
            }
        },
    }
    fleet, problems = inventories.Made(tmp_path, {"hosts.yml": inventory}).build(contracts())
    assert problems == []
    assert prometheus.prometheus_config(fleet, "p")["alerting"]["alertmanagers"] == [
        {"path_prefix": "/alerts", "static_configs": [{"targets": ["a:9093", "b:9093"]}]},
        {"static_configs": [{"targets": ["c:9093"]}]},
    ]
    paths = {name: [item["path"] for item in its["endpoints"]] for name, its in fleet["hosts"].items()}
    assert paths == {"a": ["/alerts/metrics"], "b": ["/alerts/metrics"], "c": ["/metrics"], "p": ["/prometheus/metrics"]}


def test_expected_targets_of_some_hosts_and_roles() -> None:
    """What a run answers for."""
    fleet = model(endpoint(), endpoint(role="", job="app", port=1, instance="a:1"))
    fleet["roles"] = {"node_exporter": "vigie.monitoring.node_exporter"}
    assert [x["job"] for x in targets.expected_targets(fleet, "p")] == ["node", "app"]
    assert [x["job"] for x in targets.expected_targets(fleet, "p", roles=["node_exporter"])] == ["node"]
    assert [x["job"] for x in targets.expected_targets(fleet, "p", roles=["a tag"])] == ["node", "app"]
    assert targets.expected_targets(fleet, "p", hosts=["b"]) == []


def test_coverage_tells_each_state() -> None:
    """Up, down with the reason, not scraped yet, missing, extra."""
    expected = [{"host": h, "job": "node", "instance": f"{h}:9100", "address": f"{h}:9100"} for h in "abcd"]
    active = [
        {"host": "a", "job": "node", "instance": "a:9100", "health": "up", "last_error": ""},
        {"host": "b", "job": "node", "instance": "b:9100", "health": "down", "last_error": "refused"},
        {"host": "c", "job": "node", "instance": "c:9100", "health": "unknown", "last_error": ""},
        {"host": "e", "job": "node", "instance": "e:9100", "health": "up", "last_error": ""},
    ]
    rows = coverage.coverage(expected, active)
    assert [(row["host"], row["state"], row["reason"]) for row in rows] == [
        ("a", "up", ""),
        ("b", "down", "refused"),
        ("c", "down", "not scraped yet"),
        ("d", "missing", "Prometheus does not know this target"),
        ("e", "extra", "the inventory does not have this target"),
    ]
    assert len(coverage.coverage(expected, active, hosts="abcd")) == 4
    table = coverage.table(rows)
    assert table[0].split() == ["HOST", "JOB", "ADDRESS", "STATE", "REASON"]
    assert len({line.index(row["state"]) for line, row in zip(table[1:-1], rows, strict=True)}) == 1
    assert table[-1] == "1 of 5 targets are up"


def test_rendered_files_come_and_go(tmp_path: Path) -> None:
    """What is stale is removed with its directory; what somebody else left is refused; hidden files are left alone."""
    out = tmp_path / "out"
    for files in ({"p/a": "1", "q/b": "2"}, {"p/a": "3"}):
        local_directory.write(out, local_directory.plan(out, files))
        assert {str(x.relative_to(out)): x.read_text() for x in out.rglob("[a-z]") if x.is_file()} == files
        assert local_directory.plan(out, files) == []
    assert not (out / "q").exists()
    (out / ".git").mkdir()
    (out / ".git/config").write_text("x")
    assert local_directory.plan(out, {"p/a": "3"}) == []
    local_directory.write(out, local_directory.plan(out, {"p/a": ""}))
    assert (out / "p/a").read_text() == ""
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ValueError, match="holds files that were not rendered"):
        local_directory.plan(tmp_path, {})
