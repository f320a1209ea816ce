# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of Mastodon, from the data of Sidekiq in Redis. The exporter only reads."""

from __future__ import annotations

import json
import time
import typing as t

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from vigie_exporter import gauge

if t.TYPE_CHECKING:
    from redis import Redis

# The sorted sets of Sidekiq.
_SETS = ("schedule", "retry", "dead")
# Sidekiq before 8 counts seconds, and since 8 milliseconds.
_MILLISECONDS = 1e11


class Sidekiq:
    """Reads the data of Sidekiq."""

    def __init__(self, redis: Redis, namespace: str = "") -> None:
        """Use the connection *redis*, and the *namespace* of the keys (REDIS_NAMESPACE of Mastodon)."""
        self._redis = redis
        self._prefix = f"{namespace}:" if namespace else ""

    def collect(self) -> list[Metric]:
        """Return the metrics of all queues.

        :raises redis.RedisError: if Redis does not answer, or refuses the account.
        """
        sizes = GaugeMetricFamily("mastodon_sidekiq_queue_jobs", "Jobs that wait in the queue.", labels=["queue"])
        ages = GaugeMetricFamily("mastodon_sidekiq_queue_seconds", "Age of the oldest job in the queue.", labels=["queue"])
        redis = t.cast("t.Any", self._redis)
        for name in sorted(queue.decode() for queue in redis.smembers(f"{self._prefix}queues")):
            sizes.add_metric([name], redis.llen(f"{self._prefix}queue:{name}"))
            ages.add_metric([name], _age(redis.lrange(f"{self._prefix}queue:{name}", -1, -1)))
        counts = CounterMetricFamily("mastodon_sidekiq_jobs", "Jobs that have ended.", labels=["result"])
        for result in ("processed", "failed"):
            counts.add_metric([result], float(redis.get(f"{self._prefix}stat:{result}") or 0))
        sets = GaugeMetricFamily("mastodon_sidekiq_set_jobs", "Jobs that wait for their time, or have failed.", labels=["set"])
        for name in _SETS:
            sets.add_metric([name], redis.zcard(f"{self._prefix}{name}"))
        processes = redis.scard(f"{self._prefix}processes")
        return [sizes, ages, counts, sets, gauge("mastodon_sidekiq_processes", "Processes that work on jobs.", {}, processes)]


def _age(oldest: list[bytes]) -> float:
    """Return the seconds since *oldest*, at most one job, was put into its queue."""
    if not oldest:
        return 0.0
    queued = float(json.loads(oldest[0]).get("enqueued_at") or 0)
    seconds = queued / 1000 if queued > _MILLISECONDS else queued
    return max(0.0, time.time() - seconds) if seconds else 0.0
