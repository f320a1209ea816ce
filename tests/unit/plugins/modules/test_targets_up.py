# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it is waited for targets."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.modules import targets_up

EXPECTED = [{"job": "node", "instance": "web1:9100"}]


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        """Start."""
        self.now = 1000.0

    def time(self) -> float:
        """Return what it is."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.now += seconds


@pytest.mark.parametrize(("until", "seconds"), [("scraped", 10), ("up", 60)])
def test_a_missing_target_is_waited_for_as_long_as_it_may_come(
    monkeypatch: pytest.MonkeyPatch, until: str, seconds: float
) -> None:
    """A comparison does not wait for what was not rolled out; a deployment gives its targets all the time."""
    clock = Clock()
    monkeypatch.setattr(targets_up, "time", clock)
    monkeypatch.setattr(targets_up.prometheus_targets, "time", clock)
    monkeypatch.setattr(targets_up.prometheus_targets, "fetch", lambda *_args, **_options: [])
    monkeypatch.setattr(targets_up.prometheus_targets, "not_up", lambda *_args, **_options: ["web1:9100"])
    params: dict[str, t.Any] = {"url": "http://x", "targets": EXPECTED, "until": until, "timeout": 60, "interval": 1.0}
    _active, (line,) = targets_up.wait(params, once=False)
    assert line == "web1:9100 (job node): Prometheus does not know this target"
    assert clock.now - 1000 == seconds
