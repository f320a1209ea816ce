# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of the programs of VictoriaMetrics for TLS and the passwords of other servers. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import password_file

_TLS = {"ca_file": "tlsCAFile", "server_name": "tlsServerName", "insecure_skip_verify": "tlsInsecureSkipVerify"}


def client_flags(directory: str, job: str, client: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the flags for one server, without their common prefix.

    :param directory: where the password file is, see `password_file`.
    """
    found = {name: client[key] for key, name in _TLS.items() if key in client}
    if client.get("username"):
        found["basicAuth.username"] = client["username"]
        found["basicAuth.passwordFile"] = f"{directory}/{password_file(job, client)}"
    return found


def listed(prefix: str, clients: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, list[t.Any]]:
    """Return the flags for several servers: each flag once for each server, in the order of the servers."""
    names = sorted({name for client in clients for name in client})
    return {
        f"{prefix}.{name}": [client.get(name, False if name.endswith("Verify") else "") for client in clients] for name in names
    }
