# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on the model of the fleet."""

from __future__ import annotations

import functools
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.vigie.monitoring.plugins.plugin_utils import (
    _alertmanager,
    _coverage,
    _firewall,
    _grafana,
    _lost,
    _offboard,
    _page,
    _prometheus,
    _rules,
    _verdict,
)


def _filter(name: str, function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """Return *function* as the filter *name*: its errors tell whose they are."""

    @functools.wraps(function)
    def wrapped(model: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        # Since ansible-core 2.19 each access to an item of what a template passes on costs microseconds. What a plugin
        # returned holds no templates, so that nothing is lost with the plain data beneath; where it has another name, it is slow.
        unwrap = getattr(model, "_non_lazy_copy", None)
        try:
            return function(unwrap() if unwrap else model, *args, **kwargs)
        except ValueError as error:
            raise AnsibleFilterError(f"vigie.monitoring.{name}: {error}") from error

    return wrapped


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filters by their names."""
        functions: dict[str, t.Callable[..., t.Any]] = {
            "scrape_targets": _prometheus.scrape_targets,
            "scrape_configs": _prometheus.scrape_configs,
            "prometheus_tree": _prometheus.prometheus_tree,
            "alertmanager_examples": _alertmanager.examples,
            "alertmanager_files": _alertmanager.files,
            "alertmanager_rooms": _alertmanager.rooms,
            "alert_rules": _rules.alert_rules,
            "lost_targets": _lost.lost_targets,
            "expected_targets": _prometheus.expected_targets,
            "rendered_files": _prometheus.rendered_files,
            "firewall_rules": _firewall.firewall_rules,
            "role_peers": _firewall.role_peers,
            "grafana_dashboards": _grafana.dashboards,
            "grafana_datasources": _grafana.datasources_file,
            "grafana_ini": _grafana.ini,
            "offboard_refusal": _offboard.refusal,
            "coverage": _coverage.coverage,
            "coverage_report": _verdict.report,
            "coverage_page": _page.page,
        }
        return {name: _filter(name, function) for name, function in functions.items()}
