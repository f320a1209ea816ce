# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors in the files of a role of the user: each names the file and the key."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from inventories import write
from own_role import NAME, role

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import OURS, Contract, Directory, contracts

SCRAPE, RULES, DASHBOARD = "monitoring/scrape.yml", "monitoring/rules.yml", "monitoring/dashboard.json"


def read(path: Path, files: dict[str, t.Any]) -> dict[str, Contract]:
    """Return the contracts of the collection's roles and of those in *files*."""
    write(path, files)
    return {contract.role: contract for contract in contracts((OURS, Directory(str(path / "roles"))))}


def errors(path: Path, files: dict[str, t.Any]) -> list[str]:
    """Return the errors in *files*, without the directory."""
    with pytest.raises(AnsibleError) as error:
        read(path, files)
    first, *lines = str(error.value).splitlines()
    assert first == f"The files of the roles have {len(lines)} error(s):"
    return [line.removeprefix("- ").replace(f"{path}/roles/", "") for line in lines]


def rule(**fields: t.Any) -> str:
    """Return the text of one rule."""
    return yaml.safe_dump({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "up", **fields}]}]})


WRONG: dict[str, tuple[str, t.Any, str]] = {
    "no job": (SCRAPE, {"port": 1}, ", key job, value None: must be the name of the scrape job, not a template"),
    "a job by a template": (SCRAPE, {"job": "{{ x }}", "port": 1}, ", key job, value '{{ x }}': must be the name of"),
    "a job of probes": (
        SCRAPE,
        {"job": "probe_x", "port": 1},
        ", key job, value 'probe_x': names that begin with probe_ or snmp_ are reserved",
    ),
    "a job of devices": (
        SCRAPE,
        {"job": "snmp_x", "port": 1},
        ", key job, value 'snmp_x': names that begin with probe_ or snmp_ are reserved",
    ),
    "no port": (
        SCRAPE,
        {"job": "x"},
        f', key port, value None: must be the port, or a template for the port: "{{{{ {NAME}_port }}}}"',
    ),
    "an unknown key": (
        SCRAPE,
        {"job": "x", "port": 1, "jop": "y"},
        ", key jop, value 'y': unknown key. The known keys are job, port",
    ),
    "wrong clients": (SCRAPE, {"job": "x", "port": 1, "access": {"clients": "grafana"}}, ", key access, value "),
    "alerts of no list": (
        SCRAPE,
        {"job": "x", "port": 1, "alerts_of": "node_exporter"},
        ", key alerts_of, value 'node_exporter': must be a list of roles",
    ),
    "alerts of an unknown role": (
        SCRAPE,
        {"job": "x", "port": 1, "alerts_of": ["node_exportr"]},
        ", key alerts_of, value 'node_exportr': no role with a scrape contract has this name",
    ),
    "a number as version": (
        SCRAPE,
        {"job": "x", "port": 1, "web_since": 1.5},
        ", key web_since, value 1.5: must be a version in",
    ),
    "a list": (SCRAPE, [1], ": must be a dictionary"),
    "no YAML": (SCRAPE, "job: [\n", ": not valid YAML: while parsing a flow node"),
    "no YAML of defaults": ("defaults/main.yml", "a: b: c", ": not valid YAML: mapping values are not allowed"),
    "no YAML of rules": (RULES, "{", ": not valid YAML: "),
    "no groups": (RULES, "groups: 1", ", key groups, value '…': must be a list of rule groups"),
    "rules without groups": (RULES, [1], ", key groups, value '…': must be a list of rule groups"),
    "a group without rules": (
        RULES,
        {"groups": [{"name": "g"}]},
        ", key groups[0], value 'g': a group must have a name and a list",
    ),
    "a rule without expr": (
        RULES,
        rule(expr=""),
        ", key groups[0].rules[0], value {'alert': 'A', 'expr': ''}: a rule must have expr",
    ),
    "a threshold without numbers": (RULES, rule(threshold="x"), ", key groups[0].rules[0], value 'A': above or below must be"),
    "a wrong severity": (RULES, rule(threshold="x", above={"bad": 1}), "by severity (info, warning, critical)"),
    "no number": (
        RULES,
        rule(threshold="x", above={"warning": "many"}),
        ", value 'A': above or below must be a dictionary of numbers",
    ),
    "numbers without a threshold": (RULES, rule(above={"warning": 1}), ", value 'A': threshold must be the name"),
    "no JSON": (DASHBOARD, "{", ": not valid JSON: Expecting property name"),
    "no uid": (DASHBOARD, "{}", ", key uid, value None: a dashboard must have a uid"),
    "a uid of ours": (
        DASHBOARD,
        '{"uid": "vigie-x"}',
        ", key uid, value 'vigie-x': uids that begin with vigie- are reserved",
    ),
    "a job of ours": (
        SCRAPE,
        {"job": "node", "port": 1},
        ", key job, value 'node': the role node_exporter has the same scrape job",
    ),
    "a threshold of ours": (
        RULES,
        rule(threshold="memory_used_percent", above={"warning": 1}),
        ", key threshold, value 'memory_used_percent': the role node_exporter has the same threshold",
    ),
    "a dashboard of ours": (
        "monitoring/dashboard_supervisord.json",
        json.dumps({"uid": "x"}),
        ": the role node_exporter has a dashboard of this name: rename the file",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_names_the_file_and_the_key(tmp_path: Path, case: str) -> None:
    """There is one error for one mistake."""
    file, content, message = WRONG[case]
    text = json.dumps(content) if not isinstance(content, str) else content
    (found,) = errors(tmp_path, {**role(), f"roles/{NAME}/{file}": text})
    assert found.startswith(f"{NAME}/{file}")
    assert message in found


def test_all_errors_are_reported_together(tmp_path: Path) -> None:
    """Of all roles and all files."""
    files = {
        **role(),
        **role("stock_exporter"),
        f"roles/{NAME}/{SCRAPE}": "{}",
        f"roles/stock_exporter/{RULES}": "groups: 1",
    }
    found = errors(tmp_path, files)
    assert [line.partition(",")[0] for line in found] == [f"{NAME}/{SCRAPE}", f"{NAME}/{SCRAPE}", f"stock_exporter/{RULES}"]


@pytest.mark.parametrize("name", ["redis-exporter", "9x", "install", "extra", "all"])
def test_a_folder_whose_name_means_something_else(tmp_path: Path, name: str) -> None:
    """The name is a group, a tag, the beginning of variables, and a file of rules."""
    (found,) = errors(tmp_path, {f"roles/{name}/{SCRAPE}": "{job: x, port: 1}"})
    assert found.startswith(f"{name}: rename the folder. ")


@pytest.mark.parametrize("name", ["node_exporter", "firewall"])
def test_a_role_with_the_name_of_one_of_ours(tmp_path: Path, name: str) -> None:
    """Also of one that has no contract."""
    (found,) = errors(tmp_path, {f"roles/{name}/{SCRAPE}": "{job: x, port: 1}"})
    assert found.startswith(f"{name}: vigie.monitoring already has a role {name}. Rename the folder")


def test_two_roles_of_one_name(tmp_path: Path) -> None:
    """The error names both folders."""
    write(tmp_path, {**role(below="a"), **role(below="b")})
    with pytest.raises(AnsibleError, match="error") as error:
        contracts((OURS, *(Directory(str(tmp_path / name)) for name in "ab")))
    assert f"- {tmp_path}/b/{NAME}: {tmp_path}/a/{NAME} already has a role {NAME}." in str(error.value)


def test_a_role_of_the_least_files(tmp_path: Path) -> None:
    """A contract is enough: with a fixed port it needs no variables. A role without one is not ours."""
    found = read(tmp_path, {f"roles/{NAME}/{SCRAPE}": "{job: x, port: 1}", "roles/other/tasks/main.yml": "[]"})
    assert found[NAME] == Contract(
        NAME, {"job": "x", "port": 1}, {}, folder=tmp_path / "roles" / NAME, included_as=str(tmp_path / "roles" / NAME)
    )
    assert "other" not in found
