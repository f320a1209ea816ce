# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags and files of VictoriaMetrics' programs."""

from __future__ import annotations

import base64
from pathlib import Path

from store_fleets import WEB, groups, model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.victoria_metrics import (
    victoria_flags,
    vmauth_config,
    vmauth_files,
)


def test_a_store_gets_its_directory_its_retention_and_the_interval_of_duplicates(tmp_path: Path) -> None:
    """Without replicas, the store keeps all samples."""
    flags = {"enableTCP6": True, "storageDataPath": "/var/lib/victoria-metrics", "retentionPeriod": "2y"}
    its = model(tmp_path, victoria_metrics_retention="2y")
    assert victoria_flags(its, "s1", "victoria_metrics") == {**flags, "dedup.minScrapeInterval": "15000ms"}
    its = model(tmp_path / "one", groups(p2={"prometheus_state": "absent"}), victoria_metrics_retention="2y")
    assert victoria_flags(its, "s1", "victoria_metrics") == flags
    assert victoria_flags(its, "p1", "vmauth") == {"enableTCP6": True, "auth.config": "/etc/vmauth/auth.yml"}


def test_vmauth_asks_the_stores_in_turn(tmp_path: Path) -> None:
    """Without a password, it also removes the one of its own client."""
    config = vmauth_config(model(tmp_path), "p1")
    (route,) = config["unauthorized_user"]["url_map"]
    assert route["url_prefix"] == ["http://s1:8428/", "http://s2:8428/"]
    assert (route["load_balancing_policy"], route["headers"]) == ("first_available", ["Authorization:"])
    assert "users" not in config


def test_vmauth_uses_tls_and_the_password_of_the_stores(tmp_path: Path) -> None:
    """The password is not part of a URL, which vmauth logs; and the file is a secret."""
    its = model(tmp_path, groups(p1={"vmauth_web": {**WEB, "password": "own"}}), monitoring_web=WEB)
    (user,) = vmauth_config(its, "p1")["users"]
    assert (user["username"], user["password"]) == ("prometheus", "own")
    assert (user["tls_ca_file"], user["tls_server_name"]) == ("/etc/ssl/ca.crt", "example.com")
    (route,) = user["url_map"]
    assert route["url_prefix"] == ["https://s1:8428/", "https://s2:8428/"]
    assert route["headers"] == ["Authorization: Basic " + base64.b64encode(b"prometheus:hidden").decode()]
    (file,) = vmauth_files(its, "p1").values()
    assert file["secret"] is True
