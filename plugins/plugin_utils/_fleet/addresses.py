# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and ports. Private to the collection."""

from __future__ import annotations

import ipaddress
import re
import typing as t

_NAME_OR_IPV4 = re.compile(r"[^\s/:\[\]]+")


MAX_PORT = 65535


def parse_address(value: t.Any) -> str | None:
    """Return the address of a host (an IPv6 address without brackets), or None if *value* is not an address."""
    text = value if isinstance(value, str) else str(value)
    if _NAME_OR_IPV4.fullmatch(text):
        return text
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        ipaddress.IPv6Address(bare)
    except ValueError:
        return None
    return bare


def parse_source(value: t.Any) -> str | None:
    """Return an address or a network, or None if *value* is neither."""
    try:
        return str(ipaddress.ip_network(str(value), strict=False)) if "/" in str(value) else parse_address(value)
    except ValueError:
        return None


def host_port(host: str, port: int | str) -> str:
    """Return an address and a *port* as one string, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reached_at(listen_address: str, port: int | str) -> str:
    """Return the address and port of a service for clients on the same host. An empty address, 0.0.0.0 and :: stand for all."""
    everywhere = listen_address in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return host_port("localhost" if everywhere else listen_address, port)


def parse_port(value: t.Any) -> int | None:
    """Return a TCP port, or None if *value* is not a port."""
    text = str(value)
    port = int(text) if text.isascii() and text.isdigit() else 0
    return port if 1 <= port <= MAX_PORT else None
