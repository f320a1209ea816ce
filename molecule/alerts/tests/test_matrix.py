# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test alerts in a room of a real Matrix homeserver (Synapse), read as another member of the room."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.urls import open_url

URL = "http://198.18.6.1:8008"
# The homeserver talks only to its clients: it has no federation, no key server and no identity server.
CONFIG = {
    "server_name": "vigie.example.com",
    "pid_file": "homeserver.pid",
    "listeners": [
        {"port": 8008, "type": "http", "bind_addresses": ["198.18.6.1"], "resources": [{"names": ["client"], "compress": False}]}
    ],
    "database": {"name": "sqlite3", "args": {"database": "homeserver.db"}},
    "media_store_path": "media",
    "signing_key_path": "signing.key",
    "registration_shared_secret": "of the test",
    "trusted_key_servers": [],
    "federation_domain_whitelist": [],
    "report_stats": False,
}


def call(method: str, path: str, token: str = "", **body: t.Any) -> dict[str, t.Any]:
    """Call the client-server API of the homeserver."""
    answer = open_url(
        f"{URL}/_matrix/client/{path}",
        method=method,
        data=json.dumps(body) if method != "GET" else None,
        headers={"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})},
        use_proxy=False,
        timeout=20,
    )
    found: dict[str, t.Any] = json.load(answer)
    return found


@pytest.fixture(scope="module")
def homeserver(scenario: t.Any, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[dict[str, str]]:
    """Run Synapse with two users and a room to which the second user is invited, and return their tokens and the room.

    Restore the contacts afterwards.
    """
    home = tmp_path_factory.mktemp("synapse")
    (home / "homeserver.yaml").write_text(yaml.safe_dump(CONFIG))
    program = [sys.executable, "-m", "synapse.app.homeserver", "--config-path", "homeserver.yaml"]
    subprocess.run([*program, "--generate-keys"], cwd=home, check=True, capture_output=True)
    with (home / "log").open("w") as log, subprocess.Popen(program, cwd=home, stdout=log, stderr=log) as server:
        try:
            wait_until_it_answers(server, home / "log")
            tokens = {}
            for name in ("person", "vigie"):
                register = Path(sys.executable).with_name("register_new_matrix_user")
                secret = ["-k", CONFIG["registration_shared_secret"]]
                subprocess.run(
                    [register, "-u", name, "-p", "x", "--no-admin", *secret, URL], check=True, capture_output=True, cwd=home
                )
                login = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name}, "password": "x"}
                tokens[name] = call("POST", "v3/login", **login)["access_token"]
            room = call("POST", "v3/createRoom", tokens["person"], name="Alerts", preset="private_chat")["room_id"]
            call("POST", f"v3/rooms/{room}/invite", tokens["person"], user_id="@vigie:vigie.example.com")
            yield {**tokens, "room": room}
            assert scenario.play("site.yml", "--tags", "alertmanager").rc == 0
        finally:
            server.terminate()


def wait_until_it_answers(server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait up to a minute until Synapse has created its database and answers."""
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            call("GET", "versions")
            return
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)


@pytest.fixture
def inventory(scenario: t.Any, homeserver: dict[str, str], tmp_path: Path) -> t.Callable[..., Path]:
    """Return a function that makes the room the default contact."""

    def edit(**changes: str) -> Path:
        shutil.rmtree(tmp_path / "inventory", ignore_errors=True)
        shutil.copytree(scenario.inventory, tmp_path / "inventory")
        room = {"homeserver": URL, "room": homeserver["room"], "access_token": homeserver["vigie"], **changes}
        variables = {"alertmanager_contacts": {"room": {"matrix": room}}, "alertmanager_routes": []}
        (tmp_path / "inventory/group_vars/all/zz.yml").write_text(yaml.safe_dump(variables))
        return tmp_path / "inventory"

    return edit


def messages(homeserver: dict[str, str]) -> list[dict[str, t.Any]]:
    """Return the messages in the room as the other member sees them, newest first."""
    found = call("GET", f"v3/rooms/{homeserver['room']}/messages?dir=b&limit=50", homeserver["person"])
    return [event for event in found["chunk"] if event["type"] == "m.room.message"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"access_token": "wrong"}, "M_UNKNOWN_TOKEN"), ({"room": "!nowhere:vigie.example.com"}, "M_UNKNOWN")],
)
def test_what_the_homeserver_refuses_is_said_at_once(
    scenario: t.Any, inventory: t.Callable[..., Path], changes: dict[str, str], reason: str
) -> None:
    """The run fails, and not only the first alert. The output does not show the token, and the configuration is not changed."""
    machine = scenario.on("monitor1")
    before = machine.check_output("readlink -f /etc/alertmanager/alertmanager.yml")
    play = scenario.play("site.yml", "--tags", "alertmanager", inventory=inventory(**changes))
    assert play.rc != 0
    output = " ".join(play.output.split())
    assert "the contact room" in output
    assert reason in output
    assert machine.check_output("readlink -f /etc/alertmanager/alertmanager.yml") == before


def test_an_alert_is_in_the_room(scenario: t.Any, homeserver: dict[str, str], inventory: t.Callable[..., Path]) -> None:
    """web1 has a threshold for its memory that always fires.

    The account accepts its invitation. The second run changes nothing.
    """
    play = scenario.play("site.yml", "--tags", "alertmanager", inventory=inventory())
    assert play.rc == 0, play.output
    assert "Join the Matrix rooms" in play.output
    deadline = time.monotonic() + 330
    while not (found := [event for event in messages(homeserver) if "HostMemoryUsed" in event["content"]["body"]]):
        assert time.monotonic() < deadline, messages(homeserver)
        time.sleep(1)
    assert {event["sender"] for event in messages(homeserver)} == {"@vigie:vigie.example.com"}
    text = found[0]["content"]["body"]
    assert found[0]["content"]["msgtype"] == "m.text"
    assert text.startswith("`[FIRING 1] WARNING ")
    for word in ("host=web1", "function=web", "node_exporter/monitoring/runbook.md#hostmemoryused", "graph: http"):
        assert word in text
    assert homeserver["vigie"] not in play.output
    again = scenario.play("site.yml", "--tags", "alertmanager", inventory=inventory())
    assert (again.rc, again.changed) == (0, [])
