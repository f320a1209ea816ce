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
    text = "a label name must consist of letters, digits and underscores, and must not start with a digit"
    assert sorted(problems_of(tmp_path, simple(host))) == [
        (
            "host h, variable monitoring_address, value 'http://h': "
            "must be a host name, an IPv4 address or an IPv6 address, without scheme and port"
        ),
        "host h, variable monitoring_labels.__name__, value 'x': the label name __name__ is reserved. Choose another name",
        f"host h, variable monitoring_labels.bad-name, value 'x': {text}",
        "host h, variable monitoring_labels.broken, value '{{ nowhere }}': cannot be templated: 'nowhere' is undefined",
        "host h, variable monitoring_labels.instance, value 'x': the label name instance is reserved. Choose another name",
        (
            "host h, variable monitoring_labels.rack, value 12: "
            "a label value must be a string. Put the value in quotes, or append `| string` in a template"
        ),
        "host h, variable monitoring_probes, value 'none': must be a list",
        (
            "host h, variable monitoring_scrapes[a b].job, value 'a b': "
            "must be a string of letters, digits and the characters _ . : -"
        ),
        (
            "host h, variable monitoring_thresholds.memory_used_percent, value 'much': "
            "a threshold must be a number, or a dictionary from severity to number"
        ),
        "host h, variable node_exporter_port, value 70000: must be a port number from 1 to 65535",
    ]


def test_one_mistake_of_a_group_is_one_line(tmp_path: Path) -> None:
    """However many hosts have it."""
    hosts = {f"h{index}": None for index in range(7)}
    files = simple(node_exporter={"hosts": hosts})
    files["group_vars/node_exporter.yml"] = {"monitoring_labels": {"a-b": "x"}}
    (problem,) = problems_of(tmp_path, files)
    assert problem.startswith("host h0, h1, h2 and 4 more, variable monitoring_labels.a-b")
