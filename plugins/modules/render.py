#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action render, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: render
short_description: Write rendered configuration into a directory of the controller
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Writes files into a directory of the controller, for people to read and to keep under version control. No host is
    contacted.
  - The directory is the action's own. A file in it that is not asked for is removed, unless its name starts with a dot; a
    directory that holds files of somebody else is refused.
options:
  path:
    description: The directory. It is made where it is missing.
    type: path
    required: true
  files:
    description: Text of each file, by its path relative to O(path).
    type: dict
    required: true
attributes:
  check_mode:
    description: Predicts the change.
    support: full
  diff_mode:
    description: Shows each file that changes.
    support: full
"""

EXAMPLES = r"""
- name: Write what the monitoring servers would get
  vigie.monitoring.render:
    path: rendered
    files: "{{ lookup('vigie.monitoring.fleet') | vigie.monitoring.rendered_files }}"
"""

RETURN = r"""
changed_files:
  description: Paths below O(path) that changed, or would change.
  returned: success
  type: list
  elements: str
path:
  description: The directory, absolute.
  returned: success
  type: str
"""
