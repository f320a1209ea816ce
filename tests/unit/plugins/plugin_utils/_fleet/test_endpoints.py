# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints: what one may be, and what is refused."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from inventories import problems_of, simple


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ({"monitoring_labels": ["a"]}, "monitoring_labels, value ['a']: must be a dictionary"),
        ({"monitoring_labels": "{{ [5] }}"}, "monitoring_labels, value [5]: must be a dictionary"),
        (
            {"monitoring_labels": {"a": "{{ b }}"}, "b": "{{ a }}", "a": "{{ b }}"},
            "monitoring_labels.a, value '{{ b }}': cannot",
        ),
        (
            {"monitoring_labels": {"a": "{{ ansible_distribution }}"}},
            "(facts cannot be used here: with --limit, Ansible does not gather",
        ),
        ({"monitoring_labels": {"a": "{{ x +"}}, "monitoring_labels.a, value '{{ x +': cannot be templated: "),
        ({"node_exporter_port": True}, "node_exporter_port, value True: must be a port number"),
        ({"node_exporter_port": 91.5}, "node_exporter_port, value 91.5: must be a port number"),
        ({"node_exporter_port": "{{ nowhere }}"}, "node_exporter_port, value '{{ nowhere }}': cannot be templated"),
        ({"monitoring_scrapes": [5]}, "monitoring_scrapes[0], value 5: must be a dictionary with job and port"),
        ({"monitoring_scrapes": [{"job": "app"}]}, "monitoring_scrapes[app].port, value None: must be a port number"),
        (
            {"monitoring_scrapes": [{"job": "a", "port": 1, "pth": "/"}]},
            "monitoring_scrapes[a], value 'pth': unknown key. The known keys are job",
        ),
        (
            {"monitoring_scrapes": [{"job": "a", "port": 1, "scheme": "ftp"}]},
            "monitoring_scrapes[a].scheme, value 'ftp': must be one of http, https",
        ),
        (
            {"monitoring_scrapes": [{"job": "a", "port": 1, "path": "m?x=1"}]},
            "monitoring_scrapes[a].path, value 'm?x=1': must start with a slash",
        ),
        ({"monitoring_scrapes": [{"job": "a", "port": 1, "params": 1}]}, "monitoring_scrapes[a].params, value 1: must be"),
        (
            {"monitoring_scrapes": [{"job": "a", "port": 1, "params": {"x": {}}}]},
            "monitoring_scrapes[a].params.x, value {}: must",
        ),
        (
            {"monitoring_scrapes": [{"job": "a", "port": 1, "labels": {"job": "b"}}]},
            "monitoring_scrapes[a].labels.job, value 'b': the label name job",
        ),
        (
            {"monitoring_thresholds": {"memory_usd_percent": 85}},
            "monitoring_thresholds.memory_usd_percent, value 85: unknown threshold. The known thresholds are disk_used_percent",
        ),
        ({"monitoring_thresholds": {"x y": 1}}, "monitoring_thresholds.x y, value 1: a threshold name"),
        ({"monitoring_thresholds": {"x": "nan"}}, "monitoring_thresholds.x, value 'nan': a threshold must be"),
        (
            {"monitoring_thresholds": {"x": {"warning": True}}},
            "monitoring_thresholds.x, value {'warning': True}: a threshold must be",
        ),
        ({"monitoring_groups": {"x_exporter": "y"}}, ""),
    ],
)
def test_a_mistake(tmp_path: Path, host: dict[str, t.Any], problem: str) -> None:
    """Named with its variable and its value; a host's own monitoring_groups is none."""
    assert [problem in line for line in problems_of(tmp_path, simple(host))] == [True] * bool(problem)
