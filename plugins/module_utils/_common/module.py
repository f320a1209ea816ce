# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module whose options hold files, some of them secret. Private to the collection."""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

UMASK = 0o022


class DiscreetModule(AnsibleModule):
    """Keeps the contents of files out of the host's system log and out of the results, those of failures too.

    ``AnsibleModule(no_log=True)`` does not: what the task says, by default that everything is logged, comes over it. And
    ``no_log`` of an option would also take its texts out of the result, the diff among it.
    """

    # Options that hold contents of files.
    _secret = ("files", "config", "token")

    def __init__(self, **arguments: t.Any) -> None:
        """Read the options. *arguments* are those of AnsibleModule."""
        # A host's own, 077 for instance, would close directories that services have to read.
        os.umask(UMASK)
        super().__init__(**arguments)

    def _log_invocation(self) -> None:
        self.log(f"Invoked with the options {', '.join(sorted(self.params))}; their values are not logged")

    def _return_formatted(self, kwargs: dict[str, t.Any]) -> None:
        # Options that are refused come this way, too: also one whose name is mistyped may hold contents.
        kwargs["invocation"] = {"module_args": self._shown()}
        super()._return_formatted(kwargs)

    def _shown(self) -> dict[str, t.Any]:
        """Return the options without contents of files; of *files*, their names."""
        shown = {key: value for key, value in self.params.items() if key in self.argument_spec and key not in self._secret}
        files = self.params.get("files")
        if isinstance(files, dict):
            shown["files"] = sorted(map(str, files))
        elif isinstance(files, list):
            shown["files"] = [str(file.get("path")) for file in files if isinstance(file, dict)]
        return shown
