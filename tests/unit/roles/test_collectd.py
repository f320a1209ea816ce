# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts of node_exporter on the values of collectd 5.12, in the form that its plugin write_prometheus gives them."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.rules import alert_rules

ROOT = Path(__file__).parents[3]
PLACE = 'job="collectd",instance="old1:9103",host="old1"'
# collectd adds the name of the host.
TARGET = f'{PLACE},exported_instance="old1.example.com"'
# A host without a problem. Memory and file systems are in bytes, processor time in hundredths of a second.
USUAL = {
    'collectd_cpu_total{cpu="0",type="idle",': "0+5000x120",
    'collectd_cpu_total{cpu="0",type="user",': "0+1000x120",
    'collectd_cpu_total{cpu="0",type="steal",': "0x120",
    'collectd_memory{memory="used",': "100x120",
    'collectd_memory{memory="free",': "200x120",
    'collectd_memory{memory="buffered",': "100x120",
    'collectd_memory{memory="cached",': "500x120",
    'collectd_memory{memory="slab_recl",': "50x120",
    'collectd_memory{memory="slab_unrecl",': "50x120",
    'collectd_swap_swap_io_total{swap="in",': "0x120",
    'collectd_df_df_complex{df="root",type="free",': "600x120",
    'collectd_df_df_complex{df="root",type="reserved",': "50x120",
    'collectd_df_df_complex{df="root",type="used",': "350x120",
    'collectd_df_df_inodes{df="root",type="free",': "900x120",
    'collectd_df_df_inodes{df="root",type="reserved",': "0x120",
    'collectd_df_df_inodes{df="root",type="used",': "100x120",
    'collectd_disk_disk_io_time_weighted_io_time_total{disk="vda",': "0+60000x120",
    'collectd_interface_if_errors_rx_total{interface="eth0",': "0x120",
    'collectd_interface_if_errors_tx_total{interface="eth0",': "0x120",
    'collectd_interface_if_packets_rx_total{interface="eth0",': "0+1000x120",
    'collectd_interface_if_packets_tx_total{interface="eth0",': "0+1000x120",
    "collectd_conntrack{": "10x120",
    'collectd_conntrack{conntrack="max",': "1000x120",
    'collectd_fhcount_file_handles{fhcount="used",': "10x120",
    'collectd_fhcount_file_handles{fhcount="max",': "1000x120",
}
HURT: dict[str, tuple[dict[str, str], str]] = {
    "HostCpuBusy": (
        {'collectd_cpu_total{cpu="0",type="idle",': "0+300x120"},
        "The processors of old1 are busy",
    ),
    "HostCpuStolen": (
        {'collectd_cpu_total{cpu="0",type="steal",': "0+1200x120"},
        "The hypervisor takes processor time from old1",
    ),
    "HostMemoryUsed": (
        {
            'collectd_memory{memory="used",': "870x120",
            'collectd_memory{memory="free",': "10x120",
            'collectd_memory{memory="buffered",': "10x120",
            'collectd_memory{memory="cached",': "10x120",
        },
        "old1 is short of memory",
    ),
    "HostSwapping": ({'collectd_swap_swap_io_total{swap="in",': "0+90000x120"}, "old1 is slow because it swaps"),
    "HostDiskUsed": (
        {'collectd_df_df_complex{df="root",type="free",': "80x120", 'collectd_df_df_complex{df="root",type="used",': "870x120"},
        "/ of old1 is filling up",
    ),
    "HostDiskFullSoon": (
        {
            'collectd_df_df_complex{df="root",type="free",': "300-1x120",
            'collectd_df_df_complex{df="root",type="used",': "650+1x120",
        },
        "/ of old1 will be full in 3 hours",
    ),
    "HostInodesUsed": (
        {'collectd_df_df_inodes{df="root",type="free",': "100x120", 'collectd_df_df_inodes{df="root",type="used",': "900x120"},
        "/ of old1 is running out of inodes",
    ),
    "HostDiskSaturated": (
        {'collectd_disk_disk_io_time_weighted_io_time_total{disk="vda",': "0+900000x120"},
        "The disk vda of old1 is saturated",
    ),
    "HostNetworkErrors": (
        {'collectd_interface_if_errors_rx_total{interface="eth0",': "0+40x120"},
        "The network interface eth0 of old1 has errors",
    ),
    "HostConntrackUsed": ({"collectd_conntrack{": "900x120"}, "The connection table of old1 is filling up"),
    "HostFilesUsed": ({'collectd_fhcount_file_handles{fhcount="used",': "900x120"}, "old1 is running out of open files"),
}


@pytest.fixture
def promtool_test(newest_promtool: str, tmp_path: Path) -> t.Callable[..., str]:
    """Return a function that tests the rules of a fleet with collectd alone, and returns the output of promtool."""
    model = {
        "hosts": {"old1": {}},
        "servers": {"prometheus": {"p": {"scrape_hosts": ["old1"], "prometheus_runbook_url": "", "prometheus_role": ""}}},
        "rules": {role: (ROOT / f"roles/{role}/monitoring/rules.yml").read_text() for role in ("collectd", "node_exporter")},
    }
    files = alert_rules(model, "p")
    for name, groups in files.items():
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump({"groups": groups}))

    def run(series: t.Mapping[str, str], **expected: t.Any) -> str:
        inputs = [{"series": f"{name}{TARGET}}}", "values": values} for name, values in series.items()]
        inputs.append({"series": f"up{{{PLACE}}}", "values": "1x120"})
        test = {"interval": "1m", "input_series": [*inputs, *expected.pop("more", [])], **expected}
        tests = {"rule_files": [f"{name}.yml" for name in files], "evaluation_interval": "1m", "tests": [test]}
        (tmp_path / "test.yml").write_text(yaml.safe_dump(tests))
        done = subprocess.run(
            [newest_promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr

    return run


def quiet(*names: str, minute: int = 110) -> list[dict[str, t.Any]]:
    """Return the expectation that no alert fires."""
    return [{"alertname": name, "eval_time": f"{minute}m"} for name in names]


def test_a_host_without_a_problem_has_no_alert(promtool_test: t.Callable[..., str]) -> None:
    """Of those that fire below."""
    assert promtool_test(USUAL, alert_rule_test=quiet(*HURT)) == ""


@pytest.mark.parametrize("alert", HURT)
def test_an_alert_of_node_exporter_holds_for_collectd(promtool_test: t.Callable[..., str], alert: str) -> None:
    """The alert fires, and names the host and the part of the host. It does not fire on a host that also runs node_exporter."""
    changed, summary = HURT[alert]
    series = {**USUAL, **changed}
    assert set(changed) <= set(USUAL)
    found = promtool_test(series, alert_rule_test=quiet(alert))
    assert f'summary="{summary}"' in found.replace('\\"', '"'), found
    node = [{"series": 'up{job="node",instance="old1:9100",host="old1"}', "values": "0x120"}]
    assert promtool_test(series, more=node, alert_rule_test=quiet(*HURT)) == ""
