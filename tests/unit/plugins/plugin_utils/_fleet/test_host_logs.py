# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""monitoring_logs of a host: the rules of its groups and its own."""

from __future__ import annotations

import typing as t
from pathlib import Path

from inventories import Made

HOSTS = """
all:
  vars: {site: x}
  children:
    apps: {hosts: {a: {}, b: {}, c: {}}}
    others: {hosts: {d: {}}}
    prometheus: {hosts: {p: {}}}
"""


def rule(name: str, **changes: t.Any) -> dict[str, t.Any]:
    """Return an entry of monitoring_logs."""
    return {"name": name, "files": ["/var/log/app.log"], "match": "x", **changes}


def test_rules_merge_and_the_nearest_entry_of_a_name_counts(tmp_path: Path) -> None:
    """Hosts with the same groups share the rules; hosts without rules have no key."""
    files: dict[str, t.Any] = {
        "hosts.yml": HOSTS,
        "group_vars/apps.yml": {"monitoring_logs": [rule("z"), rule("oom", severity="critical")]},
        "host_vars/c.yml": {"monitoring_logs": [rule("oom", summary="{{ inventory_hostname }}")]},
    }
    model, problems = Made(tmp_path, files).build()
    assert problems == []
    hosts = model["hosts"]
    assert [item["name"] for item in hosts["a"]["logs"]] == ["oom", "z"]
    assert hosts["a"]["logs"] is hosts["b"]["logs"]
    assert [(item["severity"], item["summary"]) for item in hosts["c"]["logs"] if item["name"] == "oom"] == [("warning", "c")]
    assert "logs" not in hosts["d"]
    assert "logs_engine" not in model


def test_problems_name_the_hosts_and_the_rule(tmp_path: Path) -> None:
    """The same problem of several hosts is one line."""
    files: dict[str, t.Any] = {
        "hosts.yml": HOSTS,
        "group_vars/apps.yml": {"monitoring_logs": [rule("oom", match="(x"), "text"]},
    }
    _model, problems = Made(tmp_path, files).build()
    assert [line.split(": ")[:2] for line in problems] == [
        ["host a, b, c, variable monitoring_logs[oom].match, value '(x'", "must be a regular expression"],
        [
            "host a, b, c, variable monitoring_logs[1], value 'text'",
            "must be a dictionary with name, files or journal, and match",
        ],
    ]
