# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that the tests of several packages of plugins need."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import build as pipeline
from ansible_collections.vigie.monitoring.plugins.plugin_utils._pipeline import cache


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without any model, as a run of Ansible does."""
    monkeypatch.setattr(cache, "_models", {})
    monkeypatch.setattr(cache, "_of_this_task", set())


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets an item for each model that is built: the host that the model is for."""
    found: list[str] = []
    real = pipeline.build_model

    def build(*args: t.Any, **kwargs: t.Any) -> t.Any:
        found.append(kwargs["host"])
        return real(*args, **kwargs)

    monkeypatch.setattr(pipeline, "build_model", build)
    return found
