# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for the tasks of roles: listen addresses, and files to send to hosts."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.config_tree_spec import packed
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port, reached_at
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import route_prefix


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by their names."""
        return {"host_port": host_port, "_packed": packed, "reached_at": reached_at, "route_prefix": route_prefix}
