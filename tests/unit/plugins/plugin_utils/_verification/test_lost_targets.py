# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a run would remove more targets from a Prometheus server than it may."""

from __future__ import annotations

import base64
import copy
import json
import typing as t
from pathlib import Path

import inventories
import pytest
from held_targets import held

from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import formats
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification import lost_targets


def host(name: str, place: str, *ports: int) -> dict[str, t.Any]:
    """Return a host of the model, which has node_exporter and what listens on other *ports*."""
    usual = {"role": "", "path": "/metrics", "scheme": "http", "params": {}, "labels": {}}
    endpoints = [
        {**usual, "job": "node" if port == 9100 else "app", "port": port, "instance": f"{name}:{port}"} for port in (9100, *ports)
    ]
    return {"address": f"{name}.test", "roles": [], "versions": {}, "labels": {"place": place}, "endpoints": endpoints}


def fleet(*servers: str, **settings: t.Any) -> dict[str, t.Any]:
    """Return a model of 20 hosts in Lyon and 12 in Paris, two of them with an application, and Prometheus *servers* for all."""
    hosts = {f"lyo{n:02}": host(f"lyo{n:02}", "lyo") for n in range(20)}
    hosts |= {f"par{n:02}": host(f"par{n:02}", "par", *([8080] if n < 2 else [])) for n in range(12)}
    its = {**inventories.defaults("prometheus"), "scrape_hosts": sorted(hosts), **settings}
    return {
        "hosts": hosts,
        "servers": {"prometheus": {name: copy.deepcopy(its) for name in servers or ("p",)}, "alertmanager": {}},
        "rules": {},
    }


def without(model: dict[str, t.Any], *prefixes: str) -> dict[str, t.Any]:
    """Return *model* without the hosts whose names start so."""
    kept = {name: its for name, its in model["hosts"].items() if not name.startswith(prefixes)}
    return {**model, "hosts": kept}


def test_a_datacentre_whose_file_was_left_out(tmp_path: Path) -> None:
    """How many are lost, which hosts are gone, and what the targets that are gone have in common."""
    before = fleet()
    (line,) = lost_targets.lost_targets(without(before, "par"), held(tmp_path, before))
    assert line == (
        "p: this run would remove 14 of 34 targets from Prometheus, more than prometheus_max_lost_targets (20%) allows. "
        "Hosts that are not in the inventory: "
        "par00, par01, par02, par03, par04, par05, par06, par07, par08, par09, par10, par11. "
        "Labels and jobs without a target left: place=par (14 targets), job=app (2 targets). "
        "Complete the inventory. If the removal is intended, run the playbook once with -e prometheus_lost_targets=accept."
    )


def test_hosts_that_leave_a_group_stay_named(tmp_path: Path) -> None:
    """They are in the inventory: their jobs are told."""
    before = fleet()
    after = copy.deepcopy(before)
    for name in ("par00", "par01", *(f"lyo{n:02}" for n in range(8))):
        after["hosts"][name]["endpoints"] = []
    (line,) = lost_targets.lost_targets(after, held(tmp_path, before))
    assert "would remove 12 of 34 targets" in line
    assert "Hosts that lose targets: lyo00 (node), lyo01 (node)," in line
    assert "par00 (app, node), par01 (app, node)." in line
    assert "not in the inventory" not in line
    assert "Labels and jobs without a target left: job=app (2 targets)." in line


def test_a_long_list_of_hosts_is_cut(tmp_path: Path) -> None:
    """The groups tell the rest."""
    before = fleet()
    (line,) = lost_targets.lost_targets(without(before, "par", "lyo0", "lyo10"), held(tmp_path, before))
    assert "lyo00, lyo01," in line
    assert ", par08 and 3 more." in line


@pytest.mark.parametrize(
    ("gone", "limit", "refused"),
    [
        (["par"], "20%", True),
        (["par"], "50%", False),
        (["par"], 14, False),
        (["par"], "13", True),
        # More than 20 %, but no more than five.
        (["lyo0"], "20%", True),
        (["lyo00"], "20%", False),
        (["lyo00"], 0, True),
        (["lyo00"], "0%", False),
        (["par", "lyo"], "100%", False),
    ],
)
def test_how_many_may_go(tmp_path: Path, gone: list[str], limit: t.Any, *, refused: bool) -> None:
    """A share of the server's targets, and five in any case; or a number."""
    before = fleet(prometheus_max_lost_targets=limit)
    assert bool(lost_targets.lost_targets(without(before, *gone), held(tmp_path, before))) is refused


def test_five_of_a_small_fleet_may_go(tmp_path: Path) -> None:
    """More than 20 % of it; a sixth may not."""
    before = without(fleet(), "lyo", "par1")
    results = held(tmp_path, before)
    assert lost_targets.lost_targets(without(before, "par00", "par01", "par02"), results) == []
    assert lost_targets.lost_targets(without(before, "par00", "par01", "par02", "par03"), results) != []


def test_targets_that_stay_are_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a fleet that has one host more; what a host loses is found in any case."""
    before = fleet(prometheus_max_lost_targets=0)
    results = held(tmp_path, without(before, "par05"))
    with monkeypatch.context() as patch:
        patch.setattr(lost_targets, "_targets", lambda _files: pytest.fail("the targets are parsed"))
        assert lost_targets.lost_targets(before, results) == []
    assert lost_targets.lost_targets(without(before, "par11"), results) != []


def test_one_run_may_accept_it(tmp_path: Path) -> None:
    """As an extra variable, which all servers have."""
    before = fleet(prometheus_lost_targets="accept")
    assert lost_targets.lost_targets(without(before, "par"), held(tmp_path, before)) == []


def test_what_is_still_scraped_is_not_lost(tmp_path: Path) -> None:
    """Hosts with other addresses, other names, other ports, other labels; targets of other jobs."""
    before = fleet(prometheus_max_lost_targets=0)
    results = held(tmp_path, before)
    after = copy.deepcopy(before)
    for its in after["hosts"].values():
        its["address"] = f"192.0.2.1{its['address']}"
    assert lost_targets.lost_targets(after, results) == []
    after = fleet(prometheus_max_lost_targets=0)
    for name in list(after["hosts"]):
        its = after["hosts"].pop(name)
        after["hosts"][f"new-{name}"] = its
        for item in its["endpoints"]:
            item["instance"] = f"new-{item['instance']}"
    after["servers"]["prometheus"]["p"]["scrape_hosts"] = list(after["hosts"])
    assert lost_targets.lost_targets(after, results) == []
    after = copy.deepcopy(before)
    for name, its in after["hosts"].items():
        its["labels"] = {"place": "elsewhere"}
        for item in its["endpoints"]:
            item.update(port=item["port"] + 1, instance=f"{name}:{item['port'] + 1}")
    assert lost_targets.lost_targets(after, results) == []
    after = copy.deepcopy(before)
    for its in after["hosts"].values():
        for item in its["endpoints"]:
            item["job"] = f"new-{item['job']}"
    assert lost_targets.lost_targets(after, results) == []


def test_a_host_that_loses_one_of_two_targets_of_a_job_loses_one(tmp_path: Path) -> None:
    """What is left is no substitute for it."""
    before = fleet(prometheus_max_lost_targets=0)
    before["hosts"]["par00"]["endpoints"].append({**before["hosts"]["par00"]["endpoints"][1], "port": 1, "instance": "par00:1"})
    results = held(tmp_path, before)
    after = copy.deepcopy(before)
    del after["hosts"]["par00"]["endpoints"][1:]
    (line,) = lost_targets.lost_targets(after, results)
    assert "would remove 2 of 35 targets" in line
    after = copy.deepcopy(before)
    after["hosts"]["par00"]["endpoints"][1:] = [{**after["hosts"]["par00"]["endpoints"][1], "port": 2, "instance": "par00:2"}]
    (line,) = lost_targets.lost_targets(after, results)
    assert "would remove 1 of 35 targets" in line


def test_hosts_that_move_to_another_server_are_not_lost(tmp_path: Path) -> None:
    """Somebody scrapes them: unless that server is to be absent."""
    before = fleet("p", "q")
    results = held(tmp_path, before, "p", "q")
    after = copy.deepcopy(before)
    lyo = [name for name in after["hosts"] if name.startswith("lyo")]
    after["servers"]["prometheus"]["p"]["scrape_hosts"] = lyo
    assert lost_targets.lost_targets(after, results) == []
    after["servers"]["prometheus"]["q"]["prometheus_state"] = "absent"
    # Nor is it asked for its own.
    (line,) = lost_targets.lost_targets(after, results)
    assert line.startswith("p: this run would remove 14 of 34 targets")
    after["servers"]["prometheus"]["q"].update(prometheus_state="present", scrape_hosts=lyo)
    assert [line.partition(":")[0] for line in lost_targets.lost_targets(after, results)] == ["p", "q"]


def test_who_is_taken_out_is_not_lost(tmp_path: Path) -> None:
    """The others are."""
    before = fleet(prometheus_max_lost_targets=0)
    results = held(tmp_path, before)
    assert lost_targets.lost_targets(without(before, "par00"), results, without=["par00"]) == []
    (line,) = lost_targets.lost_targets(without(before, "par00", "par01"), results, without=["par00"])
    assert "would remove 2 of 34 targets" in line


def test_what_is_probed(tmp_path: Path) -> None:
    """All of it is asked for at one address: what tells probes apart are their parameters."""
    before = fleet(prometheus_max_lost_targets=0)
    before["hosts"]["lyo00"]["endpoints"].append(
        {
            **before["hosts"]["lyo00"]["endpoints"][0],
            "role": "blackbox_exporter",
            "job": "blackbox",
            "port": 9115,
            "instance": "x",
        }
    )
    before["servers"]["blackbox_exporter"] = {"lyo00": {"blackbox_exporter_state": "present", "blackbox_exporter_port": 9115}}
    before["hosts"]["par00"]["probes"] = [
        {"module": "http_2xx", "target": f"https://{name}.test", "labels": {}} for name in ("a", "b", "c")
    ]
    results = held(tmp_path, before)
    after = copy.deepcopy(before)
    after["hosts"]["par00"]["probes"].pop()
    assert lost_targets.lost_targets(before, results) == []
    (line,) = lost_targets.lost_targets(after, results)
    assert "would remove 1 of 38 targets" in line
    assert "Hosts that lose targets: par00 (probe_http_2xx)." in line


@pytest.mark.parametrize(
    "answer",
    [
        {"unreachable": True, "msg": "Connection timed out"},
        {"rc": 2, "stdout": "", "failed": True},
        {"rc": 0, "stdout": ""},
        {"rc": 0, "stdout": base64.b64encode(b"no archive").decode()},
    ],
)
def test_a_server_that_tells_nothing_is_no_reason_to_stop(answer: dict[str, t.Any]) -> None:
    """It cannot be reached, it is fresh, or its disk is broken."""
    assert lost_targets.lost_targets(without(fleet(), "par"), [{"__prometheus_server": "p", **answer}]) == []


def test_files_that_are_not_ours(tmp_path: Path) -> None:
    """Those of a Prometheus that is migrated: groups of many targets, with no label of ours. Other files are passed over."""
    before = fleet(prometheus_max_lost_targets=0)
    (tmp_path / "p" / "targets").mkdir(parents=True)
    groups = [{"targets": ["lyo00.test:9100", "old.test:9100"]}, {"targets": ["par00.test:8080"], "labels": {"x": "y"}}]
    (tmp_path / "p" / "targets" / "theirs.json").write_text(json.dumps(groups))
    (tmp_path / "p" / "targets" / "broken.json").write_text("{")
    (tmp_path / "p" / "targets" / "other.json").write_text('[1, {"targets": null}]')
    (tmp_path / "p" / "targets" / "theirs.json.before").write_text('[{"targets": ["z:1"]}]')
    (line,) = lost_targets.lost_targets(before, held(tmp_path, {**before, "hosts": {}}))
    assert "would remove 1 of 3 targets" in line
    assert "Hosts that are not in the inventory: old.test:9100." in line


@pytest.mark.parametrize("limit", ["a lot", "-1", -1, "20 %%", 1.5, None, True, ""])
def test_a_limit_that_is_none(limit: t.Any) -> None:
    """The remedy says what one looks like."""
    assert formats.lost_targets_limit_problem(limit)


@pytest.mark.parametrize("limit", ["20%", "20 %", 0, "7", 7])
def test_a_limit_that_is_one(limit: t.Any) -> None:
    """A number, or a share."""
    assert formats.lost_targets_limit_problem(limit) is None
