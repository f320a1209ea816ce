# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contacts and routes: what they become, where alerts go, and what is refused."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from alertmanagers import CONTACTS, MATRIX, known_services, settings

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import alertmanager
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.contacts import contact_and_route_problems

LABELS = {"function", "group"}


def written(path: Path, **changes: t.Any) -> Path:
    """Write the files of an Alertmanager; return its configuration."""
    for name, file in alertmanager.alertmanager_files(settings(**changes)).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(file["content"])
    return path / "alertmanager.yml"


def run(*command: t.Any) -> str:
    """Run a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


TIMES = {
    "office": {"weekdays": "monday:friday", "times": ["08:00-12:00", "13:00-18:00"], "time_zone": "Europe/Paris"},
    "quiet": [{"times": "00:00-06:00"}, {"days_of_month": [-1, "1:3"], "months": "december", "years": [2026, "2027:2028"]}],
}
HOURS = [
    {
        "match": {"function": "sms"},
        "contact": "team-sms",
        "active": "office",
        "routes": [{"match": {"job": "x"}, "contact": "ops"}],
    },
    {"contact": ["oncall", "chat"], "mute": ["quiet"], "group_by": "host", "escalate": {"contact": "ops", "after": "30m"}},
]


def test_every_version_accepts_times_and_escalations(amtool: tuple[str, str], tmp_path: Path) -> None:
    """A child route has the times of its parent, and an escalation has those of its route."""
    program, version = amtool
    changes = {"times": TIMES, "routes": HOURS, "version": version, "contacts": {**CONTACTS, "chat": {"webhook": "https://x/"}}}
    assert contact_and_route_problems(settings(**changes), {*LABELS, "job"}) == []
    run(program, "check-config", written(tmp_path, **changes))
    config = yaml.safe_load((tmp_path / "alertmanager.yml").read_text())
    assert config["time_intervals"][0] == {
        "name": "office",
        "time_intervals": [
            {
                "weekdays": ["monday:friday"],
                "times": [{"start_time": "08:00", "end_time": "12:00"}, {"start_time": "13:00", "end_time": "18:00"}],
                "location": "Europe/Paris",
            }
        ],
    }
    _watchdog, sms, oncall, chat, escalation = config["route"]["routes"]
    assert sms["active_time_intervals"] == sms["routes"][0]["active_time_intervals"] == ["office"]
    assert [part["mute_time_intervals"] for part in (oncall, chat, escalation)] == [["quiet"]] * 3
    assert (oncall["continue"], chat["continue"], "continue" in escalation) == (True, True, False)
    assert (oncall["group_by"], escalation["group_by"], escalation["group_wait"]) == (["host"], ["..."], "30m")
    assert (
        run(program, "config", "routes", "test", "--config.file", tmp_path / "alertmanager.yml", "severity=info").strip()
    ) == ("oncall,chat,ops")


def test_every_version_accepts_it(amtool: tuple[str, str], tmp_path: Path) -> None:
    """All kinds that it knows, natively or as what it knows instead; and the default, with no contact at all."""
    program, version = amtool
    # Rocket.Chat's webhooks do not go with all of them.
    chat = CONTACTS["chat"] if not "0.26" <= version < "0.32" else {"mattermost": "https://192.0.2.1/matter"}
    contacts = {**CONTACTS, "chat": chat, "phone": {"telegram": {"bot_token": "1:x", "chat_id": 7}}}
    if version >= "0.32":
        contacts["room"] = {"matrix": MATRIX}
    if version >= "0.28":
        contacts["native"] = {"rocketchat": {"api_url": "https://192.0.2.1", "token_id": "a", "token": "b", "channel": "#x"}}
    contacts["services"] = known_services(program, version)
    assert contact_and_route_problems(settings(contacts=contacts, version=version), LABELS) == []
    run(program, "check-config", written(tmp_path / "all", contacts=contacts, version=version))
    run(program, "check-config", written(tmp_path / "none", contacts={}, routes=[], smtp={}, version=version))
    # What people see of it, without the secrets, too.
    shown = tmp_path / "all" / "alertmanager.yml"
    shown.write_text(alertmanager.redacted_files(settings(contacts=contacts, version=version))["alertmanager.yml"])
    run(program, "check-config", shown)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (["alertname=X"], "ops"),
        (["alertname=X", "severity=critical"], "oncall"),
        (["alertname=X", "severity=critical", "function=sms"], "oncall,team-sms,chat"),
        (["alertname=X", "function=web"], "chat"),
        (["alertname=X", "function=d.b"], "chat"),
        (["alertname=X", "function=dxb"], "ops"),
        (["alertname=X", "group=xy", "job=app"], "team-sms"),
        (["alertname=X", "group=xy", "job=node"], "chat"),
        (["alertname=Watchdog", "severity=critical"], "nobody"),
    ],
)
def test_an_alert_goes_where_the_routes_say(amtool: tuple[str, str], tmp_path: Path, labels: list[str], receivers: str) -> None:
    """As Alertmanager itself has it."""
    file = written(tmp_path, version=amtool[1])
    assert run(amtool[0], "config", "routes", "test", "--config.file", file, *labels).strip() == receivers


def test_the_whole_configuration_may_be_given() -> None:
    """It goes over as it is, and no template of ours with it."""
    own = {"route": {"receiver": "x"}, "receivers": [{"name": "x"}]}
    files = alertmanager.alertmanager_files(settings(config=own, contacts={}, routes=[], templates={"mine": "{{ x }}"}))
    assert yaml.safe_load(files["alertmanager.yml"]["content"]) == own
    assert files["templates/mine.tmpl"] == {"content": "{{ x }}"}
    assert set(files) == {"alertmanager.yml", "templates/mine.tmpl"}
    assert files["alertmanager.yml"]["secret"] is True
