# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action release: run the module of the same name, warn while it waits for another run, and carry the wheels that it needs."""

from __future__ import annotations

from ansible_collections.vigie.monitoring.plugins.plugin_utils._deployment.carrying_action import CarryingAction


class ActionModule(CarryingAction):
    """Runs the module."""
