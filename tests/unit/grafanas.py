# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerting of a Grafana, for tests."""

from __future__ import annotations

import copy
import typing as t

ALERTING: dict[str, t.Any] = {
    "rules": [
        {
            "name": "shop",
            "folder": "Shop",
            "interval": "1m",
            "rules": [
                {
                    "uid": "shop-orders",
                    "title": "No orders",
                    "condition": "A",
                    "data": [
                        {
                            "refId": "A",
                            "relativeTimeRange": {"from": 600, "to": 0},
                            "datasourceUid": "prometheus-mon",
                            "model": {"expr": "rate(orders_total[5m]) == 0", "instant": True},
                        }
                    ],
                    "noDataState": "OK",
                    "for": "5m",
                    "labels": {"team": "shop"},
                    "annotations": {"summary": "{{ $labels.host }} sells nothing"},
                }
            ],
        }
    ],
    "contact_points": [
        {
            "name": "shop",
            "receivers": [
                {"uid": "shop-hook", "type": "webhook", "settings": {"url": "http://127.0.0.1/hook", "password": "a$b"}},
                {"uid": "shop-mail", "type": "email", "settings": {"addresses": "shop@example.com"}},
            ],
        }
    ],
    "policies": [
        {
            "receiver": "grafana-default-email",
            "group_by": ["alertname"],
            "routes": [{"receiver": "shop", "object_matchers": [["team", "=", "shop"]], "mute_time_intervals": ["night"]}],
        }
    ],
    "mute_timings": [
        {
            "name": "night",
            "time_intervals": [
                {
                    "times": [{"start_time": "00:00", "end_time": "06:00"}],
                    "weekdays": ["monday:friday"],
                    "location": "Europe/Paris",
                }
            ],
        }
    ],
    "templates": [{"name": "shop", "template": '{{ define "shop" }}Shop{{ end }}'}],
}


def alerting(path: str = "", value: t.Any = None) -> dict[str, t.Any]:
    """Return `ALERTING` with *value* at *path*, keys and indexes with dots between them. None removes the key."""
    found = copy.deepcopy(ALERTING)
    if path:
        *ways, last = (int(part) if part.isdigit() else part for part in path.split("."))
        place: t.Any = found
        for way in ways:
            place = place[way]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return found
