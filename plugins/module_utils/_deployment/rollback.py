# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls back a change that failed, and reports what is in service afterwards. Private to the collection."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import files
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import NotReloadedError, ServiceError, Unit


@contextlib.contextmanager
def rolled_back_on_failure(unit: Unit | None, path: str, roll_back: t.Callable[[bool], str]) -> t.Iterator[None]:
    """Call *roll_back* if the code inside fails, and add its answer and the journal of *unit* to the error.

    :param path: where the change takes place, for errors of the operating system that name no file.
    :param roll_back: restores the previous state, and returns sentences about what is in service then. The argument says
        whether the service may have read the new state.
    :raises ServiceError: instead of an error of the service or of the operating system.
    """
    began = time.time()
    try:
        yield
    except BaseException as error:
        journal = ""
        if unit is not None and isinstance(error, ServiceError):
            journal = f"\nThe journal of {unit.name}:\n{unit.journal(since=began)}"
        outcome = roll_back(not isinstance(error, NotReloadedError))
        if isinstance(error, ServiceError):
            raise ServiceError(f"{error}. {outcome}{journal}") from error
        if isinstance(error, OSError):
            raise ServiceError(f"Cannot write a file: {files.describe_error(error, path)}. {outcome}") from error
        if isinstance(error, files.InterruptedRunError):
            raise files.InterruptedRunError(f"{error}. {outcome}") from error
        raise
