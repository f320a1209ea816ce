# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that provisions Grafana's own alerting."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from grafanas import ALERTING, alerting

from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.grafana_alerting import grafana_alerting


def rendered(found: t.Any, before: str = "") -> dict[str, t.Any]:
    """Return the files for a Grafana with this ``grafana_alerting``."""
    return grafana_alerting(t.cast("t.Any", {"servers": {"grafana": {"pages": {"grafana_alerting": found}}}}), "pages", before)


def test_grafanas_own_form() -> None:
    """The sections have Grafana's names, and secrets are read without a replacement of variables."""
    found = rendered(ALERTING)
    file = yaml.safe_load(found["content"])
    assert list(file) == ["apiVersion", "groups", "contactPoints", "policies", "muteTimes", "templates"]
    assert (file["apiVersion"], file["groups"]) == (1, ALERTING["rules"])
    assert file["contactPoints"][0]["receivers"][0]["settings"] == {"url": "http://127.0.0.1/hook", "password": "a$$b"}
    assert found["content"] == found["provisioned"]
    assert found["secret"]
    reference = alerting("contact_points.0.receivers.0.settings.password", "$__file{/etc/grafana/hook}")
    assert "password: $__file{/etc/grafana/hook}\n" in rendered(reference)["content"]


def test_nothing_is_no_file() -> None:
    """Neither without the variable, nor with empty lists."""
    for found in ({}, None, {"rules": [], "policies": None}):
        assert rendered(found) == {"content": "", "provisioned": "", "secret": False}
    assert not rendered({"rules": ALERTING["rules"]})["secret"]


def test_what_is_gone_is_deleted_once() -> None:
    """The next run, which finds the file without the lists of deletions, changes nothing. A killed run is continued."""
    before = rendered(ALERTING)["provisioned"]
    assert rendered(ALERTING, before)["content"] == before

    fewer = alerting("contact_points.0.receivers.1")
    fewer["rules"][0]["rules"][0]["uid"] = "shop-sales"
    found = rendered(fewer, before)
    file = yaml.safe_load(found["content"])
    assert {key: value for key, value in file.items() if key.startswith(("delete", "reset"))} == {
        "deleteRules": [{"orgId": 1, "uid": "shop-orders"}],
        "deleteContactPoints": [{"orgId": 1, "uid": "shop-mail"}],
    }
    assert yaml.safe_load(found["provisioned"]) == {key: file[key] for key in file if not key.startswith("delete")}
    assert rendered(fewer, found["content"]) == found
    assert rendered(fewer, found["provisioned"])["content"] == found["provisioned"]
    # What comes back before the list was removed is not deleted.
    assert "deleteRules" not in rendered(ALERTING, found["content"])["content"].replace("shop-sales", "")[:200]
    assert yaml.safe_load(rendered(ALERTING, found["content"])["content"])["deleteRules"] == [{"orgId": 1, "uid": "shop-sales"}]


def test_everything_is_gone() -> None:
    """Grafana deletes all of it, each organisation for itself, and then there is no file."""
    both = {
        **ALERTING,
        "mute_timings": [*ALERTING["mute_timings"], {**ALERTING["mute_timings"][0], "orgId": 2}],
        "policies": [*ALERTING["policies"], {"orgId": 2, "receiver": "grafana-default-email"}],
    }
    found = rendered({}, rendered(both)["provisioned"])
    assert yaml.safe_load(found["content"]) == {
        "apiVersion": 1,
        "deleteRules": [{"orgId": 1, "uid": "shop-orders"}],
        "deleteContactPoints": [{"orgId": 1, "uid": "shop-hook"}, {"orgId": 1, "uid": "shop-mail"}],
        "deleteMuteTimes": [{"orgId": 1, "name": "night"}, {"orgId": 2, "name": "night"}],
        "deleteTemplates": [{"orgId": 1, "name": "shop"}],
        "resetPolicies": [1, 2],
    }
    assert found["provisioned"] == ""
    # The earlier file has secrets, so that the diff must not show it.
    assert found["secret"]
    assert rendered({}, found["content"])["content"] == found["content"]


@pytest.mark.parametrize("before", ["a: [", "text"])
def test_a_file_that_nobody_can_read(before: str) -> None:
    """Nobody knows what to delete."""
    with pytest.raises(ValueError, match="host pages: the file for Grafana's alerting is not YAML"):
        rendered(ALERTING, before)
