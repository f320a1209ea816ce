# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters for addresses, as roles use them."""

from __future__ import annotations

from pathlib import Path

import inventories
import pytest


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'' | vigie.monitoring.host_port(9100)", ":9100"),
        ("'192.0.2.1' | vigie.monitoring.host_port('9100')", "192.0.2.1:9100"),
        ("'fd00::1' | vigie.monitoring.host_port(9100)", "[fd00::1]:9100"),
        ("'' | vigie.monitoring.reached_at(9100)", "localhost:9100"),
        ("'0.0.0.0' | vigie.monitoring.reached_at(9100)", "localhost:9100"),
        ("'::' | vigie.monitoring.reached_at(9100)", "localhost:9100"),
        ("'192.0.2.1' | vigie.monitoring.reached_at('9100')", "192.0.2.1:9100"),
        ("'::1' | vigie.monitoring.reached_at(9100)", "[::1]:9100"),
    ],
)
def test_addresses(tmp_path: Path, expression: str, expected: str) -> None:
    """Brackets, and what listens everywhere."""
    made = inventories.Made(tmp_path, {"hosts.yml": "all: {hosts: {web1: }}"})
    assert made.template(f"{{{{ {expression} }}}}") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'' | vigie.monitoring.route_prefix", ""),
        ("'https://example.com' | vigie.monitoring.route_prefix({})", ""),
        ("'https://example.com/' | vigie.monitoring.route_prefix", ""),
        ("'https://example.com/a/b/' | vigie.monitoring.route_prefix({'web.enable-lifecycle': true})", "/a/b"),
        ("'https://example.com/a' | vigie.monitoring.route_prefix({'web.route-prefix': '/'})", ""),
        ("'https://example.com/a' | vigie.monitoring.route_prefix({'web.route-prefix': 'b/'})", "/b"),
        ("'' | vigie.monitoring.route_prefix({'web.external-url': 'http://x/c'})", "/c"),
        ("'https://example.com/a' | vigie.monitoring.route_prefix({'web.route-prefix': none})", "/a"),
    ],
)
def test_paths(tmp_path: Path, expression: str, expected: str) -> None:
    """The flag, else the path of the URL, as both programs take it."""
    made = inventories.Made(tmp_path, {"hosts.yml": "all: {hosts: {web1: }}"})
    assert (made.template(f"{{{{ {expression} }}}}") or "") == expected
