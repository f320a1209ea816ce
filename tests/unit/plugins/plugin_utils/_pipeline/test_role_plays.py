# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which roles have a play of their own in a run of site."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import role_plays


@pytest.fixture(autouse=True)
def _no_choice_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(role_plays, "_skipped", set())


@pytest.mark.parametrize(
    ("scrape", "groups", "deployed"),
    [
        ({}, {"squid_exporter": ["proxy1"]}, True),
        ({}, {"squid_exporter": []}, False),
        ({}, {}, False),
        ({"keeps_data": True}, {}, True),
        ({"reads_logs": True}, {}, True),
    ],
)
def test_the_playbook_of_a_role(scrape: dict[str, bool], groups: dict[str, list[str]], deployed: t.Any) -> None:
    """It deploys the role if its group has hosts, or if the group does not decide."""
    contract = Contract("squid_exporter", scrape, {})
    assert role_plays.choose(contract, "squid_exporter", groups) == (role_plays.DEPLOY if deployed else role_plays.SKIP)
    assert role_plays.has_play(contract) == deployed


def test_the_last_choice_counts() -> None:
    """A run has several playbooks, and a play of the first one may create the group."""
    contract = Contract("squid_exporter", {}, {})
    role_plays.choose(contract, "squid_exporter", {})
    role_plays.choose(contract, "squid_exporter", {"squid_exporter": ["proxy1"]})
    assert role_plays.has_play(contract)


def test_a_role_of_the_user_has_no_play() -> None:
    """The playbook site has plays for the roles of the collection."""
    assert not role_plays.has_play(Contract("made_up_exporter", {}, {}, folder=Path("roles/made_up_exporter")))
