# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to HTTP APIs."""

from __future__ import annotations

import io

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api import client, prometheus_targets


def test_a_server_that_does_not_answer_is_named() -> None:
    """Port 9 of the loopback refuses."""
    with pytest.raises(client.ApiError, match=r"does not answer at http://127\.0\.0\.1:9/api/v1/targets"):
        prometheus_targets.fetch("http://127.0.0.1:9", timeout=2)


def test_an_answer_without_targets_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's JSON, a proxy's for instance."""
    monkeypatch.setattr(client, "open_url", lambda *_args, **_kwargs: io.BytesIO(b'{"error": "x"}'))
    with pytest.raises(client.ApiError, match=r"does not answer at http://x/api/v1/targets"):
        prometheus_targets.fetch("http://x", timeout=2)
