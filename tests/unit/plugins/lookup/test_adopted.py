# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the files of a Prometheus server to an inventory, and back onto the same server: no target is lost or there twice."""

from __future__ import annotations

import subprocess
from pathlib import Path

import inventories
import pytest
from adoptions import SERVER, adopt, deploy, model
from ansible.errors import AnsibleLookupError
from scraped_targets import discovered

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption import target_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import role_contracts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.prometheus import prometheus_config, prometheus_tree

# The record of a change of a tree lies outside the tree.
pytestmark = pytest.mark.usefixtures("private")

# Python has no \pL: the job stays in Prometheus' own form.
RELABELED = """
scrape_configs:
- job_name: relabeled
  file_sd_configs: [{files: ['targets/*.json']}, {files: [elsewhere/c.json]}]
  relabel_configs: [{source_labels: [__meta_filepath], regex: '.*/(\\pL*)[.]json', target_label: from}]
- job_name: plain
  file_sd_configs: [{files: ['./targets/a.json']}]
  metrics_path: /m
scrape_config_files: [more/*.yml]
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """Return the directory of a Prometheus server whose targets lie where ours will."""
    files = {
        "prometheus.yml": RELABELED,
        "targets/a.json": '[{"targets": ["web1:9100", "web2:9100"], "labels": {"rack": "r1"}}]',
        "targets/b.json": '[{"targets": ["web3:9100"]}]',
        "elsewhere/c.json": '[{"targets": ["web4:9100"]}]',
        "more/one.yml": {"scrape_configs": [{"job_name": "more", "file_sd_configs": [{"files": ["d.json"]}]}]},
        "more/d.json": '[{"targets": ["web5:9200"]}]',
    }
    inventories.write(tmp_path / "etc", files)
    return tmp_path / "etc"


def test_no_target_is_lost_or_there_twice(etc: Path, tmp_path: Path, newest_prometheus: str) -> None:
    """Real Prometheus finds the targets that it found before, each once; and what lay in the directory is kept."""
    jobs = {"relabeled", "plain", "more"}
    before = discovered(newest_prometheus, etc, jobs)
    assert {job: targets.total() for job, targets in before.items()} == {"relabeled": 4, "plain": 2, "more": 1}
    adopted = adopt(etc)
    deploy(model(adopted, tmp_path), etc)
    assert discovered(newest_prometheus, etc, jobs) == before
    kept = etc / "targets.before-vigie"
    assert sorted(path.name for path in kept.iterdir()) == ["a.json", "b.json"]
    said = "\n".join(adopted["notes"])
    assert "the job relabeled is kept unchanged in prometheus_extra_scrape_configs: " in said
    assert f"the job relabeled: the targets are copied from {etc}/targets/a.json, {etc}/targets/b.json. " in said
    assert f"the job plain: the targets are copied from {etc}/targets/a.json. " in said


def test_alertmanagers_from_such_files_are_copied_too(etc: Path, tmp_path: Path) -> None:
    """Alerts go where they went."""
    (etc / "prometheus.yml").write_text("alerting: {alertmanagers: [{file_sd_configs: [{files: [targets/am.json]}]}]}")
    (etc / "targets/am.json").write_text('[{"targets": ["am:9093"]}]')
    config = prometheus_config(model(adopt(etc), tmp_path), SERVER)
    assert config["alerting"] == {"alertmanagers": [{"static_configs": [{"targets": ["am:9093"]}]}]}


def test_the_directories_that_become_ours_are_all_known(etc: Path, tmp_path: Path) -> None:
    """Whatever is written into a directory below the configuration's."""
    (etc / "prometheus.yml").write_text("scrape_configs: [{job_name: node, static_configs: [{targets: ['web1:9100']}]}]")
    made = inventories.Made(
        tmp_path,
        {
            **{f"inv/{name}": text for name, text in adopt(etc)["files"].items()},
            "inv/group_vars/node_exporter.yml": {
                "monitoring_web": {
                    "cert_file": "/c",
                    "key_file": "/k",
                    "username": "u",
                    "password": "p",
                    "password_hash": "$2y$x",
                }
            },
        },
        sources=["inv"],
    )
    built, mistakes = made.build(role_contracts.contracts())
    assert mistakes == []
    directories = {path.partition("/")[0] for path in prometheus_tree(built, SERVER) if "/" in path}
    assert directories == set(target_files.OURS)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            "scrape_configs: [{job_name: x, file_sd_configs: [{files: [targets/gone.json]}]}]",
            r"the job x: no file matches .*/etc/targets/gone\.json beside prometheus\.yml\. .* Copy that directory",
        ),
        (
            "scrape_configs: [{job_name: x, basic_auth: {password_file: targets/a.json}, static_configs: [{targets: [a]}]}]",
            r"the job x: password_file names .*/etc/targets/a\.json, and .* Move the file to another directory on the server",
        ),
        ("scrape_configs: [{job_name: x}, {job_name: y}, {job_name: x}]", r"several jobs of scrape_configs are named x, which"),
        (
            "scrape_configs: [{job_name: more}]\nscrape_config_files: [more/*.yml]",
            r"several jobs of scrape_configs are named more,",
        ),
        ("scrape_configs: [{static_configs: [{targets: ['a:1']}]}]", r"a job without a job_name"),
    ],
)
def test_what_cannot_be_adopted_is_refused(etc: Path, config: str, message: str) -> None:
    """With the job, and what to do."""
    (etc / "prometheus.yml").write_text(config)
    with pytest.raises(AnsibleLookupError, match=message):
        adopt(etc)


def test_prometheus_refuses_the_names_that_we_refuse(etc: Path, promtool: str) -> None:
    """So that nobody's working configuration is refused."""
    (etc / "prometheus.yml").write_text("scrape_configs: [{job_name: x}, {job_name: y}, {job_name: x}]")
    done = subprocess.run([promtool, "check", "config", etc / "prometheus.yml"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert 'multiple scrape configs with job name "x"' in done.stdout + done.stderr


def test_a_target_without_a_port_keeps_its_instance(etc: Path, tmp_path: Path, newest_prometheus: str) -> None:
    """Prometheus 2 adds port 80 to it, Prometheus 3 does not: its job stays in Prometheus' own form, and that is said."""
    (etc / "prometheus.yml").write_text("scrape_configs: [{job_name: node, static_configs: [{targets: [web1, 'web2:9100']}]}]")
    before = discovered(newest_prometheus, etc, {"node"})
    adopted = adopt(etc)
    assert adopted["notes"] == ["the job node is kept unchanged in prometheus_extra_scrape_configs: the target web1 has no port"]
    assert "node_exporter" not in adopted["files"]["hosts.yml"]
    deploy(model(adopted, tmp_path), etc)
    assert discovered(newest_prometheus, etc, {"node"}) == before


def test_relative_paths_of_credentials_still_mean_the_same(etc: Path, tmp_path: Path, promtool: str) -> None:
    """They are checked beside the live configuration, where the files are not."""
    config = "scrape_configs: [{job_name: x, authorization: {credentials_file: token}, static_configs: [{targets: ['a:1']}]}]"
    (etc / "prometheus.yml").write_text(config)
    (etc / "token").write_text("x")
    made = model(adopt(etc), tmp_path)
    inventories.write(tmp_path / "staged", dict(prometheus_tree(made, SERVER)))
    subprocess.run([promtool, "check", "config", tmp_path / "staged/prometheus.yml"], check=True, capture_output=True)


def test_a_directory_of_another_name_stays_the_server_s(etc: Path) -> None:
    """The variable says so; the usual one needs none."""
    assert f"prometheus_config_dir: {etc}\n" in adopt(etc)["files"]["group_vars/prometheus.yml"]
    assert "prometheus_config_dir" not in adopt(etc, config_dir="/etc/prometheus")["files"]["group_vars/prometheus.yml"]


def test_files_that_were_not_copied_are_named(etc: Path) -> None:
    """A pattern that means no file in a directory that is here means none."""
    (etc / "prometheus.yml").write_text("rule_files: [rules/a.yml, rules/*.yml, more/*.rules]\nscrape_config_files: [gone/*.yml]")
    assert adopt(etc)["notes"] == [
        f"{key}: {etc}/{path} was not found on the controller and is not adopted. Copy it from the server as well"
        for key, path in (("scrape_config_files", "gone/*.yml"), ("rule_files", "rules/a.yml"), ("rule_files", "rules/*.yml"))
    ]


# Service discovery keeps the jobs in Prometheus' own form.
DISCOVERY = {"dns_sd_configs": [{"names": ["x"]}]}
SECRETS = {
    "scrape_configs": [
        {
            **DISCOVERY,
            "job_name": "shop",
            "static_configs": [{"targets": ["a:1"], "labels": {"token": "label"}}],
            "basic_auth": {"username": "user", "password": "hidden {{ 1 }}"},
            "proxy_url": "http://proxy:hidden@192.0.2.1:1",
        },
        {"job_name": "parameter", "static_configs": [{"targets": ["b:1"]}], "params": {"api_token": ["hidden"], "x": ["y"]}},
        {
            **DISCOVERY,
            "job_name": "shop.",
            "static_configs": [{"targets": ["c:1"]}],
            "basic_auth": {"username": "u", "password": "hidden 2"},
        },
        {**DISCOVERY, "job_name": "file", "basic_auth": {"username": "u", "password_file": "/p"}},
    ],
    "remote_write": [
        {"url": "http://192.0.2.2/", "oauth2": {"client_id": "i", "client_secret": "hidden", "token_url": "http://t/"}}
    ],
}
MAIL = {
    "global": {"smtp_auth_password": "hidden", "smtp_smarthost": "mail:25"},
    "route": {"receiver": "hook"},
    "receivers": [{"name": "hook", "webhook_configs": [{"url": "https://192.0.2.1/hidden"}]}],
}


def test_secrets_are_in_files_of_their_own(etc: Path, tmp_path: Path, promtool: str) -> None:
    """And come out again: whatever the configuration had, Prometheus and Alertmanager have."""
    inventories.write(etc, {"prometheus.yml": SECRETS, "alertmanager.yml": MAIL})
    adopted = adopt(etc, alertmanager=str(etc / "alertmanager.yml"))
    assert adopted["secret"] == ["group_vars/prometheus/vault.yml", "group_vars/alertmanager/vault.yml"]
    shown = {name: text for name, text in adopted["files"].items() if name not in adopted["secret"]}
    assert set(shown) == {"hosts.yml", "group_vars/prometheus/vars.yml", "group_vars/alertmanager/vars.yml"}
    assert "hidden" not in str(shown) + str(adopted["notes"])
    assert "label" in str(shown)
    assert "http://t/" in str(shown)
    for path in adopted["secret"]:
        assert any(note.startswith(f"{path} contains secrets in plain text (vault_") for note in adopted["notes"])
    made = model(adopted, tmp_path)
    config = prometheus_config(made, SERVER)
    assert {job["job_name"]: job for job in config["scrape_configs"]}.items() >= {
        job["job_name"]: job for job in SECRETS["scrape_configs"]
    }.items()
    assert config["remote_write"] == SECRETS["remote_write"]
    assert made["servers"]["alertmanager"][SERVER]["alertmanager_config"] == MAIL
    inventories.write(tmp_path / "out", dict(prometheus_tree(made, SERVER)))
    subprocess.run([promtool, "check", "config", tmp_path / "out/prometheus.yml"], check=True, capture_output=True)
