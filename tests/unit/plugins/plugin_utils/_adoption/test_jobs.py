# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of one job. What a real Prometheus makes of them: test_relabeling.py."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.job_options import NotPlainError
from ansible_collections.vigie.monitoring.plugins.plugin_utils._adoption.jobs import host_and_port, static_groups, targets_of_job

FIVE = {"job_name": "j", "static_configs": [{"targets": ["a:5"]}]}


def endpoints(job: dict[str, t.Any], times: dict[str, str] | None = None) -> list[dict[str, t.Any]]:
    """Return the endpoints of the targets of *job*."""
    return [target.endpoint for target in targets_of_job(job, static_groups(job, {}), times or {})[0]]


@pytest.mark.parametrize(
    ("of_job", "of_all", "own"),
    [
        ({}, {}, {}),
        ({"scrape_interval": "60s", "scrape_timeout": "10000ms"}, {}, {}),
        ({"scrape_interval": "5s"}, {}, {"scrape_interval": "5s", "scrape_timeout": "5s"}),
        ({"scrape_interval": "90m"}, {"scrape_timeout": "20s"}, {"scrape_interval": "1h30m"}),
        ({"scrape_interval": "8d"}, {"scrape_interval": "1w"}, {"scrape_interval": "8d"}),
    ],
)
def test_times_of_a_job_are_those_that_differ(of_job: dict[str, str], of_all: dict[str, str], own: dict[str, str]) -> None:
    """A job with a short interval has a short timeout, too."""
    (found,) = endpoints({**FIVE, **of_job}, of_all)
    assert {key: value for key, value in found.items() if key.startswith("scrape_")} == own


def test_a_parameter_with_several_values_keeps_them() -> None:
    """A label of the target replaces the first value."""
    groups = [{"targets": ["a:5"], "labels": {"__param_a": "3"}}]
    (found,) = endpoints({"job_name": "j", "static_configs": groups, "params": {"a": ["1", "2"], "b": "x", "c": []}})
    assert found["params"] == {"a": ["3", "2"], "b": ["x"]}


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"a": True}, "the label a is True, which is not a string"),
        ({"host": "a b"}, "the label host is 'a b', which cannot be the name of a host"),
        ({"job": "a b"}, "cannot have a scrape job with the name 'a b'"),
        ({"job": "probe_icmp"}, "cannot have a scrape job with the name 'probe_icmp'"),
        ({"__scheme__": "ftp"}, "the scheme 'ftp' is not http or https"),
        ({"__metrics_path__": "/x?y=z"}, "the path '/x[?]y=z' does not start with a slash, or has parameters"),
        ({"__scrape_interval__": "1"}, "scrape_interval is '1', which is not a duration"),
    ],
)
def test_a_target_that_the_inventory_cannot_have_is_a_reason(labels: dict[str, t.Any], reason: str) -> None:
    """The job stays in Prometheus' own form."""
    with pytest.raises(NotPlainError, match=reason):
        endpoints({"job_name": "j", "static_configs": [{"targets": ["a:5"], "labels": labels}]})


def test_what_depends_on_the_version_is_a_reason() -> None:
    """Newer versions have more labels before relabeling."""
    rules = [{"action": "labelmap", "regex": "__(.*)__", "replacement": "x_$1"}]
    with pytest.raises(NotPlainError, match="depends on the version of Prometheus"):
        endpoints({**FIVE, "relabel_configs": rules})


def test_a_target_with_an_instance_needs_no_port() -> None:
    """The instance is the same with every version of Prometheus, and the port follows from the scheme."""
    assert host_and_port("a", 443) == ("a", 443)
    assert host_and_port("[2001:db8::1]", 80) == ("2001:db8::1", 80)
    (found,) = endpoints(
        {"job_name": "j", "scheme": "https", "static_configs": [{"targets": ["a"], "labels": {"instance": "x"}}]}
    )
    assert found["port"] == 443
    with pytest.raises(NotPlainError, match="the target a has no port"):
        endpoints({"job_name": "j", "static_configs": [{"targets": ["a"]}]})
