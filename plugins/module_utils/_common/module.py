# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A base class of modules whose options contain secret files. Private to the collection."""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

UMASK = 0o022


class RedactingModule(AnsibleModule):
    """Keeps the contents of files out of the host's system log and out of all results, including those of failures.

    ``AnsibleModule(no_log=True)`` is not sufficient, because the keyword ``no_log`` of the task overrides it, and its default is
    to log everything. ``no_log`` of an option would also remove the texts of the option from the diff.
    """

    # Options that can contain secrets, and the texts of programs, which are long.
    _secret_options = ("files", "config", "verify", "token", "environment", "check", "python")

    def __init__(self, **arguments: t.Any) -> None:
        """Read the options. *arguments* are those of AnsibleModule."""
        # With the umask of the host, such as 077, services could not read the directories.
        os.umask(UMASK)
        super().__init__(**arguments)

    def _log_invocation(self) -> None:
        self.log(f"Invoked with the options {', '.join(sorted(self.params))}; their values are not logged")

    def _return_formatted(self, kwargs: dict[str, t.Any]) -> None:
        # Failures because of invalid options come here too. An option with a mistyped name can contain secrets.
        kwargs["invocation"] = {"module_args": self._arguments_without_secrets()}
        super()._return_formatted(kwargs)

    def _arguments_without_secrets(self) -> dict[str, t.Any]:
        """Return the options without the contents of files; for *files*, return their names."""
        arguments = {
            key: value for key, value in self.params.items() if key in self.argument_spec and key not in self._secret_options
        }
        files = self.params.get("files")
        if isinstance(files, dict):
            arguments["files"] = sorted(map(str, files))
        elif isinstance(files, list):
            arguments["files"] = [str(file.get("path")) for file in files if isinstance(file, dict)]
        return arguments
