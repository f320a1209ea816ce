# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration that a person wrote: most of its targets become hosts, and Prometheus scrapes all of them as before."""

from __future__ import annotations

import collections
import itertools
import typing as t
from pathlib import Path

import inventories
import pytest
from adoptions import adopt, deploy, model
from scraped_targets import Found, discovered

# The record of a change of a tree lies outside the tree.
pytestmark = pytest.mark.usefixtures("private")

# No scrape takes place while the test runs. All addresses are those of the loopback interface.
WRITTEN = """
global: {scrape_interval: 1h, scrape_timeout: 20s}
scrape_configs:
- job_name: prometheus
  static_configs: [{targets: ['127.0.0.9:9090'], labels: {host: mon.example.com}}]
- job_name: node
  static_configs:
  - {targets: ['127.0.1.1:9100', '127.0.1.2:9100'], labels: {function: web}}
  - {targets: ['127.0.2.1:9100'], labels: {function: db}}
  relabel_configs:
  - {source_labels: [__address__], regex: '127[.]0[.](\\d+)[.](\\d+):.*', target_label: __tmp_name, replacement: 'rack${1}-${2}'}
  - {source_labels: [__tmp_name], target_label: instance}
  - {source_labels: [__address__], regex: '127[.]0[.](\\d+)[.].*', target_label: rack}
- job_name: pushgateway
  honor_labels: true
  static_configs: [{targets: ['127.0.0.9:9091']}]
- job_name: shop
  metrics_path: /internal/metrics
  scrape_interval: 2h
  basic_auth: {username: prometheus, password: hidden}
  sample_limit: 5000
  static_configs: [{targets: ['127.0.1.1:8080', '127.0.1.2:8080'], labels: {function: web, team: shop}}]
- job_name: blackbox-http
  metrics_path: /probe
  params: {module: [http_2xx]}
  scrape_interval: 90m
  static_configs:
  - {targets: ['https://shop.example.com/', 'https://shop.example.com/cart']}
  - {targets: ['https://intranet.example.com/'], labels: {team: office}}
  relabel_configs: &blackbox
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: '127.0.0.9:9115'}
- job_name: blackbox-icmp
  metrics_path: /probe
  params: {module: [icmp]}
  static_configs: [{targets: [127.0.1.1, 127.0.2.1, 127.0.7.7]}]
  relabel_configs: *blackbox
- job_name: snmp
  metrics_path: /snmp
  params: {module: [if_mib], auth: [public_v2]}
  static_configs: [{targets: [127.0.8.1, 127.0.8.2]}]
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: '127.0.0.9:9116'}
- job_name: database
  file_sd_configs: [{files: ['targets/*.yml']}]
  metric_relabel_configs: [{source_labels: [__name__], regex: 'pg_stat_.*|go_.*', action: drop}]
  relabel_configs:
  - {source_labels: [__meta_filepath], regex: '.*/(.*)[.]yml', target_label: site}
  - {source_labels: [state], regex: retired, action: drop}
  - {regex: state, action: labeldrop}
- job_name: discovered
  dns_sd_configs: [{names: [_metrics._tcp.invalid], refresh_interval: 1h}]
"""
FILES = {
    "targets/paris.yml": [
        {"targets": ["127.0.2.1:9187", "127.0.2.2:9187", "127.0.2.3:9187"]},
        {"targets": ["127.0.2.4:9187"], "labels": {"state": "retired"}},
    ],
    "targets/lyon.yml": [{"targets": [f"127.0.3.{number}:9187" for number in range(1, 6)], "labels": {"state": "active"}}],
}
STATIC = {"prometheus", "node", "pushgateway", "shop", "blackbox-http", "blackbox-icmp", "snmp", "database"}
# Labels that the inventory adds to all targets, and to those of the exporters that ask targets.
ADDED = ("host", "module", "prober")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """Return the directory of the Prometheus server."""
    inventories.write(tmp_path / "etc", {"prometheus.yml": WRITTEN, **FILES})
    return tmp_path / "etc"


def of_all_jobs(found: Found) -> t.Counter[tuple[tuple[str, str], ...]]:
    """Return the targets of all scrape configs. The label job says of which job each is."""
    return collections.Counter(itertools.chain.from_iterable(targets.elements() for targets in found.values()))


def test_prometheus_scrapes_all_targets_as_before(etc: Path, tmp_path: Path, newest_prometheus: str) -> None:
    """With the same labels, URLs, intervals and timeouts; and all targets belong to hosts."""
    before = of_all_jobs(discovered(newest_prometheus, etc, STATIC, without=ADDED))
    adopted = adopt(etc)
    assert adopted["share"] == "23 of 23 targets are hosts now (100 %)"
    made = model(adopted, tmp_path)
    deploy(made, etc)
    jobs = {"prometheus", "node", "pushgateway", "shop", "database", "probe_http_2xx", "probe_icmp", "snmp_if_mib"}
    after = of_all_jobs(discovered(newest_prometheus, etc, jobs, without=ADDED))
    assert after == before
