#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action render, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: render
short_description: Write rendered configuration files into a directory on the controller
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Writes files into a directory on the controller, for a review or for version control. The action contacts no host.
  - The directory must contain rendered files only. The action removes a file that is not in O(files), unless the name of the
    file starts with a dot. If the directory contains other files, the action fails.
options:
  path:
    description: The directory. The action creates a missing directory.
    type: path
    required: true
  files:
    description: The text of each file. The key is the path of the file relative to O(path).
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
- name: Write the files of the monitoring servers for a review
  vigie.monitoring.render:
    path: rendered
    files: "{{ lookup('vigie.monitoring.fleet') | vigie.monitoring.rendered_files }}"
"""

RETURN = r"""
changed_files:
  description: Paths of the files that changed, or would change in check mode, relative to O(path).
  returned: success
  type: list
  elements: str
path:
  description: Absolute path of the directory.
  returned: success
  type: str
"""
