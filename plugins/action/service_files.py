# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action service_files: run the module of the same name, and show a warning while the module waits for another run."""

from __future__ import annotations

from ansible_collections.vigie.monitoring.plugins.plugin_utils._deployment.waiting_action import WaitingAction


class ActionModule(WaitingAction):
    """Runs the module."""
