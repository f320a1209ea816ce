# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the metrics of a Mastodon instance."""

from __future__ import annotations

import argparse
import json
import sys
import typing as t
from pathlib import Path

from prometheus_client.core import Metric
from redis import Redis, RedisError
from vigie_exporter import Exporter, gauge, serve

from mastodon_exporter.instance import Instance
from mastodon_exporter.sidekiq import Sidekiq


class MastodonExporter(Exporter):
    """Queries the instance and, if it is configured, the jobs."""

    def __init__(self, instance: Instance, sidekiq: Sidekiq | None) -> None:
        """Query *instance* and *sidekiq*."""
        self._instance = instance
        self._sidekiq = sidekiq

    def collect(self) -> t.Iterator[Metric]:
        """Yield the metrics. One part does not answer: the metrics of the other part are there."""
        try:
            metrics = self._instance.collect()
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"The instance does not answer as expected: {error!r}", file=sys.stderr)  # noqa: T201 - the journal
            metrics = []
        yield gauge("mastodon_up", "Whether the API of the instance answers.", {}, float(bool(metrics)))
        yield from metrics
        if self._sidekiq is None:
            return
        try:
            jobs = self._sidekiq.collect()
        except (RedisError, ValueError) as error:
            print(f"Redis does not answer as expected: {error}", file=sys.stderr)  # noqa: T201 - the journal
            jobs = []
        yield gauge("mastodon_sidekiq_up", "Whether Redis answers with the data of Sidekiq.", {}, float(bool(jobs)))
        yield from jobs


def build(settings: t.Mapping[str, t.Any]) -> MastodonExporter:
    """Return the exporter with *settings*: url, token, redis_url, redis_namespace and timeout."""
    timeout = float(settings["timeout"])
    sidekiq = None
    if settings["redis_url"]:
        redis = Redis.from_url(settings["redis_url"], socket_timeout=timeout, socket_connect_timeout=timeout)
        sidekiq = Sidekiq(redis, settings["redis_namespace"])
    return MastodonExporter(Instance(settings["url"], settings["token"], timeout), sidekiq)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="mastodon_exporter", description="Serve the metrics of a Mastodon instance.")
    parser.add_argument("--web.listen-address", dest="address", default=":9811", help="address and port of the metrics")
    parser.add_argument("--config", type=Path, required=True, help="JSON file with the settings, which contain passwords")
    arguments = parser.parse_args()
    serve(build(json.loads(arguments.config.read_text(encoding="utf-8"))), arguments.address)


if __name__ == "__main__":
    main()
