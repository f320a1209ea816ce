# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates that the versions of exporters and servers support TLS and a password. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import parse_version
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, active_servers
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import Contract

# The flag --cluster.tls-config of Alertmanager (its CHANGELOG).
_CLUSTER_SINCE = "0.24.0"


def validate_web_versions(model: Model, contracts: t.Iterable[Contract], problems: Problems) -> None:
    """Report programs with TLS or a password whose version does not have the flag --web.config.file, or that of the cluster."""
    since = {contract.role: str(contract.scrape["web_since"]) for contract in contracts if "web_since" in contract.scrape}
    for name, host in model["hosts"].items():
        for item in host["endpoints"]:
            role = item["role"]
            version = host["versions"].get(role) if "web" in item else None
            if role in since and _is_older(version, since[role]):
                own = f"{role}_web"
                variable = own if own in model["servers"].get(role, {}).get(name, {}) else "monitoring_web"
                problems.add(name, f"{role}_version", version, _remedy(role, "TLS and a password", since[role], variable))
    alertmanagers = active_servers(model, "alertmanager")
    for name, settings in alertmanagers.items() if len(alertmanagers) > 1 else ():
        version, web = settings.get("alertmanager_version"), settings.get("alertmanager_web")
        # Before the first of both versions, the problem above is reported.
        if (
            isinstance(web, dict)
            and web.get("cert_file")
            and _is_older(version, _CLUSTER_SINCE)
            and not _is_older(version, since.get("alertmanager", ""))
        ):
            remedy = _remedy("alertmanager", "TLS between several Alertmanagers", _CLUSTER_SINCE, "alertmanager_web")
            problems.add(name, "alertmanager_version", version, remedy)


def _is_older(version: t.Any, since: str) -> bool:
    # The version "latest" has no numbers.
    numbers = parse_version(version)
    return bool(numbers) and numbers < parse_version(since)


def _remedy(role: str, feature: str, since: str, variable: str) -> str:
    remedy = f"Set {role}_version to {since} or later, or set {variable} of the host to {{}}"
    return f"{variable} is set, and {role} supports {feature} since {since}. {remedy}"
