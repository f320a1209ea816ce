# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags for the passwords and the TLS of other servers."""

from __future__ import annotations

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.client_flags import client_flags, listed


def test_a_client_without_a_password_has_no_file() -> None:
    """Only what is set becomes a flag."""
    assert client_flags("/etc/x", "j", {}) == {}
    assert client_flags("/etc/x", "j", {"ca_file": "/ca", "username": "u", "password": "hidden", "revision": "1"}) == {
        "tlsCAFile": "/ca",
        "basicAuth.username": "u",
        "basicAuth.passwordFile": "/etc/x/web/j-1.password",
    }


def test_a_flag_has_a_value_for_each_server() -> None:
    """The values belong to the servers by their order, so that a server without the setting has an empty value."""
    found = listed("remoteWrite", [{"tlsInsecureSkipVerify": True}, {"tlsCAFile": "/ca"}])
    assert found == {"remoteWrite.tlsCAFile": ["", "/ca"], "remoteWrite.tlsInsecureSkipVerify": [True, False]}
