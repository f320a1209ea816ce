# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and ports of the inventory."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import addresses


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("web1", "web1"),
        ("web1.example.com", "web1.example.com"),
        ("web_1", "web_1"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        (5, "5"),
        ("", None),
        ("a b", None),
        ("web1:9100", None),
        ("[2001:db8::1]:9100", None),
        ("[192.0.2.1]", None),
        ("[2001:db8::1", None),
        ("2001:db8::1/64", None),
        ("https://web1", None),
        ("web1/metrics", None),
    ],
)
def test_an_address(value: t.Any, expected: str | None) -> None:
    """A name or an address, without scheme, port and path; an IPv6 address without its brackets."""
    assert addresses.parse_address(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        # The address of a host in the network is the network.
        ("192.0.2.7/24", "192.0.2.0/24"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("nat.example.com", "nat.example.com"),
        ("192.0.2.0/33", None),
        ("nat.example.com/24", None),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("/24", None),
        ("a b", None),
        (None, "None"),
    ],
)
def test_a_source(value: t.Any, expected: str | None) -> None:
    """A network, or an address."""
    assert addresses.parse_source(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        ("9100", 9100),
        (65535, 65535),
        *(
            (value, None)
            for value in (0, 65536, -1, "", "http", "9100 ", " 9100", "+9100", "9_100", "٩١٠٠", "0x10", 9.5, True, None)
        ),
    ],
)
def test_a_port(value: t.Any, expected: int | None) -> None:
    """A whole number in ASCII digits that TCP has."""
    assert addresses.parse_port(value) == expected
