# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup roles, as plays use it."""

from __future__ import annotations

from pathlib import Path

import own_role
import pytest
from ansible.errors import AnsibleError
from inventories import FLEET, Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts

ALL = "{{ lookup('vigie.monitoring.roles', wantlist=true) }}"
REMOVABLE = "{{ lookup('vigie.monitoring.roles', removable=true, wantlist=true) }}"
OURS = [contract.role for contract in contracts()]


def test_the_roles_of_the_collection(tmp_path: Path) -> None:
    """By name; those that keep data are not removed from a host that leaves their group."""
    made = Made(tmp_path, FLEET)
    assert made.template(ALL) == sorted(OURS)
    kept = {contract.role for contract in contracts() if contract.keeps_data}
    assert {"prometheus", "alertmanager", "grafana"} <= kept
    assert set(made.template(REMOVABLE)) == set(OURS) - kept


@pytest.mark.usefixtures("empty_cache")
def test_a_role_of_the_users_own_is_among_them(tmp_path: Path) -> None:
    """It is removed like ours."""
    made = Made(tmp_path, {**FLEET, **own_role.role("made_up_exporter", below="play/roles")})
    assert set(made.template(ALL)) - set(OURS) == {"made_up_exporter"}
    assert "made_up_exporter" in made.template(REMOVABLE)


def test_tags_are_listed_without_variables_of_hosts(tmp_path: Path) -> None:
    """`--list-tags` templates the tags of plays before there are any."""
    made = Made(tmp_path, FLEET)
    assert made.template(ALL, hostvars=None) == sorted(OURS)


def test_terms_are_refused(tmp_path: Path) -> None:
    """A name would be taken for a filter of roles."""
    with pytest.raises(AnsibleError, match="node_exporter"):
        Made(tmp_path, FLEET).template("{{ lookup('vigie.monitoring.roles', 'node_exporter') }}")
