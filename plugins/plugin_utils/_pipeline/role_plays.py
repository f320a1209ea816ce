# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the roles that have a play of their own in a run of the playbook site. Private to the collection.

Before the first play, Ansible reads the tasks, variables and argument specifications of all imported roles: about 50 ms of CPU
time for each role. A run therefore imports only the exporters whose group the inventory has.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract

DEPLOY, SKIP = "_role.yml", "_unused_role.yml"
# The roles that the playbooks of this run do not import.
_skipped: set[str] = set()


def choose(contract: Contract, group: str, groups: t.Mapping[str, t.Sized]) -> str:
    """Return the playbook that site.yml imports for the role of *contract*, and remember the choice for `has_play`.

    :param group: the name of the role's group, as far as it is known before the first play.
    :param groups: the hosts of each group of the inventory.
    """
    # The order of the plays counts for roles that keep data: for example, Prometheus before Grafana.
    skipped = not (contract.reads_logs or contract.keeps_data or groups.get(group))
    if skipped:
        _skipped.add(contract.role)
    else:
        _skipped.discard(contract.role)
    return SKIP if skipped else DEPLOY


def has_play(contract: Contract) -> bool:
    """Return whether a play of site.yml deploys the role of *contract*."""
    return not contract.folder and contract.role not in _skipped
