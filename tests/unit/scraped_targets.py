# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets that a real Prometheus on the loopback interface finds in a configuration, for tests."""

from __future__ import annotations

import collections
import contextlib
import json
import tempfile
import time
import typing as t
import urllib.request
from pathlib import Path

from servers import running_prometheus

Labels = tuple[tuple[str, str], ...]
# How often each target is there, by scrape config.
Found = dict[str, collections.Counter[Labels]]
# The keys of a target in the API, by the names under which a test sees them.
PARAMETERS = {"url": "scrapeUrl", "interval": "scrapeInterval", "timeout": "scrapeTimeout"}


def discovered(prometheus: str, etc: Path, jobs: set[str], *, without: t.Collection[str] = ("host",)) -> Found:
    """Return, by job, how often a real Prometheus with the configuration in *etc* scrapes each target.

    What it scrapes in addition is left out. Of a job whose targets are all dropped, there is an empty counter.

    :param without: labels to leave out.
    """
    with tempfile.TemporaryDirectory() as data, running_prometheus(prometheus, etc / "prometheus.yml", Path(data)) as url:
        return _asked(f"{url}/api/v1/targets?state=any", jobs, without)


def _asked(url: str, jobs: set[str], without: t.Collection[str]) -> Found:
    """Return what the server at *url* has of *jobs*, when it has targets of each. It takes all that it finds in one go."""
    deadline = time.monotonic() + 60
    while True:
        found: Found = {}
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - it is ours
                data = json.load(answer)["data"]
            for target in data["droppedTargets"]:
                if target["scrapePool"] in jobs:
                    found.setdefault(target["scrapePool"], collections.Counter())
            for target in data["activeTargets"]:
                labels = [*((name, target[key]) for name, key in PARAMETERS.items()), *target["labels"].items()]
                if target["scrapePool"] in jobs:
                    own = tuple(sorted((name, value) for name, value in labels if name not in without))
                    found.setdefault(target["scrapePool"], collections.Counter())[own] += 1
        if set(found) == jobs:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
