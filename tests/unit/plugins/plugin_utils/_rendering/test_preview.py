# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All files of all servers, without secrets."""

from __future__ import annotations

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import preview


def test_a_fleet_without_a_server_has_nothing_to_render() -> None:
    """What was rendered before is not lost by a wrong inventory."""
    with pytest.raises(ValueError, match=r"the inventory has no Prometheus server\. Add a host to the group prometheus"):
        preview.rendered_files({"hosts": {}, "servers": {"prometheus": {}}, "rules": {}})
