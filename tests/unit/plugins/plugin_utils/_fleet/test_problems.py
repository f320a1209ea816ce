# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The problems of an inventory are reported together."""

from __future__ import annotations

from pathlib import Path

from inventories import problems_of, simple


def test_ten_mistakes_are_ten_lines(tmp_path: Path) -> None:
    """Each with host, variable, value and remedy, all in one run; none hides another."""
    host = {
        "monitoring_labels": {"bad-name": "x", "__name__": "x", "instance": "x", "rack": 12, "broken": "{{ nowhere }}"},
        "monitoring_thresholds": {"memory_used_percent": "much"},
        "node_exporter_port": 70000,
        "monitoring_scrapes": [{"job": "a b", "port": 1}],
        "monitoring_probes": "none",
        "monitoring_address": "http://h",
    }
    text = "a label's name has letters, digits and underscores, and starts with no digit"
    assert sorted(problems_of(tmp_path, simple(host))) == [
        (
            "host h, variable monitoring_address, value 'http://h': "
            "an address is a name, an IPv4 or an IPv6 address, without scheme and port"
        ),
        "host h, variable monitoring_labels.__name__, value 'x': __name__ is reserved: choose another name for the label",
        f"host h, variable monitoring_labels.bad-name, value 'x': {text}",
        "host h, variable monitoring_labels.broken, value '{{ nowhere }}': it cannot be templated: 'nowhere' is undefined",
        "host h, variable monitoring_labels.instance, value 'x': instance is reserved: choose another name for the label",
        (
            "host h, variable monitoring_labels.rack, value 12: "
            "a label's value is a text: put it in quotes, or `| string` behind it in a template"
        ),
        "host h, variable monitoring_probes, value 'none': it must be a list",
        "host h, variable monitoring_scrapes[a b].job, value 'a b': a job's name has letters, digits, and any of _ . : -",
        (
            "host h, variable monitoring_thresholds.memory_used_percent, value 'much': "
            "a threshold is a number, or a dictionary of numbers by severity"
        ),
        "host h, variable node_exporter_port, value 70000: a port is a number from 1 to 65535",
    ]


def test_one_mistake_of_a_group_is_one_line(tmp_path: Path) -> None:
    """However many hosts have it."""
    hosts = {f"h{index}": None for index in range(7)}
    files = simple(node_exporter={"hosts": hosts})
    files["group_vars/node_exporter.yml"] = {"monitoring_labels": {"a-b": "x"}}
    (problem,) = problems_of(tmp_path, files)
    assert problem.startswith("host h0, h1, h2 and 4 more, variable monitoring_labels.a-b")
