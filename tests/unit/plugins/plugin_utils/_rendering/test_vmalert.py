# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags and the files of vmalert. The real program reads the files."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import yaml
from store_fleets import WEB, groups, model

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.victoria_metrics import victoria_flags
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.vmalert import store_of, vmalert_files


def fleet(path: Path, alerting: t.Iterable[str] = ("v1", "v2"), **variables: t.Any) -> t.Any:
    """Return a fleet with vmalert on the hosts *alerting*, and an Alertmanager."""
    children = {**groups(), "alertmanager": {"hosts": {"p1": None}}, "vmalert": {"hosts": dict.fromkeys(alerting)}}
    return model(path, children, **variables)


def test_each_vmalert_has_one_store(tmp_path: Path) -> None:
    """The one on its own host, or the one at its place."""
    its = fleet(tmp_path, ("s2", "v1", "v2"))
    assert [store_of(its, host).host for host in ("s2", "v1", "v2")] == ["s2", "s2", "s1"]


def test_vmalert_reads_from_the_store_that_it_writes_to(tmp_path: Path) -> None:
    """And sends its alerts to every Alertmanager. A fleet without one has recording rules nevertheless."""
    flags = victoria_flags(fleet(tmp_path), "v2", "vmalert")
    assert {flags[f"{prefix}.url"] for prefix in ("datasource", "remoteWrite", "remoteRead")} == {"http://s2:8428"}
    assert flags["notifier.url"] == ["http://p1:9093"]
    assert "notifier.blackhole" not in flags
    alone = model(tmp_path / "alone", {**groups(), "vmalert": {"hosts": {"v1": None}}})
    assert victoria_flags(alone, "v1", "vmalert")["notifier.blackhole"] is True


def test_passwords_are_in_files(tmp_path: Path) -> None:
    """No flag has a password."""
    its = fleet(tmp_path, monitoring_web=WEB)
    flags, files = victoria_flags(its, "v1", "vmalert"), vmalert_files(its, "v1")
    assert "hidden" not in str(flags)
    assert (flags["datasource.url"], flags["datasource.tlsServerName"]) == ("https://s1:8428", "example.com")
    assert flags["notifier.basicAuth.username"] == ["prometheus"]
    for path in (flags["remoteWrite.basicAuth.passwordFile"], *flags["notifier.basicAuth.passwordFile"]):
        assert files[path.removeprefix("/etc/vmalert/")] == {"content": "hidden", "secret": True}


def test_vmalert_has_the_rules_of_all_hosts(tmp_path: Path, newest_vmalert: str) -> None:
    """With the thresholds of hosts that different servers scrape, and an alert for each agent. vmalert accepts the rules."""
    own = {"web1": {"monitoring_thresholds": {"cpu_used_percent": 42}}, "p2": {"prometheus_mode": "agent"}}
    children: dict[str, t.Any] = {**groups(**own), "alertmanager": {"hosts": {"p1": None}}, "vmalert": {"hosts": {"v1": None}}}
    children["prometheus"]["hosts"]["p1"] = {"prometheus_scrape_hosts": "web1"}
    children["prometheus"]["hosts"]["p2"]["prometheus_scrape_hosts"] = "all:!web1"
    extra = [{"name": "own", "rules": [{"alert": "Own", "expr": "up == 0"}]}]
    its = model(tmp_path / "fleet", children, vmalert_extra_rules=extra)
    files = vmalert_files(its, "v1")
    assert {"rules/prometheus.yml", "rules/node_exporter.yml", "rules/limits.yml", "rules/extra.yml"} <= set(files)
    assert 'host=~"web1"' in files["rules/thresholds.yml"]
    ((silent,),) = [group["rules"] for group in yaml.safe_load(files["rules/agents.yml"])["groups"]]
    assert silent["labels"] == {"severity": "critical", "agents": "p2"}
    assert "web2" in silent["expr"]
    assert "web1" not in silent["expr"]
    assert "role: global" not in "".join(files.values())
    for path, text in files.items():
        target = tmp_path / "tree" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    command = [newest_vmalert, "-dryRun", f"-rule={tmp_path}/tree/rules/*.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
