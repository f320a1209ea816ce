# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus scrapes GitLab and Harbor as docs/own_exporter.md shows. A server that asks for tokens is in their place."""

from __future__ import annotations

import json
import re
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from inventories import Made, write
from servers import Reply, Server, running_prometheus

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.role_contracts import contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.prometheus import prometheus_tree

GUIDE = Path(__file__).parents[3] / "docs" / "own_exporter.md"
SECTION = GUIDE.read_text(encoding="utf-8").partition("## Applications with a token")[2]
GROUPS = yaml.safe_load("\n".join(re.findall(r"^```yaml\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)))
TOKENS = {"vault_gitlab_health_check": "gl-token", "vault_harbor_metrics": "hb-token"}
COMPONENTS = {"harbor": "exporter", "harbor_core": "core", "harbor_registry": "registry", "harbor_jobservice": "jobservice"}


def reply(target: str, headers: t.Mapping[str, str]) -> Reply:
    """Answer as GitLab does, and as Harbor behind a reverse proxy does."""
    url = urlsplit(target)
    query = parse_qs(url.query)
    text = {"Content-Type": "text/plain; version=0.0.4"}
    if url.path == "/-/metrics":
        return (200, text, b"gitlab_up 1\n") if query.get("token") == ["gl-token"] else (404, {}, b"")
    if headers.get("Authorization") != "Bearer hb-token":
        return 401, {}, b""
    return 200, text, f'harbor_up{{component="{query.get("comp", ["exporter"])[0]}"}} 1\n'.encode()


def fleet(path: Path, port: int, tokens: dict[str, str]) -> t.Any:
    """Return the model of the documented groups. The server of the test is at *port*, and has no TLS."""
    groups = {}
    for name, group in GROUPS.items():
        changes = {"port": port, "scheme": "http", "scrape_interval": "1s", "scrape_timeout": "1s"}
        scrapes = [
            {key: value for key, value in {**item, **changes}.items() if key != "tls"}
            for item in group["vars"]["monitoring_scrapes"]
        ]
        groups[name] = {"hosts": {f"{name}1": {"ansible_host": "127.0.0.1"}}, "vars": {**tokens, "monitoring_scrapes": scrapes}}
    server = {"ansible_host": "127.0.0.1", "prometheus_scrape_interval": "1h", "prometheus_version": "latest"}
    groups["prometheus"] = {"hosts": {"p": server}}
    model, problems = Made(path, {"hosts.yml": {"all": {"children": groups}}}).build(contracts())
    assert problems == []
    return model


def series(url: str, query: str) -> list[dict[str, t.Any]]:
    """Return the series of a query, or none while Prometheus starts."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?query={query}", timeout=5) as answer:  # noqa: S310 - it is ours
            return json.load(answer)["data"]["result"]
    except urllib.error.URLError:
        return []


@pytest.mark.parametrize(("tokens", "value"), [(TOKENS, "1"), (dict.fromkeys(TOKENS, "wrong"), "0")], ids=["right", "wrong"])
def test_the_documented_endpoints(tmp_path: Path, newest_prometheus: str, tokens: dict[str, str], value: str) -> None:
    """All endpoints are up with their tokens, and down with others."""
    server = Server(reply)
    model = fleet(tmp_path / "fleet", int(server.host.partition(":")[2]), tokens)
    files = prometheus_tree(model, "p")
    assert not any("hb-token" in text for text in files.values() if isinstance(text, str))
    write(tmp_path / "etc", {name: text if isinstance(text, str) else text["content"] for name, text in files.items()})
    (tmp_path / "data").mkdir()
    jobs = {"gitlab", *COMPONENTS}
    with running_prometheus(newest_prometheus, tmp_path / "etc" / "prometheus.yml", tmp_path / "data") as url:
        deadline, up = time.monotonic() + 60, {}
        while time.monotonic() < deadline and not jobs <= set(up):
            time.sleep(0.2)
            up = {its["metric"]["job"]: its["value"][1] for its in series(url, "up")}
        assert {job: up.get(job) for job in jobs} == dict.fromkeys(jobs, value)
        found = {its["metric"]["job"]: its["metric"]["component"] for its in series(url, "harbor_up")}
    server.close()
    assert found == (COMPONENTS if value == "1" else {})
