# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""silence.yml with a real Alertmanager: it creates, changes, lists and ends silences."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import typing as t
import urllib.request
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def url(newest_alertmanager: str, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[str]:
    """Return the address of an Alertmanager."""
    path = tmp_path_factory.mktemp("alertmanager")
    (path / "alertmanager.yml").write_text(yaml.safe_dump({"route": {"receiver": "x"}, "receivers": [{"name": "x"}]}))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    command = [newest_alertmanager, f"--config.file={path}/alertmanager.yml", f"--storage.path={path}/data"]
    command += [f"--web.listen-address={address}", "--cluster.listen-address="]
    with (
        (path / "log").open("w") as log,
        subprocess.Popen(command, cwd=Path(newest_alertmanager).parent, stdout=log, stderr=log) as server,
    ):
        deadline = time.monotonic() + 30
        while "Listening on" not in (path / "log").read_text():
            assert time.monotonic() < deadline, (path / "log").read_text()
            time.sleep(0.1)
        yield f"http://{address}"
        server.terminate()


@pytest.fixture
def run(url: str, tmp_path: Path) -> t.Callable[..., tuple[int, str]]:
    """Return a function that runs the playbook with arguments, and returns its exit code and its output."""
    here = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    settings = {"alertmanager_listen_address": "127.0.0.1", "alertmanager_port": int(url.rsplit(":", 1)[1])}
    inventory: dict[str, t.Any] = {
        "prometheus": {"hosts": {"mon": None}},
        "alertmanager": {"hosts": {"mon": {**here, **settings}}},
        # No host of these answers.
        "web": {"hosts": {"web1": {"ansible_host": "192.0.2.1"}, "web2": {"ansible_host": "192.0.2.2"}}},
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))

    def playbook(*arguments: str, playbook: Path = ROOT / "playbooks/silence.yml") -> tuple[int, str]:
        command = [ROOT / ".venv/bin/ansible-playbook", playbook, "-i", tmp_path / "hosts.yml", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return playbook


def active(url: str) -> dict[str, tuple[str, str, str]]:
    """Return ID, end and reason of each silence, by host."""
    with urllib.request.urlopen(f"{url}/api/v2/silences", timeout=5) as answer:  # noqa: S310 - the server is ours
        found = [item for item in json.load(answer) if item["status"]["state"] != "expired"]
    return {item["matchers"][0]["value"]: (item["id"], item["endsAt"], item["comment"]) for item in found}


def test_silences_are_created_changed_listed_and_ended(run: t.Callable[..., tuple[int, str]], url: str) -> None:
    """Hosts that do not answer can be silenced. Alertmanager mutes only the hosts of the limit."""
    code, output = run("--limit", "web", "-e", "for=2h", "-e", "why='new disk'")
    assert code == 0, output
    first = active(url)
    assert {host: silence[2] for host, silence in first.items()} == {"web1": "new disk", "web2": "new disk"}
    end = time.mktime(time.strptime(first["web1"][1][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    assert 7000 < end - time.time() <= 7200

    code, output = run("--limit", "web1", "-e", "for=4h", "-e", "why='two disks'")
    assert code == 0, output
    second = active(url)
    assert len(second) == 2
    assert second["web2"] == first["web2"]
    assert second["web1"][1] > first["web1"][1]
    assert second["web1"][2] == "two disks"

    code, output = run("--limit", "web1")
    assert code == 0, output
    assert "changed=0" in output
    assert "host=web1: " in output
    assert "by vigie.monitoring.silence: two disks" in " ".join(output.split())
    assert "host=web2" not in output

    code, output = run("--limit", "web1", "-e", "end=true")
    assert code == 0, output
    assert set(active(url)) == {"web2"}


def test_wrong_variables_are_an_error(run: t.Callable[..., tuple[int, str]]) -> None:
    """The error names the variable, the value and the remedy."""
    code, output = run("--limit", "web1", "-e", "for=2", "-e", "why=x")
    assert code != 0
    assert "Variable for, value '2': must be a duration longer than 0" in " ".join(output.replace("''", "'").split())


def test_without_an_alertmanager_that_answers_the_run_fails(
    run: t.Callable[..., tuple[int, str]], url: str, tmp_path: Path
) -> None:
    """The error names the Alertmanager."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(inventory.read_text().replace(url.rsplit(":", 1)[1], "1"))
    code, output = run("--limit", "web1", "-e", "for=2h", "-e", "why=x")
    assert code != 0
    assert "because no Alertmanager answers. Answers: mon: " in " ".join(output.split())


# The play of site.yml that expires silences.
CLEANUP = """
- hosts: all
  gather_facts: false
  vars: {__alertmanager_heard: []}
  tasks:
    - ansible.builtin.import_role: {name: vigie.monitoring.alertmanager, tasks_from: expire_silences}
"""


def test_maintenance_in_the_inventory_is_a_silence(run: t.Callable[..., tuple[int, str]], url: str, tmp_path: Path) -> None:
    """The first run creates the silence, the second changes nothing, and without the entry the silence ends."""
    cleanup, hosts = tmp_path / "cleanup.yml", tmp_path / "hosts.yml"
    cleanup.write_text(CLEANUP)
    before = hosts.read_text()
    until = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 7200))
    window = {"from": "2026-01-01", "until": until, "why": "new rack"}
    inventory = yaml.safe_load(before)
    inventory["web"]["vars"] = {"monitoring_maintenance": [window]}
    hosts.write_text(yaml.safe_dump(inventory))
    for changed in ("changed=1", "changed=0"):
        code, output = run(playbook=cleanup)
        assert code == 0, output
        assert changed in output
        assert active(url)["web1|web2"][1:] == (f"{until}:00.000Z", "new rack")
    # An Alertmanager that does not answer does not stop the run.
    hosts.write_text(hosts.read_text().replace(url.rsplit(":", 1)[1], "1"))
    code, output = run(playbook=cleanup)
    assert code == 0, output
    assert "changed=0" in output
    hosts.write_text(before)
    code, output = run(playbook=cleanup)
    assert code == 0, output
    assert "web1|web2" not in active(url)
