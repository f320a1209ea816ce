# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate the host that the playbook offboard removes. Private to the collection."""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers

# Characters that make a string a host pattern.
_PATTERN = frozenset(",;&!*?[]~ \t\n")
_SERVERS = {"prometheus": "Prometheus server", "alertmanager": "Alertmanager"}


_ONE_HOST = "offboard needs the name of one host: -e host=web2.example.com."


def offboarding_problem(model: Model, name: t.Any, groups: t.Iterable[str], seen: t.Collection[str]) -> str:
    """Return why the host *name* cannot be removed from the monitoring, as a sentence, or an empty string.

    :param groups: the names of the groups of the inventory.
    :param seen: the names of the hosts that the Prometheus servers have series of.
    """
    if not name:
        return f"The variable host is not set. {_ONE_HOST}"
    reason = _not_one_host(model, name, groups) or _server(model, name) or _unknown(model, name, seen)
    return f"Variable host, value {name!r}: {reason}" if reason else ""


def _not_one_host(model: Model, name: t.Any, groups: t.Iterable[str]) -> str:
    if not isinstance(name, str):
        return _ONE_HOST
    if name in set(groups):
        return f"this is a group. {_ONE_HOST} Run the playbook once for each host of the group."
    if name not in model["hosts"] and _PATTERN.intersection(name):
        return f"this is a host pattern. {_ONE_HOST} Run the playbook once for each host."
    return ""


def _server(model: Model, name: str) -> str:
    for role, title in _SERVERS.items():
        if name in active_servers(model, role):
            return (
                f"this host is a {title} of the inventory. Retire the {title} first: add another host to the group of {role}, "
                f"set {role}_state: absent for {name}, and run vigie.monitoring.site."
            )
    return ""


def _unknown(model: Model, name: str, seen: t.Collection[str]) -> str:
    if name in model["hosts"] or name in seen:
        return ""
    near = difflib.get_close_matches(name, {*model["hosts"], *seen}, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"the inventory has no such host, and no Prometheus server has series with the label host={name!r}.{hint}"
