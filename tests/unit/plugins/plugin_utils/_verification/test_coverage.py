# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expected targets against scraped targets."""

from __future__ import annotations

from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification import coverage


def test_coverage_tells_each_state() -> None:
    """Up, down with the reason, not scraped yet, missing, extra."""
    expected = [{"host": h, "job": "node", "instance": f"{h}:9100", "address": f"{h}:9100"} for h in "abcd"]
    active = [
        {"host": "a", "job": "node", "instance": "a:9100", "health": "up", "last_error": ""},
        {"host": "b", "job": "node", "instance": "b:9100", "health": "down", "last_error": "refused"},
        {"host": "c", "job": "node", "instance": "c:9100", "health": "unknown", "last_error": ""},
        {"host": "e", "job": "node", "instance": "e:9100", "health": "up", "last_error": ""},
    ]
    rows = coverage.coverage(expected, active)
    assert [(row["host"], row["state"], row["reason"]) for row in rows] == [
        ("a", "up", ""),
        ("b", "down", "refused"),
        ("c", "down", "not scraped yet"),
        ("d", "missing", "Prometheus does not know this target"),
        ("e", "extra", "the inventory does not have this target"),
    ]
    assert len(coverage.coverage(expected, active, hosts="abcd")) == 4
    table = coverage.table(rows)
    assert table[0].split() == ["HOST", "JOB", "ADDRESS", "STATE", "REASON"]
    assert len({line.index(row["state"]) for line, row in zip(table[1:-1], rows, strict=True)}) == 1
    assert table[-1] == "1 of 5 targets are up"
