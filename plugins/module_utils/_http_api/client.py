# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries the HTTP APIs of Prometheus, Alertmanager and Grafana. Private to the collection."""

from __future__ import annotations

import base64
import functools
import http.client
import json
import operator
import ssl
import typing as t
import urllib.request

from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.module_utils.urls import open_url


class ApiError(Exception):
    """A server did not answer, or gave an invalid answer. The text is for the operator."""


def password_options(username: str, password: str) -> dict[str, t.Any]:
    """Return the parameters of ``open_url`` for a user name and a password; none if *username* is empty."""
    return {"url_username": username, "url_password": password, "force_basic_auth": True} if username else {}


def get_json(
    address: str,
    timeout: float,
    *keys: str,
    server: str = "Prometheus",
    tls: t.Mapping[str, t.Any] | None = None,
    **credentials: t.Any,
) -> t.Any:
    """Return the value at *keys*, one below the other, in the JSON that *address* returns.

    :param server: name of the program, for the message.
    :param tls: ``ca_file``, ``server_name`` and ``insecure_skip_verify``, for a server on another host. None for a server on this
        host, whose certificate is not verified.
    :param credentials: parameters of ``open_url`` for user name and password.
    :raises ApiError: if the server does not answer, or the answer is not JSON with these keys.
    """
    try:
        return functools.reduce(operator.getitem, keys, json.loads(_read(address, timeout, tls, credentials)))
    except Exception as error:
        raise _no_answer(server, address, error) from error


def get_text(
    address: str, timeout: float, server: str = "Prometheus", tls: t.Mapping[str, t.Any] | None = None, **credentials: t.Any
) -> str:
    """Return the text that *address* returns. The parameters are those of `get_json`.

    :raises ApiError: if the server does not answer.
    """
    try:
        return to_text(_read(address, timeout, tls, credentials))
    except Exception as error:
        raise _no_answer(server, address, error) from error


def _no_answer(server: str, address: str, error: Exception) -> ApiError:
    return ApiError(f"{server} does not answer at {address}: {to_text(getattr(error, 'reason', error))}")


def _read(address: str, timeout: float, tls: t.Mapping[str, t.Any] | None, credentials: dict[str, t.Any]) -> bytes:
    if tls is None:
        return bytes(open_url(address, timeout=timeout, use_proxy=False, validate_certs=False, **credentials).read())
    return _read_remote(address, timeout, tls, credentials)


def _read_remote(address: str, timeout: float, tls: t.Mapping[str, t.Any], credentials: t.Mapping[str, t.Any]) -> bytes:
    """Return the answer of a server on another host.

    ``open_url`` cannot verify another name than the host of the URL, and the URLs of servers often contain addresses.
    """
    context = ssl.create_default_context(cafile=tls.get("ca_file") or None)
    if tls.get("insecure_skip_verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE

    class Connection(http.client.HTTPSConnection):
        def connect(self) -> None:
            http.client.HTTPConnection.connect(self)
            self.sock = context.wrap_socket(self.sock, server_hostname=tls.get("server_name") or self.host)

    class Handler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Connection, req)

    request = urllib.request.Request(address)  # noqa: S310 - the URL of an Alertmanager, as Prometheus reports it
    if credentials:
        token = base64.b64encode(to_bytes(f"{credentials['url_username']}:{credentials['url_password']}")).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Handler)
    with opener.open(request, timeout=timeout) as answer:
        return bytes(answer.read())
