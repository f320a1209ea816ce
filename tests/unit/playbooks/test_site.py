# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How site.yml goes on where hosts fail: the real playbook in check mode, on this machine by several names."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from playbook_runs import ROOT
from site_runs import FAILING, UNREACHABLE, Run

FLEET = {
    "blackbox_exporter": {"prober": UNREACHABLE},
    "node_exporter": {"broken": FAILING, "web1": {}, "web2": {}},
    "alertmanager": {"alerter": FAILING},
    "prometheus": {"monitor1": {}, "monitor2": UNREACHABLE},
}


def test_a_play_whose_only_host_fails_does_not_end_the_run(site: t.Callable[..., Run]) -> None:
    """Every play is run, every failed host is named at the end and counted in the recap, and so is a Prometheus server."""
    run = site(FLEET)
    assert run.rc != 0
    deployed = run.tasks["Deploy the release, its unit and its configuration"]
    assert {"web1", "web2", "monitor1"} <= set(deployed), run.output
    assert "Refresh targets, rules and configuration of the Prometheus servers" in run.tasks, run.output
    assert run.tasks["Wait until Prometheus reports the targets of this run as up"] != [], run.output
    assert set(run.failed) == {"prober", "broken", "alerter", "monitor2"}, run.output
    assert {line.partition(":")[0] for line in run.summary} == {*run.failed, "Prometheus server monitor2"}


def test_a_run_without_failures_has_no_summary(site: t.Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever strategy the user has set, what runs once runs once: with another one, each host would ask each server."""
    monkeypatch.setenv("ANSIBLE_STRATEGY", "free")
    run = site({"node_exporter": {"web1": {}, "web2": {}}, "prometheus": {"monitor1": {}}}, "--check --tags node_exporter")
    assert (run.rc, run.failed, run.summary) == (0, {}, []), run.output
    assert len(run.tasks["Wait until Prometheus reports the targets of this run as up"]) == 1


def test_a_missing_certificate_fails_before_any_change(site: t.Callable[..., Run], tmp_path: Path) -> None:
    """In check mode, on hosts that have no service yet: one error for each host, which names the variable and the path."""
    made = {name: tmp_path / name for name in ("made.crt", "made.key")}
    for path in made.values():
        path.touch()
    web = {"cert_file": str(made["made.crt"]), "key_file": str(made["made.key"])}
    lost = {name: str(tmp_path / f"lost.{name}") for name in ("crt", "key", "ca")}
    fleet = {
        "node_exporter": {"web1": {"monitoring_web": {**web, "key_file": lost["key"]}}},
        "blackbox_exporter": {"prober": {"monitoring_web": web}},
        "prometheus": {
            "monitor1": {"prometheus_web": {**web, "cert_file": lost["crt"], "ca_file": lost["ca"]}},
            "monitor2": {"monitoring_web": {**web, "ca_file": lost["ca"]}, "prometheus_scrape_hosts": "monitor2"},
        },
        "alertmanager": {name: {"alertmanager_web": {**web, "ca_file": lost["ca"]}} for name in ("alerter1", "alerter2")},
    }
    run = site(fleet, "--check")
    wrong = {
        "web1": f"monitoring_web.key_file, value {lost['key']}",
        "monitor1": f"prometheus_web.cert_file, value {lost['crt']}",
        "monitor2": f"monitoring_web.ca_file, value {lost['ca']}",
        **dict.fromkeys(("alerter1", "alerter2"), f"alertmanager_web.ca_file, value {lost['ca']}"),
    }
    assert set(run.failed) == set(wrong), run.output
    for host, problem in wrong.items():
        assert f"Host {host}, variable {problem}: the file does not exist on the host. Install" in " ".join(run.output.split())


@pytest.mark.parametrize("playbook", ["site", "verify"])
def test_a_tag_of_the_users_runs_all_that_no_tag_runs(site: t.Callable[..., Run], tmp_path: Path, playbook: str) -> None:
    """What is imported under a tag of any name, and run by it."""
    fleet: dict[str, dict[str, dict[str, t.Any]]] = {
        "node_exporter": {"web1": {"node_exporter_textfile_scripts": [{"name": "a", "command": "true"}]}},
        "prometheus": {"monitor1": {}},
    }
    mine = tmp_path / "mine.yml"
    mine.write_text(yaml.safe_dump([{"import_playbook": f"vigie.monitoring.{playbook}", "tags": ["monitoring"]}]))
    run = site(fleet, "--check --tags monitoring", mine)
    assert run.tasks == site(fleet, "--check", mine).tasks
    assert run.tasks != {}


@functools.cache
def selected(*arguments: str) -> dict[str, int]:
    """Return the number of tasks that site.yml has with these arguments for each play, by the play's name."""
    command = [ROOT / ".venv/bin/ansible-playbook", ROOT / "playbooks/site.yml", "-i", "monitor1,", "--list-tasks", *arguments]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    listed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    found = re.split(r"(?m)^  play #\d+ \([^)]*\): (.*?)\tTAGS.*$", listed)[1:]
    return {name: tasks.count("TAGS:") for name, tasks in zip(found[::2], found[1::2])}


SERVER, FIREWALL, REFRESH = (
    "Deploy prometheus",
    "Apply the firewall rules",
    "Refresh the Prometheus servers and wait for the targets",
)


@pytest.mark.parametrize(
    ("arguments", "plays", "left_out"),
    [
        ("--skip-tags=grafana", {SERVER, FIREWALL, REFRESH}, {"Deploy grafana"}),
        ("--skip-tags=firewall", {SERVER, REFRESH}, {FIREWALL}),
        ("--tags=prometheus", {SERVER, FIREWALL, REFRESH}, {"Deploy grafana"}),
        ("--tags=firewall", {FIREWALL}, {SERVER, REFRESH}),
        ("--tags=targets", {REFRESH}, {SERVER, FIREWALL}),
    ],
)
def test_a_tag_selects_what_it_names(arguments: str, plays: set[str], left_out: set[str]) -> None:
    """A role that is skipped does not skip the firewall and the refresh for the others."""
    # Tasks with the tag `always`, which record failures.
    always, some = selected("--tags=another"), selected(arguments)
    assert all(some[play] > always.get(play, 0) for play in plays)
    assert all(some.get(play, 0) <= always.get(play, 0) for play in left_out)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--tags node_exporer", "--tags node_exporer: no role and no task has this tag. Did you mean node_exporter?"),
        ("--tags prometheus --limit web1", "no host of this run has the role prometheus"),
    ],
)
def test_a_tag_or_a_limit_that_selects_nothing_fails(
    site: t.Callable[..., Run], tmp_path: Path, arguments: str, reason: str
) -> None:
    """Before any host is contacted. The playbook of a user can have tags that the collection does not know."""
    fleet: dict[str, dict[str, dict[str, t.Any]]] = {"node_exporter": {"web1": {}}, "prometheus": {"monitor1": {}}}
    run = site(fleet, f"--check {arguments}")
    assert run.rc != 0
    assert reason in " ".join(run.output.split())
    assert set(run.tasks) == {"Validate the inventory, the tags and the limit before anything changes"}
    mine = tmp_path / "mine.yml"
    mine.write_text(yaml.safe_dump([{"import_playbook": "vigie.monitoring.site"}]))
    assert site(fleet, f"--check {arguments} --skip-tags verify", mine).rc == 0


def test_verifying_by_a_tag_of_the_users_verifies(site: t.Callable[..., Run], tmp_path: Path) -> None:
    """No Prometheus is there: that is not ok by any tag."""
    verify = {"ansible.builtin.import_role": {"name": "vigie.monitoring.prometheus", "tasks_from": "verify"}}
    mine = tmp_path / "mine.yml"
    mine.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tags": ["monitoring"], "tasks": [verify]}]))
    fleet: dict[str, dict[str, dict[str, t.Any]]] = {"node_exporter": {"web1": {}}, "prometheus": {"monitor1": {}}}
    variables = {"prometheus_port": 1, "prometheus_verify_timeout": 1}
    for tags in ("", "--tags monitoring", "--tags monitoring,node_exporter"):
        run = site(fleet, tags, mine, **variables)
        assert run.rc != 0, run.output
        assert "does not answer" in run.output


def plays() -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Return every play of the collection's playbooks, by its name."""
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        for play in yaml.safe_load(path.read_text()):
            if "hosts" in play:
                yield f"{path.name}: {play['name']}", play


@pytest.mark.parametrize("play", [pytest.param(play, id=name) for name, play in plays()])
def test_no_setting_of_the_user_changes_a_plays_strategy(play: dict[str, t.Any]) -> None:
    """In any play with more than one host: run_once means nothing to free and host_pinned."""
    assert play["hosts"] == "localhost" or play["strategy"] == "ansible.builtin.linear"


@pytest.mark.parametrize("bad", [UNREACHABLE, FAILING], ids=["unreachable", "failing"])
def test_a_batch_that_fails_does_not_end_the_run(site: t.Callable[..., Run], bad: dict[str, t.Any]) -> None:
    """The batches behind it are deployed; with a percentage, they are not."""
    fleet: dict[str, dict[str, t.Any]] = {"node_exporter": {"a": bad, "b": bad, "c": {}, "d": {}}}
    run = site(fleet, site_serial=2, monitoring_scraped=False)
    assert run.rc != 0
    assert set(run.tasks["Deploy the release, its unit and its configuration"]) - {"a", "b"} == {"c", "d"}, run.output
    assert set(run.failed) == {"a", "b"}
    run = site(fleet, site_serial=2, site_max_fail_percentage=50, monitoring_scraped=False)
    assert run.rc != 0
    assert set(run.tasks["Deploy the release, its unit and its configuration"]) <= {"a", "b"}, run.output
    assert set(run.failed) == {"a", "b"}
