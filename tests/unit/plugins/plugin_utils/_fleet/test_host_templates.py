# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates in the variables of a host, and the problems that name the part that fails."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from inventories import Made, problems_of, simple

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts


def test_secrets_of_the_vault_are_opened(tmp_path: Path) -> None:
    """A label of one's own, and a variable that another one names; an error does not show them."""
    secret = VaultSecret(b"password")
    box = VaultLib([("default", secret)]).encrypt

    def vaulted(text: str) -> str:
        return "!vault |\n" + "".join(f"                {line}\n" for line in box(text.encode()).decode().splitlines())

    hosts = f"""
all:
  vars: {{site: x}}
  children:
    prometheus: {{hosts: {{p: }}}}
    node_exporter:
      hosts:
        h:
          contract_number: {vaulted("c-17")}
          monitoring_labels:
            contract: "{{{{ contract_number }}}}"
            direct: {vaulted("d-18")}
        wrong:
          monitoring_address: {vaulted("http://secret")}
"""
    model, problems = Made(tmp_path, {"hosts.yml": hosts}, vault=[("default", secret)]).build()
    assert model["hosts"]["h"]["labels"] == {"contract": "c-17", "direct": "d-18"}
    (problem,) = problems
    assert "secret" not in problem.replace("(secret)", "")


def test_a_secret_without_its_password_is_one_mistake(tmp_path: Path) -> None:
    """It names the variable."""
    text = VaultLib([("default", VaultSecret(b"password"))]).encrypt(b"x").decode()
    lines = "".join(f"          {line}\n" for line in text.splitlines())
    hosts = f"all:\n  vars: {{site: x}}\n  hosts:\n    h:\n      monitoring_labels:\n        a: !vault |\n{lines}"
    (problem,) = problems_of(tmp_path, {"hosts.yml": hosts})
    assert problem.startswith("host h, variable monitoring_labels.a, value '(secret)': cannot be templated: ")


NULL = "{{ nowhere | default(none) }}"


def test_a_template_may_be_null(tmp_path: Path) -> None:
    """With every version of ansible-core the same: it takes away, as a null does; an empty text is a text."""
    files = simple(
        {
            "monitoring_labels": {
                "rack": NULL,
                "empty": "{{ '' }}",
                "part": "a{{ '' }}",
                "spaced": " {{- nowhere | default(none) -}} ",
            },
            "monitoring_thresholds": {"memory_used_percent": NULL},
            "monitoring_probes": NULL,
            "monitoring_address": NULL,
            "monitoring_scrapes": [{"job": "app", "port": 1, "path": NULL, "instance": NULL, "labels": {"a": NULL, "b": "x"}}],
        }
    )
    files["group_vars/all.yml"] = {"monitoring_labels": {"rack": "r1", "spaced": "x"}, "prometheus_external_labels": {"dc": NULL}}
    host = Made(tmp_path, files).host("h")
    assert host["labels"] == {"empty": "", "part": "a"}
    assert (host["thresholds"], host["probes"], host["address"]) == ({}, [], "h")
    assert [e["labels"] for e in host["endpoints"] if e["job"] == "app"] == [{"b": "x"}]
    model, problems = Made(tmp_path, files).build(contracts())
    assert [problem for problem in problems if "monitoring_thresholds" not in problem] == []
    assert model["servers"]["prometheus"]["p"]["prometheus_external_labels"] == {}


@pytest.mark.parametrize(
    ("value", "named", "remedy"),
    [
        (
            {"a": "{{ nowhere | default(omit) }}"},
            "monitoring_labels.a, value '{{ nowhere | default(omit) }}'",
            "Use default(none)",
        ),
        ("{{ nowhere | default(omit) }}", "monitoring_labels, value '{{ nowhere", "Use default(none)"),
        (
            {"a": "{{ $labels.host }} is down"},
            "monitoring_labels.a, value '{{ $labels.host }} is down'",
            "put the tag !unsafe before",
        ),
        ({"a": '{{ template "x" . }}'}, "monitoring_labels.a, value ", "put the tag !unsafe before"),
    ],
)
def test_a_template_that_is_not_one_for_ansible(tmp_path: Path, value: t.Any, named: str, remedy: str) -> None:
    """The message names the variable with what is written there, and what to do."""
    (problem,) = problems_of(tmp_path, simple({"monitoring_labels": value}))
    assert problem.startswith(f"host h, variable {named}")
    assert remedy in problem


def test_the_part_that_cannot_be_templated_is_named(tmp_path: Path) -> None:
    """And not all of the rules, or the password beside it; a mistake of a server is one mistake."""
    rule = {"alert": "A", "expr": "up", "annotations": {"summary": "{{ $labels.host }}"}}
    files = simple()
    files["host_vars/p.yml"] = {
        "prometheus_extra_rules": [{"name": "own", "rules": [rule]}],
        "prometheus_extra_config": {"remote_write": [{"password": "hidden", "url": "{{ nowhere }}"}]},
        "prometheus_port": "{{ nowhere + 1 }}",
        "prometheus_version": "{{ nowhere }}",
    }
    problems = sorted(Made(tmp_path, files).build(contracts())[1])
    assert [problem.partition(": ")[0] for problem in problems] == [
        "host p, variable prometheus_extra_config.remote_write[0].url, value '{{ nowhere }}'",
        "host p, variable prometheus_extra_rules[0].rules[0].annotations.summary, value '{{ $labels.host }}'",
        "host p, variable prometheus_port, value '{{ nowhere + 1 }}'",
        "host p, variable prometheus_version, value '{{ nowhere }}'",
    ]
