# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup fleet, as plays use it."""

from __future__ import annotations

from pathlib import Path

import pytest
from inventories import Made, simple


def test_hosts_can_be_left_out(tmp_path: Path) -> None:
    """As if the inventory did not have them."""
    made = Made(tmp_path, simple())
    model = made.template("{{ lookup('vigie.monitoring.fleet', without=['h', 'nobody']) }}")
    assert list(model["hosts"]) == ["p"]
    assert model["servers"]["prometheus"]["p"]["scrape_hosts"] == ["p"]


def test_the_lookup_tells_all_mistakes(tmp_path: Path) -> None:
    """In a template, as plays use it; without mistakes it is the model."""
    made = Made(tmp_path / "fine", simple())
    assert made.template("{{ (lookup('vigie.monitoring.fleet')).hosts | list }}") == ["h", "p"]
    wrong = Made(tmp_path / "wrong", simple({"monitoring_labels": {"a-b": "x", "c-d": "x"}}))
    with pytest.raises(Exception, match=r"The inventory has 2 errors:\n- host h, variable monitoring_labels.a-b"):
        wrong.template("{{ lookup('vigie.monitoring.fleet') }}")
