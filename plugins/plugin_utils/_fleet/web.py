# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS and basic authentication of exporters and servers (monitoring_web, prometheus_web, alertmanager_web).

The role release_service configures the programs that serve TLS. This module has the settings for their clients, and configures
Prometheus as a client (its documentation, "Configuration", <scrape_config>, <alertmanager_config>). Private to the collection.
"""

from __future__ import annotations

import hashlib
import typing as t

_TLS = ("ca_file", "server_name", "insecure_skip_verify")
_SERVER = ("cert_file", "key_file", "password_hash")
# Keys for Prometheus.
CLIENT = (*_TLS, "username", "password")


def web_problems(web: t.Mapping[str, t.Any]) -> list[tuple[str, str]]:
    """Return the problems of monitoring_web, or of a variable of the same form: key and remedy.

    Values can be secret, and are not shown.
    """
    found = [
        (key, f"unknown key. The known keys are {', '.join((*_SERVER, *CLIENT))}")
        for key in web
        if key not in (*_SERVER, *CLIENT)
    ]
    for together in (("cert_file", "key_file"), ("username", "password", "password_hash")):
        given = [key for key in together if web.get(key)]
        found += [(key, f"missing. It is required together with {given[0]}") for key in together if given and key not in given]
    found += [
        (key, "must be an absolute path on the host")
        for key in ("cert_file", "key_file", "ca_file")
        if web.get(key) and not str(web[key]).startswith("/")
    ]
    if web.get("password_hash") and not str(web["password_hash"]).startswith("$2"):
        found.append(("password_hash", "must be the bcrypt hash of the password. To make one, run htpasswd -nBC 10 ''"))
    return found


def client_settings(web: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the keys of monitoring_web for Prometheus, and a ``revision`` that changes with the password."""
    found = {key: web[key] for key in CLIENT if web.get(key)}
    if "username" in found:
        found["revision"] = hashlib.sha256(str(web["password_hash"]).encode()).hexdigest()[:8]
    return found


def server_client_settings(settings: t.Mapping[str, t.Any], role: str) -> dict[str, t.Any]:
    """Return `client_settings` for the clients of a server whose *role* has the variables *settings*."""
    return client_settings(settings.get(f"{role}_web") or {})


def server_scheme(settings: t.Mapping[str, t.Any], role: str) -> str:
    """Return the scheme of the URLs of a server whose *role* has the variables *settings*."""
    return "https" if (settings.get(f"{role}_web") or {}).get("cert_file") else "http"


def scrape_config(job: str, web: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the part of the scrape config of a job for monitoring_web. The password is in a separate file."""
    found: dict[str, t.Any] = {}
    tls = {key: web[key] for key in _TLS if key in web}
    if tls:
        found["tls_config"] = tls
    if web.get("username"):
        found["basic_auth"] = {"username": web["username"], "password_file": password_file(job, web)}
    return found


def password_file(job: str, web: t.Mapping[str, t.Any]) -> str:
    """Return the path of the password file of a job, relative to prometheus.yml.

    Prometheus keeps the HTTP client, and the password that it has read, as long as the scrape config is the same (seen with
    Prometheus 3.5). A new password therefore gets a new file name.
    """
    return f"web/{job}-{web['revision']}.password"
