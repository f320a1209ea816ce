# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scrape contracts of the roles."""

from __future__ import annotations

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts


def test_the_roles_of_the_collection_have_contracts() -> None:
    """Discovered by their folder, nothing lists them."""
    assert {"node_exporter", "prometheus", "alertmanager"} <= {c.role for c in contracts()}
