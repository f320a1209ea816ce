# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup role_playbook, as site.yml uses it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible import context
from ansible.module_utils.common.collections import ImmutableDict
from inventories import FLEET, Made, simple

from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import role_plays

PLAYBOOKS = (
    "{{ lookup('vigie.monitoring.role_playbook', 'node_exporter', 'squid_exporter', 'prometheus', 'mtail', wantlist=true) }}"
)
OTHERS = "{{ lookup('vigie.monitoring.roles', without_play=true, wantlist=true) }}"
ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def _no_choice_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(role_plays, "_skipped", set())


def test_roles_with_and_without_hosts(tmp_path: Path) -> None:
    """Both playbooks exist, and the lookup roles knows which roles are left for another play."""
    made = Made(tmp_path, FLEET)
    found = made.template(PLAYBOOKS, hostvars=None)
    assert found == ["_role.yml", "_unused_role.yml", "_role.yml", "_role.yml"]
    assert all((ROOT / "playbooks" / name).is_file() for name in found)
    assert made.template(OTHERS) == ["squid_exporter"]


def test_an_extra_variable_renames_a_group(tmp_path: Path) -> None:
    """Extra variables are known before the first play."""
    made = Made(tmp_path, simple(proxies={"hosts": {"w": None}}))
    found = made.template(PLAYBOOKS, hostvars=None, monitoring_groups={"squid_exporter": "proxies"})
    assert found[1] == "_role.yml"


@pytest.mark.parametrize("option", ["syntax", "listtags", "listtasks", "listhosts"])
def test_a_list_has_all_roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """A run that only lists or checks what site has."""
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict({option: True}))
    assert set(Made(tmp_path, FLEET).template(PLAYBOOKS, hostvars=None)) == {"_role.yml"}
