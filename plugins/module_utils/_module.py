# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module whose options hold files, some of them secret. Private to the collection."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


class DiscreetModule(AnsibleModule):
    """Keeps the values of its options out of the host's system log.

    ``AnsibleModule(no_log=True)`` does not: what the task says, by default that everything is logged, comes over it. And
    ``no_log`` of an option would also take its texts out of the result, the diff among it.
    """

    def _log_invocation(self) -> None:
        self.log(f"Invoked with the options {', '.join(sorted(self.params))}; their values are not logged")
