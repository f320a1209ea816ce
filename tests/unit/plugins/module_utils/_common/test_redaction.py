# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret in what people read, and everything else as it is."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from ansible_collections.vigie.monitoring.plugins.module_utils._common import redaction

# Every way that the configuration references of Prometheus and Alertmanager have for a secret: each value is HIDDEN…
SECRETS: dict[str, t.Any] = {
    "basic_auth": {"basic_auth": {"username": "seen", "password": "HIDDEN"}},
    "bearer_token": {"bearer_token": "HIDDEN"},
    "authorization": {"authorization": {"type": "seen", "credentials": "HIDDEN"}},
    "oauth2": {"oauth2": {"client_id": "seen", "client_secret": "HIDDEN", "token_url": "https://seen.example.com/token"}},
    "tls_key": {
        "tls_config": {"key": "-----BEGIN RSA PRIVATE KEY-----\nHIDDEN\n-----END RSA PRIVATE KEY-----\n", "ca_file": "/seen"}
    },
    "proxy_url": {"proxy_url": "http://HIDDEN:HIDDEN@seen.example.com:3128"},
    "userinfo_with_at": {"url": "https://user:HIDDEN@HIDDEN@seen.example.com/push"},
    "query": {"url": "https://seen.example.com/push?tenant=seen&api_key=HIDDEN"},
    "proxy_connect_header": {"proxy_connect_header": {"Proxy-Authorization": ["Basic HIDDEN", "HIDDEN"]}},
    "http_headers": {"http_headers": {"X-Api-Key": {"secrets": ["HIDDEN"]}, "X-Seen": {"values": ["seen"]}}},
    "headers": {"headers": {"X-Auth-Token": "HIDDEN", "X-Scope-OrgID": "seen"}},
    "params": {"params": {"token": ["HIDDEN", "HIDDEN"], "module": ["seen"]}},
    "ec2": {"ec2_sd_configs": [{"region": "seen", "access_key": "HIDDEN", "secret_key": "HIDDEN"}]},
    "ovhcloud": {"ovhcloud_sd_configs": [{"application_secret": "HIDDEN", "consumer_key": "HIDDEN", "endpoint": "seen"}]},
    "openstack": {"openstack_sd_configs": [{"application_credential_secret": "HIDDEN", "region": "seen"}]},
    "stackit": {"stackit_sd_configs": [{"service_account_key": "HIDDEN", "private_key": "HIDDEN"}]},
    "ionos_passphrase": {"ssl": {"key_passphrase": "HIDDEN", "certificate_password": "HIDDEN"}},
    "consul": {"consul_sd_configs": [{"server": "seen:8500", "token": "HIDDEN"}]},
    "a_number": {"basic_auth": {"username": "seen", "password": 8675309123}},
    "pushover": {"pushover_configs": [{"user_key": "HIDDEN", "token": "HIDDEN", "title": "seen"}]},
    "pagerduty": {"pagerduty_configs": [{"routing_key": "HIDDEN", "service_key": "HIDDEN", "severity": "seen"}]},
    "slack": {"slack_configs": [{"api_url": "https://HIDDEN.example.com/", "app_token": "HIDDEN", "channel": "seen"}]},
    "webhook": {"webhook_configs": [{"url": "https://HIDDEN.example.com/HIDDEN", "max_alerts": 3}]},
    "incidentio": {"incidentio_configs": [{"url": "https://HIDDEN.example.com/", "alert_source_token": "HIDDEN"}]},
    "chat": {"msteams_configs": [{"webhook_url": "https://HIDDEN.example.com/"}]},
    "telegram": {"telegram_configs": [{"bot_token": "HIDDEN", "chat_id": 7}]},
    "opsgenie": {"opsgenie_configs": [{"api_key": "HIDDEN", "message": "seen"}]},
    "wechat": {"wechat_configs": [{"api_secret": "HIDDEN", "corp_id": "seen"}]},
    "rocketchat": {"rocketchat_configs": [{"token_id": "HIDDEN", "token": "HIDDEN", "channel": "seen"}]},
    "mail": {"email_configs": [{"to": "seen@example.com", "auth_password": "HIDDEN", "auth_secret": "HIDDEN"}]},
    "global": {"global": {"smtp_auth_password": "HIDDEN", "slack_api_url": "https://HIDDEN.example.com", "x": "seen"}},
    "grafana": {"jsonData": {"x": "seen"}, "secureJsonData": {"httpHeaderValue1": "HIDDEN", "list": ["HIDDEN"]}},
    "grafana_basic": {"basicAuthUser": "seen", "basicAuthPassword": "HIDDEN"},
    "web": {"basic_auth_users": {"user": "HIDDEN"}},
    "folded": {"password": "HIDDEN " * 60, "after": "seen"},
    "lines": {"password": "HIDDEN\n\nHIDDEN\n  HIDDEN\n", "after": "seen"},
    "quoted": {"password": "HIDDEN: 'HIDDEN' \"HIDDEN\" #HIDDEN\n HIDDEN", "after": "seen"},
    "nested": {"remote_write": [{"url": "https://seen.example.com/", "basic_auth": {"password": "HIDDEN"}, "name": "seen"}]},
}
SEEN: dict[str, t.Any] = {
    "files": {"password_file": "/etc/seen", "credentials_file": "/etc/seen", "bearer_token_file": "/etc/seen"},
    "secrets_elsewhere": {"password_ref": "seen"},
    "a_url": {"url": "https://seen.example.com/push?tenant=seen#at@seen"},
    "mail": {"to": "seen@example.com"},
    "webhook_without": {"remote_write": [{"url": "https://seen.example.com/receive"}]},
    "empty": {"basic_auth": {"password": ""}, "bearer_token": None, "send_secret": False},
}
HIDDEN = ("HIDDEN", "8675309123")


def hides(text: str) -> bool:
    """Return whether no secret of the tests is in *text*."""
    return not any(word in text for word in HIDDEN)


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_left_in_data(name: str) -> None:
    """The structure stays, and what is no secret is as it was."""
    data = SECRETS[name]
    found = redaction.redacted(data)
    assert hides(repr(found))
    assert repr(found).count("seen") == repr(data).count("seen")

    def shape(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items()}
        return [shape(item) for item in value] if isinstance(value, list) else None

    assert shape(found) == shape(data)


@pytest.mark.parametrize("form", ["block", "flow", "indented", "json", "list"])
@pytest.mark.parametrize("name", sorted(set(SECRETS) - {"webhook", "incidentio"}))
def test_no_secret_is_left_in_a_text(name: str, form: str) -> None:
    """However a person or a program writes it. Files that hold the URLs of webhooks are secret as a whole."""
    data = {"first": "seen", **SECRETS[name], "last": "seen"}
    if form == "list":
        text = yaml.safe_dump([data, data], sort_keys=False)
    elif form == "json":
        text = json.dumps(data)
    else:
        text = yaml.safe_dump(
            data,
            sort_keys=False,
            default_flow_style=form == "flow",
            width=80 if form == "indented" else 9999 if form == "flow" else 120,
        )
    if form == "indented":
        text = text.replace("\n- ", "\n  - ")
    found = redaction.redacted_text(text)
    assert hides(found), found
    assert found.count("seen") == text.count("seen"), found
    assert redaction.redacted_text(found) == found


@pytest.mark.parametrize("name", SEEN)
def test_what_is_no_secret_stays(name: str) -> None:
    """Paths of files, addresses of mail, URLs without credentials."""
    assert redaction.redacted(SEEN[name]) == SEEN[name]
    text = yaml.safe_dump(SEEN[name]).replace("password: ''", "username: ''").replace("bearer_token: null", "a: null")
    assert redaction.redacted_text(text.replace("send_secret", "a")) == text.replace("send_secret", "a")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[smtp]\npassword = HIDDEN # x\nhost = seen\n", "[smtp]\npassword = <secret>\nhost = seen\n"),
        ("[database]\nurl = postgres://u:HIDDEN@seen/db\n", "[database]\nurl = postgres://secret@seen/db\n"),
        ('Environment="API_TOKEN=HIDDEN" A=seen\n', 'Environment="API_TOKEN=<secret>" A=seen\n'),
        ("ExecStart=/x --remote.token=HIDDEN --web=seen\n", "ExecStart=/x --remote.token=<secret> --web=seen\n"),
        ("-----BEGIN PRIVATE KEY-----\nHIDDEN\n-----END PRIVATE KEY-----\nseen\n", "<secret>\nseen\n"),
        (
            '[{"targets": ["a:1"], "labels": {"__param_token": "HIDDEN"}}]\n',
            '[{"targets": ["a:1"], "labels": {"__param_token": "<secret>"}}]\n',
        ),
    ],
)
def test_other_files(text: str, shown: str) -> None:
    """INI files, units of systemd, keys, targets."""
    assert redaction.redacted_text(text) == shown


def test_a_diff_of_secrets_alone_says_so() -> None:
    """Else it would show two equal files that differ."""
    item = {"before_header": "a", "after_header": "a", "before": "password: HIDDEN1\n", "after": "password: HIDDEN2\n"}
    found = redaction.redacted_diff(item)
    assert found["before"] == "password: <secret>\n"
    assert found["after"] == "password: <secret>\n(a secret in this file changed)\n"
    same = {**item, "after": item["before"]}
    assert redaction.redacted_diff(same)["after"] == "password: <secret>\n"
