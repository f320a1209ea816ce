# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in the configuration of Prometheus and Alertmanager."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import secret_values
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.secret_values import (
    IN_ALERTMANAGER,
    IN_PROMETHEUS,
    Keys,
)

CONFIG: dict[str, t.Any] = {
    "scrape_configs": [
        {"job_name": "shop", "basic_auth": {"username": "u", "password": "s1"}, "labels": {"password": "a label"}},
        {
            "job_name": "",
            "authorization": {"credentials": "s2", "credentials_file": "/etc/t"},
            "proxy_url": "http://u:s3@proxy:1",
        },
    ],
    "receivers": [{"name": "hook", "webhook_configs": [{"url": "https://example.com/s4"}]}],
    "external_labels": {"token": "a label"},
    "remote_write": [{"url": "http://example.com/", "bearer_token": "", "password": None}],
}


def secrets(keys: Keys) -> dict[str, t.Any]:
    """Return the secrets in the configuration, by path."""
    found: dict[str, t.Any] = {}

    def note(path: tuple[str, ...], value: t.Any) -> str:
        found["/".join(path)] = value
        return "*"

    secret_values.replaced(CONFIG, keys, note)
    return found


def test_secrets_are_found_with_their_path() -> None:
    """Items of lists are named. What the user names, files and empty values are no secrets."""
    assert secrets(IN_PROMETHEUS) == {
        "scrape_configs/shop/basic_auth/password": "s1",
        "scrape_configs/authorization/credentials": "s2",
        "scrape_configs/proxy_url": "http://u:s3@proxy:1",
    }


def test_urls_of_receivers_are_secret() -> None:
    """Whoever knows the URL of a webhook can write to the room. Prometheus' own URLs are no secrets."""
    assert set(secrets(IN_ALERTMANAGER)) - set(secrets(IN_PROMETHEUS)) == {
        "receivers/hook/webhook_configs/url",
        "remote_write/url",
    }


def test_everything_else_stays() -> None:
    """The given configuration itself is not changed."""
    before = copy.deepcopy(CONFIG)
    found = secret_values.replaced(CONFIG, IN_PROMETHEUS, lambda _path, _value: "*")
    assert before == CONFIG
    expected = copy.deepcopy(CONFIG)
    expected["scrape_configs"][0]["basic_auth"] = {"username": "u", "password": "*"}
    expected["scrape_configs"][1]["authorization"]["credentials"] = expected["scrape_configs"][1]["proxy_url"] = "*"
    assert found == expected


@pytest.mark.parametrize("url", ["http://u:p@h/", "HTTPS://u:p@h", "postgres+tcp://u:@h", "amqp://:p@h/v"])
def test_a_url_with_a_password_is_a_secret_under_any_key(url: str) -> None:
    """Also in a list of texts."""
    assert secret_values.replaced({"x": [url]}, IN_PROMETHEUS, lambda _path, _value: "*") == {"x": ["*"]}


@pytest.mark.parametrize("url", ["http://h/u:p@x", "http://u@h/", "u:p@h", "mailto:u@h", "see http://u:p@h"])
def test_a_url_without_a_password_is_none(url: str) -> None:
    """An @ in a path, a user alone, and texts that only mention a URL."""
    assert secret_values.replaced({"x": url}, IN_PROMETHEUS, lambda _path, _value: "*") == {"x": url}
