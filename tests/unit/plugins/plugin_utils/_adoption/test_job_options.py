# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a scrape config, as the inventory has them, and back again."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.job_options import (
    NotPlainError,
    options_of_job,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import scrape_config_of

DROP = {"source_labels": ["__name__"], "regex": "go_.*|x", "action": "drop"}
KEEP = {**DROP, "regex": "a(b|c)", "action": "keep"}
NO_LE = {"regex": "le", "action": "labeldrop"}


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ({"honor_labels": True, "sample_limit": 5, "proxy_url": None}, {"honor_labels": True, "sample_limit": 5}),
        ({"honor_labels": False, "follow_redirects": True, "label_limit": 0, "tls_config": {}}, {}),
        ({"tls_config": {"ca_file": "/ca"}}, {"tls": {"ca_file": "/ca"}}),
        ({"authorization": {"credentials_file": "/p"}}, {"bearer_token_file": "/p"}),
        ({"authorization": {"type": "bearer", "credentials": "t"}}, {"bearer_token": "t"}),
        (
            {"metric_relabel_configs": [KEEP, DROP, NO_LE]},
            {"metric_relabel": {"keep": ["a(b|c)"], "drop": ["go_.*", "x"], "drop_labels": ["le"]}},
        ),
        ({"metric_relabel_configs": [DROP, DROP]}, {"metric_relabel": {"drop": ["go_.*", "x", "go_.*", "x"]}}),
        ({"metric_relabel_configs": [KEEP, KEEP]}, {"metric_relabel": [KEEP, KEEP]}),
        ({"metric_relabel_configs": [NO_LE, DROP]}, {"metric_relabel": [NO_LE, DROP]}),
        (
            {"metric_relabel_configs": [{**DROP, "source_labels": ["path"]}]},
            {"metric_relabel": [{**DROP, "source_labels": ["path"]}]},
        ),
    ],
)
def test_an_option_of_a_job_is_an_option_of_the_inventory(keys: dict[str, t.Any], options: dict[str, t.Any]) -> None:
    """Defaults of Prometheus are left out; rules about metrics have the short form where it means the same."""
    assert options_of_job({"job_name": "x", "scheme": "https", **keys}) == options


def test_options_come_out_as_they_went_in() -> None:
    """What the inventory renders has the keys of the configuration."""
    keys: dict[str, t.Any] = {
        "honor_timestamps": False,
        "body_size_limit": "10MB",
        "tls_config": {"insecure_skip_verify": True},
        "basic_auth": {"username": "u", "password_file": "/p"},
        "metric_relabel_configs": [{**DROP, "regex": "go_.*"}, NO_LE],
    }
    assert scrape_config_of("x", options_of_job(keys)) == keys


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"oauth2": {}, "kubernetes_sd_configs": []}, "the inventory has no counterpart of kubernetes_sd_configs, oauth2"),
        ({"authorization": {"type": "Digest", "credentials_file": "/p"}}, "authorization with the type Digest"),
        ({"tls_config": {"min_version": "TLS12"}}, "of this tls: the option must be a dictionary with keys of ca_file"),
        (
            {"basic_auth": {"username": "u", "password": "hidden", "password_file": "/p"}},
            "of this basic_auth: the option must have",
        ),
    ],
)
def test_what_the_inventory_does_not_have_is_named(keys: dict[str, t.Any], reason: str) -> None:
    """Without a secret."""
    with pytest.raises(NotPlainError) as error:
        options_of_job(keys)
    assert reason in str(error.value)
    assert "hidden" not in str(error.value)
