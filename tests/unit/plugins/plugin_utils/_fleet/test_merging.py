# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that merge down the groups of a host."""

from __future__ import annotations

from pathlib import Path

from inventories import AWKWARD, Made, simple


def test_labels_merge_in_the_same_order_of_precedence(tmp_path: Path) -> None:
    """The strongest value of each label wins, as it would if the whole variable were replaced."""
    model, problems = Made(tmp_path, AWKWARD, {"monitoring_labels": {"only_all": "extra"}}).build()
    assert problems == []
    assert model["hosts"]["h1"]["labels"] == {
        "a": "alpha-file",
        "f": "all-file",
        "h": "file",
        "only_all": "extra",
        "only_alpha": "x",
    }
    assert model["hosts"]["h2"]["labels"]["p"] == "play"
    assert model["hosts"]["h3"]["labels"]["d"] == "host-h3"


def test_thresholds_and_probes_merge_too(tmp_path: Path) -> None:
    """Numbers by name; by severity where there are several."""
    files = simple({"monitoring_thresholds": {"memory_used_percent": 85}, "monitoring_probes": [{"module": "icmp"}]})
    files["group_vars/all.yml"] = {
        "monitoring_thresholds": {
            "memory_used_percent": 88,
            "disk_used_percent": {"warning": "80.5", "critical": "{{ 45 * 2 }}"},
        },
        "monitoring_probes": [{"module": "http_2xx", "target": "https://{{ inventory_hostname }}/"}],
    }
    host = Made(tmp_path, files).host("h")
    assert host["thresholds"] == {"memory_used_percent": 85, "disk_used_percent": {"warning": 80.5, "critical": 90}}
    assert host["probes"] == [{"module": "http_2xx", "target": "https://h/"}, {"module": "icmp"}]


def test_a_null_takes_a_label_of_the_group_away(tmp_path: Path) -> None:
    """A host need not have what its groups have, not even what is wrong there."""
    files = simple({"monitoring_labels": {"a": None, "bad-name": None, "j": None}})
    files["group_vars/all.yml"] = {"monitoring_labels": {"a": "x", "b": "y", "j": "{{ site }}"}}
    files["group_vars/node_exporter.yml"] = {"monitoring_labels": {"bad-name": "x"}}
    assert Made(tmp_path, files).host("h")["labels"] == {"b": "y"}


def test_hosts_do_not_share_what_one_of_them_adds(tmp_path: Path) -> None:
    """The same groups, but labels of their own."""
    files = simple(node_exporter={"hosts": {"h1": None, "h2": {"monitoring_labels": {"a": "own", "b": "own"}}, "h3": None}})
    files["group_vars/all.yml"] = {"monitoring_labels": {"a": "group"}}
    model, _problems = Made(tmp_path, files).build()
    assert [model["hosts"][name]["labels"] for name in ("h1", "h2", "h3")] == [
        {"a": "group"},
        {"a": "own", "b": "own"},
        {"a": "group"},
    ]
