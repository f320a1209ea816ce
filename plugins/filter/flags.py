# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter flags: typed command line flags."""

from __future__ import annotations

DOCUMENTATION = r"""
name: flags
short_description: Command line flags of a systemd service from a dictionary
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Returns the arguments of an C(ExecStart) line for a dictionary of typed values.
  - Each argument is quoted for systemd, so that spaces, V(%) and V($) reach the program unchanged.
options:
  _input:
    description:
      - Values of the flags. The keys are the names of the flags without the leading dashes.
      - V(true) becomes C(--name), and V(false) becomes C(--no-name). A list becomes one flag for each item. A flag whose value is
        null is left out. All other values become C(--name=value).
    type: dict
    required: true
  style:
    description:
      - V(kingpin) is the style of Prometheus and its exporters.
      - V(go) is the style of Go's package C(flag), with one dash and C(-name=false).
    type: str
    choices: [kingpin, go]
    default: kingpin
"""

EXAMPLES = r"""
- name: Show the flags
  ansible.builtin.debug:
    msg: "{{ flags | vigie.monitoring.flags | join(' ') }}"
    # --web.listen-address=:9100 --collector.systemd --no-collector.wifi --web.max-requests=40
  vars:
    flags:
      web.listen-address: ":9100"
      collector.systemd: true
      collector.wifi: false
      web.max-requests: 40
      web.config.file: null
"""

RETURN = r"""
_value:
  description: The arguments, quoted for systemd.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.flags import render


def flags(value: t.Any, style: str = "kingpin") -> list[str]:
    """See DOCUMENTATION."""
    if not isinstance(value, t.Mapping):
        raise AnsibleFilterError(f"vigie.monitoring.flags: expected a dictionary, got {type(value).__name__}")
    try:
        return render(value, style)
    except ValueError as error:
        raise AnsibleFilterError(f"vigie.monitoring.flags: {error}") from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"flags": flags}
