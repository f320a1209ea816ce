# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the metrics of the Python programs of roles."""

from __future__ import annotations

import typing as t
from pathlib import Path

from prometheus_client.core import Metric

ROLES = Path(__file__).parents[3] / "roles"


def series(metrics: t.Iterable[Metric]) -> dict[str, float]:
    """Return the values of *metrics* by their series as text."""
    return {
        f"{sample.name}{{{','.join(f'{name}={value}' for name, value in sample.labels.items())}}}": sample.value
        for metric in metrics
        for sample in metric.samples
    }
