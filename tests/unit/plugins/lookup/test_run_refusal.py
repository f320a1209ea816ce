# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup run_refusal, as the first play of site uses it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import own_role
import pytest
from ansible.errors import AnsibleError
from inventories import FLEET, Made

REFUSAL = "{{ lookup('vigie.monitoring.run_refusal') }}"
SITE = Path(__file__).parents[4] / "playbooks" / "site.yml"


def refusal(made: Made, monkeypatch: pytest.MonkeyPatch, playbook: str = str(SITE), **selection: t.Any) -> str:
    """Return why a run of a playbook is refused."""
    monkeypatch.setattr("ansible.context.CLIARGS", {"args": [playbook]})
    variables = {"ansible_run_tags": ["all"], "ansible_skip_tags": [], "ansible_play_hosts_all": ["web1", "web2", "mon"]}
    return str(made.template(REFUSAL, **{**variables, **selection}) or "")


@pytest.mark.usefixtures("empty_cache")
def test_a_run_that_selects_something_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything, a role, a tag of tasks, a tag that is skipped."""
    made = Made(tmp_path, FLEET)
    assert refusal(made, monkeypatch) == ""
    assert refusal(made, monkeypatch, ansible_run_tags=["node_exporter"], ansible_play_hosts_all=["web1"]) == ""
    assert refusal(made, monkeypatch, ansible_run_tags=["targets"]) == ""
    assert refusal(made, monkeypatch, ansible_skip_tags=["grafana"]) == ""


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize(
    ("selection", "named"),
    [
        ({"ansible_run_tags": ["node_exporer"]}, ["node_exporer", "node_exporter?"]),
        ({"ansible_skip_tags": ["grafna"]}, ["--skip-tags grafna", "grafana?"]),
        ({"ansible_run_tags": ["node_exporter"], "ansible_play_hosts_all": ["mon"]}, ["mon", "web1, web2"]),
    ],
)
def test_a_run_that_selects_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, selection: dict[str, t.Any], named: list[str]
) -> None:
    """A mistyped tag, and a limit that leaves no host of the role."""
    found = refusal(Made(tmp_path, FLEET), monkeypatch, **selection)
    assert [name in found for name in named] == [True] * len(named), found


@pytest.mark.usefixtures("empty_cache")
def test_a_role_of_the_users_own_is_a_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so are the tags of its tasks; other inventories do not have them."""
    files = own_role.role("made_up_exporter", below="play/roles")
    tasks = {"play/roles/made_up_exporter/tasks/main.yml": [{"name": "x", "debug": {}, "tags": ["made_up_tag"]}]}
    hosts = {
        "hosts.yml": {
            "all": {"children": {**FLEET["hosts.yml"]["all"]["children"], "made_up_exporter": {"hosts": {"web1": None}}}}
        }
    }
    made = Made(tmp_path / "a", {**hosts, **files, **tasks})
    for tag in ("made_up_exporter", "made_up_tag"):
        assert refusal(made, monkeypatch, ansible_run_tags=[tag], ansible_play_hosts_all=["web1"]) == ""
    assert "made_up_tag" in refusal(Made(tmp_path / "b", FLEET), monkeypatch, ansible_run_tags=["made_up_tag"])


def test_another_playbook_may_have_tags_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of them, and no model is built."""
    made = Made(tmp_path, {"hosts.yml": {"all": {"hosts": {"h": {"monitoring_labels": "wrong"}}}}})
    assert refusal(made, monkeypatch, playbook=str(tmp_path / "mine.yml"), ansible_run_tags=["mine"]) == ""


def test_terms_are_refused(tmp_path: Path) -> None:
    """The lookup reads the tags of the run itself."""
    with pytest.raises(AnsibleError, match="node_exporter"):
        Made(tmp_path, FLEET).template("{{ lookup('vigie.monitoring.run_refusal', 'node_exporter') }}")
