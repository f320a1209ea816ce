# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup run_refusal: why the tags and the limit of a run select nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
name: run_refusal
short_description: Reason to refuse the tags or the limit of a run of site
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Validates C(--tags), C(--skip-tags) and C(--limit) of a run of the playbooks C(vigie.monitoring.site) and
    C(vigie.monitoring.onboard).
  - Returns a reason if no role and no task has one of the tags, or if all tags are names of roles that no host of the run has.
  - Returns an empty string if one of the playbooks on the command line is not part of this collection. A playbook of your own
    that imports C(vigie.monitoring.site) can have tags that this collection does not know.
options:
  _terms:
    description: The lookup takes no terms.
    required: false
"""

EXAMPLES = r"""
- name: Validate the tags and the limit
  ansible.builtin.assert:
    that: lookup('vigie.monitoring.run_refusal') == ''
    fail_msg: "{{ lookup('vigie.monitoring.run_refusal') }}"
"""

RETURN = r"""
_raw:
  description: The reason, as a sentence, or an empty string.
  type: list
  elements: str
"""

import typing as t

from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import ROLES
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import run_selection


class LookupModule(LookupBase):
    """See DOCUMENTATION."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        """Return the reason."""
        available = variables or {}
        self.set_options(var_options=available, direct=kwargs)
        if terms:
            raise AnsibleError(f"vigie.monitoring.run_refusal: expected no terms, got {terms!r}")
        if not run_selection.is_ours(context.CLIARGS.get("args") or []):
            return [""]
        selection = run_selection.Selection(
            available["ansible_run_tags"], available["ansible_skip_tags"], available["ansible_play_hosts_all"]
        )
        contracts = cache.contracts_of(*cache.inventory_of(available["hostvars"]))
        folders = [*ROLES.iterdir(), *(contract.folder for contract in contracts if contract.folder)]
        return [
            run_selection.refusal(
                cache.model(available["hostvars"]),
                selection,
                [contract.role for contract in contracts],
                lambda: run_selection.task_tags(folders),
            )
        ]
