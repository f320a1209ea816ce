# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags and limits that select nothing are refused."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import run_selection

ROLES = ["node_exporter", "haproxy_exporter", "prometheus"]
MODEL: t.Any = {"hosts": {"web1": {"roles": ["node_exporter"]}, "m1": {"roles": ["prometheus"]}, "bare": {"roles": []}}}


def refusal(tags: str = "all", skipped: str = "", hosts: str = "web1,m1,bare") -> str:
    """Return the reason for a run's options."""
    selection = run_selection.Selection(*(text.split(",") if text else [] for text in (tags, skipped, hosts)))
    return run_selection.refusal(MODEL, selection, ROLES, lambda: {"always", "firewall", "verify"})


@pytest.mark.parametrize(
    ("tags", "skipped", "hosts"),
    [
        ("all", "", "web1"),
        ("all", "prometheus,verify", "bare"),
        ("node_exporter", "", "web1,m1"),
        ("node_exporter,prometheus", "", "m1"),
        # What these run is not the deployment of a role.
        ("firewall", "", "bare"),
        ("prometheus,verify", "", "bare"),
        ("tagged", "never", "bare"),
    ],
)
def test_a_selection_that_means_something_is_accepted(tags: str, skipped: str, hosts: str) -> None:
    """Names of roles, tags of tasks, and the tags that Ansible knows."""
    assert refusal(tags, skipped, hosts) == ""


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tags": "node_exporer"}, "--tags node_exporer: no role and no task has this tag. Did you mean node_exporter?"),
        ({"tags": "verify,firwall"}, "--tags firwall: no role and no task has this tag. Did you mean firewall?"),
        ({"skipped": "promtheus"}, "--skip-tags promtheus: no role and no task has this tag. Did you mean prometheus?"),
        ({"tags": "x"}, "The tags are firewall, haproxy_exporter, node_exporter, prometheus, verify."),
        ({"tags": "haproxy_exporter"}, "no host of the inventory has the role haproxy_exporter"),
        ({"tags": "prometheus", "hosts": "web1,bare"}, "The hosts of the run are web1, bare; hosts with the role are m1."),
    ],
)
def test_a_selection_that_means_nothing_is_refused(options: dict[str, str], reason: str) -> None:
    """With the nearest tag, or with the hosts that have the role."""
    assert reason in refusal(**options)


def test_the_tags_of_roles_are_found(tmp_path: Path) -> None:
    """In blocks and in both forms; a file that plain YAML cannot read is left out."""
    tasks = tmp_path / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "main.yml").write_text("- block:\n    - {debug: , tags: 'one, two'}\n  tags: ['{{ names }}', three]\n")
    (tasks / "other.yml").write_text("- {debug: {msg: !vault x}, tags: four}\n")
    found = run_selection.task_tags([tmp_path])
    assert {"one", "two", "three"} <= found
    assert not found & {"four", "{{ names }}"}
    # Those of the playbook itself.
    assert {"firewall", "targets", "verify", "cleanup"} <= found


def test_playbooks_of_others_can_have_tags_of_their_own() -> None:
    """A name and a path of the collection are ours; one foreign playbook on the command line is enough for the other answer."""
    path = str(run_selection.PLAYBOOKS / "site.yml")
    assert run_selection.is_ours(["vigie.monitoring.site", path])
    assert not run_selection.is_ours([path, "/srv/mine.yml"])
