# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that are restored. The tests share the fleet of the scenario, and run in any order."""

from __future__ import annotations

import json
import time
import typing as t
from urllib.parse import quote

DIRECTORY = "/var/backups/tests"
# A program for the hosts that writes a sample with the value 7 to VictoriaMetrics: password and name of the series.
WRITE = """
import base64, ssl, sys, urllib.request
login = base64.b64encode(f"prometheus:{sys.argv[1]}".encode()).decode()
url, headers = "https://localhost:8428/api/v1/import/prometheus", {"Authorization": f"Basic {login}"}
request = urllib.request.Request(url, data=f"{sys.argv[2]} 7\\n".encode(), headers=headers)
urllib.request.urlopen(request, timeout=5, context=ssl._create_unverified_context())
"""


def newest(scenario: t.Any, host: str, role: str, expression: str) -> float:
    """Return the value of the first series, or 0."""
    path = f"/api/v1/query?latency_offset=1ms&nocache=1&query={quote(expression)}"
    result = json.loads(scenario.ask(host, role, path))["data"]["result"]
    return float(result[0]["value"][1]) if result else 0


def wiped(scenario: t.Any, host: str, service: str, directory: str) -> None:
    """Stop a service, delete all its data, and start it again."""
    scenario.on(host).check_output(
        f"systemctl stop {service} && find {directory} -mindepth 1 -delete && systemctl start {service}"
    )


def test_the_samples_of_victoria_metrics_come_back(scenario: t.Any) -> None:
    """A series that no Prometheus server writes, from before the backup. A second backup copies what has changed only."""
    marker = f"marker{int(time.time())}"
    scenario.on("store2").check_output(
        "python3 -c %s %s %s", WRITE, scenario.web("store2", "victoria_metrics")["password"], marker
    )
    scenario.wait(lambda: newest(scenario, "store2", "victoria_metrics", marker) == 7)
    for _number in range(2):
        play = scenario.play("backup.yml", "--limit", "store2", backup_dir=DIRECTORY)
        assert play.rc == 0, play.output
    wiped(scenario, "store2", "victoria_metrics", "/var/lib/victoria-metrics")
    scenario.wait(
        lambda: newest(scenario, "store2", "victoria_metrics", f"count(last_over_time({marker}[1h])) or vector(0)") == 0
    )
    play = scenario.play("restore.yml", "--limit", "store2", backup_dir=DIRECTORY)
    assert play.rc == 0, play.output
    assert newest(scenario, "store2", "victoria_metrics", f"last_over_time({marker}[1h])") == 7
    # The Prometheus servers write again.
    scenario.wait(lambda: newest(scenario, "store2", "victoria_metrics", 'timestamp(up{job="node"})') > time.time() - 10)


def test_the_samples_of_prometheus_come_back(scenario: t.Any) -> None:
    """Those from before the backup. mon1 has no API for snapshots, and the message says how to get it."""
    first = "min(min_over_time(timestamp(up)[1h:2s]))"
    before = newest(scenario, "mon2", "prometheus", first)
    play = scenario.play("backup.yml", "--limit", "mon2", backup_dir=DIRECTORY)
    assert play.rc == 0, play.output
    wiped(scenario, "mon2", "prometheus", "/var/lib/prometheus")
    scenario.wait(lambda: scenario.on("mon2").run("timeout 1 bash -c '</dev/tcp/localhost/9090'").rc == 0)
    play = scenario.play("restore.yml", "--limit", "mon2", backup_dir=DIRECTORY)
    assert play.rc == 0, play.output
    assert abs(newest(scenario, "mon2", "prometheus", first) - before) < 30
    play = scenario.play("backup.yml", "--limit", "mon1", backup_dir=DIRECTORY)
    assert play.rc != 0
    assert "Set prometheus_flags: {web.enable-admin-api: true}" in " ".join(play.output.split())


def test_a_restore_names_its_servers_and_needs_a_backup(scenario: t.Any) -> None:
    """Without a limit, all servers would lose their data; without a backup, the server keeps on running."""
    play = scenario.play("restore.yml")
    assert play.rc != 0
    assert "restore replaces the data of servers. Name them" in " ".join(play.output.split())
    play = scenario.play("restore.yml", "--limit", "store1", backup_dir="/nowhere")
    assert play.rc != 0
    assert "the directory has no complete backup of VictoriaMetrics" in " ".join(play.output.split())
    assert scenario.on("store1").run("systemctl is-active victoria_metrics").rc == 0
