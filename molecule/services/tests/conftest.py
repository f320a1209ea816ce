# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of this scenario share."""

from __future__ import annotations

import typing as t

import pytest

PUSH = (
    "import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:9091/metrics/job/backup', "
    "data=b'copied_files 42\\n', method='PUT'))"
)


@pytest.fixture(scope="session")
def push() -> str:
    """Return a command that pushes the metrics of a batch job."""
    return f'python3 -c "{PUSH}"'


@pytest.fixture(scope="module")
def pushed(scenario: t.Any, push: str) -> None:
    """Push, and wait until Prometheus has the metric."""
    scenario.on("monitor").check_output(push)
    scenario.wait(lambda: scenario.query("copied_files"))
