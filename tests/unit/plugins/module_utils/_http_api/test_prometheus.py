# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Prometheus server knows beside its targets."""

from __future__ import annotations

import io
import json
import re
import typing as t
from urllib.parse import unquote

import pytest

from ansible_collections.vigie.monitoring.plugins.module_utils._http_api import client, prometheus


def build(version: str, instance: str = "web1:9100", name: str = "node_exporter_build_info", **labels: str) -> dict[str, str]:
    """Return the labels of a series that tells a build."""
    return {
        "__name__": name,
        "host": instance.partition(":")[0],
        "instance": instance,
        "job": "node",
        "version": version,
        **labels,
    }


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[dict[str, t.Any]], list[str]]:
    """Return a function that sets what addresses answer, by a part of them, and returns what is asked."""

    def answer(table: dict[str, t.Any]) -> list[str]:
        asked: list[str] = []

        def open_url(address: str, **_options: t.Any) -> io.BytesIO:
            asked.append(unquote(address))
            return io.BytesIO(json.dumps(next(what for part, what in table.items() if part in asked[-1])).encode())

        monkeypatch.setattr(client, "open_url", open_url)
        return asked

    return answer


def result(*series: tuple[dict[str, str], float]) -> dict[str, t.Any]:
    """Return the answer of a query."""
    return {"data": {"result": [{"metric": labels, "value": [200.0, str(value)]} for labels, value in series]}}


def bare(labels: dict[str, str]) -> dict[str, str]:
    """Return labels as a function of PromQL gives them."""
    return {name: value for name, value in labels.items() if name != "__name__"}


def test_the_build_of_the_last_scrape_is_the_one_that_runs(answers: t.Any) -> None:
    """A Prometheus that was started again finds the series of before for five minutes; others are not asked about twice."""
    old, new, other = build("1.10.0"), build("1.11.1"), build("1.11.1", "web2:9100")
    asked = answers(
        {
            "query=timestamp(node_exporter_build_info": result((bare(old), 100.0), (bare(new), 160.0)),
            "query={__name__": result((old, 1), (other, 1), (new, 1)),
        }
    )
    rows = prometheus.builds("http://x", 2, [])
    assert [(row["instance"], row["version"]) for row in rows] == [("web2:9100", "1.11.1"), ("web1:9100", "1.11.1")]
    assert asked[1:] == ['http://x/api/v1/query?query=timestamp(node_exporter_build_info{instance=~"web1:9100"})']


def test_what_tells_several_builds_at_once_has_them_all(answers: t.Any) -> None:
    """The components of an application, of one scrape; and nothing is asked where each has one."""
    parts = build("1", part="a"), build("2", part="b")
    stamps = {"query=timestamp": result(*((bare(part), 160.0) for part in parts))}
    answers({**stamps, "query={": result(*((part, 1) for part in parts))})
    assert [row["version"] for row in prometheus.builds("http://x", 2, [])] == ["1", "2"]
    asked = answers({"query={": result((build("1"), 1), (build("1", "web2:9100"), 1), (build("1", name="app_build_info"), 1))})
    assert len(prometheus.builds("http://x", 2, [])) == 3
    assert len(asked) == 1


def test_a_server_tells_its_version_itself(answers: t.Any) -> None:
    """Its own series tells it only after it has scraped itself."""
    asked = answers({"": {"status": "success", "data": {"version": "3.5.3+ds1", "revision": "x"}}})
    assert prometheus.version("http://x/prefix", 2) == "3.5.3+ds1"
    assert asked == ["http://x/prefix/api/v1/status/buildinfo"]


def test_alertmanagers_are_asked_themselves(answers: t.Any) -> None:
    """Below the path that Prometheus has of them; one that does not answer says so."""
    known = [{"url": f"http://{name}:9093/alerts-for-all/api/v2/alerts"} for name in ("a", "b")]
    asked = answers(
        {
            "/api/v1/alertmanagers": {"data": {"activeAlertmanagers": known}},
            "http://a": {"cluster": {"peers": [1, 2]}, "versionInfo": {"version": "0.33.1"}},
            "http://b": {"error": "x"},
        }
    )
    first, second = prometheus.alertmanagers("http://x", 2)
    assert first == {"address": "a:9093", "error": "", "peers": 2, "version": "0.33.1"}
    assert (second["version"], second["peers"]) == ("", 0)
    assert re.match("Alertmanager does not answer at http://b", second["error"])
    assert asked[1] == "http://a:9093/alerts-for-all/api/v2/status"


def test_the_targets_with_the_most_series(answers: t.Any) -> None:
    """The largest first; of some hosts, only their series are read."""
    names = [{"host": host, "job": "node", "instance": f"{host}:9100"} for host in ("a", "b")]
    asked = answers({"query=topk": result((names[0], 5), (names[1], 200000))})
    assert prometheus.largest("http://x", 2, []) == [{**names[1], "series": 200000}, {**names[0], "series": 5}]
    prometheus.largest("http://x", 2, ["a"])
    series = "topk(10, scrape_samples_post_metric_relabeling"
    assert [path.split("query=")[1] for path in asked] == [f"{series}{{}})", f'{series}{{host=~"a"}})']
