# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that take the fleet model."""

from __future__ import annotations

import functools
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import deployed_hosts
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import (
    alertmanager,
    alloy,
    firewall,
    grafana,
    grafana_alerting,
    loki,
    mtail_examples,
    mtail_programs,
    preview,
    prometheus,
    remote_write,
    rules,
    silences,
    targets,
    victoria_metrics,
    vmalert,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import offboarding
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification import (
    coverage,
    lost_targets,
    moving_hosts,
    report_page,
    verification,
)


def _filter(name: str, function: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """Return *function* as the filter *name*. Error messages start with the name of the filter."""

    @functools.wraps(function)
    def wrapped(model: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        # Since ansible-core 2.19, containers that a template passes on are lazy: each access to an item costs microseconds. The
        # fleet model has no templates, so that the plain data is equivalent. Without this private method, the filter is slow.
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
            "scrape_targets": targets.scrape_targets,
            "scrape_configs": prometheus.scrape_configs,
            "_prometheus_files": prometheus.prometheus_tree,
            "_route_examples": alertmanager.route_examples,
            "_alertmanager_files": alertmanager.alertmanager_files,
            "_matrix_rooms": alertmanager.matrix_rooms,
            "alert_rules": rules.alert_rules,
            "_lost_targets": lost_targets.lost_targets,
            "_moving_hosts": moving_hosts.moving_hosts,
            "_while_moving": moving_hosts.while_moving,
            "_settled_hosts": moving_hosts.settled_hosts,
            "_servers_of_hosts": moving_hosts.servers_of_hosts,
            "_unread_servers": moving_hosts.unread_servers,
            "expected_targets": targets.expected_targets,
            "rendered_files": preview.rendered_files,
            "firewall_rules": firewall.firewall_rules,
            "_role_peers": firewall.role_peers,
            "_deployed_hosts": deployed_hosts,
            "_grafana_alerting": grafana_alerting.grafana_alerting,
            "_grafana_dashboards": grafana.grafana_dashboards,
            "_grafana_datasources": grafana.grafana_datasources,
            "_grafana_ini": grafana.grafana_ini,
            "_mtail_programs": mtail_programs.mtail_programs,
            "_mtail_sources": mtail_programs.mtail_sources,
            "_mtail_examples": mtail_examples.mtail_examples,
            "_alloy_config": alloy.alloy_config,
            "_loki_files": loki.loki_files,
            "_store_queries": remote_write.store_queries,
            "_victoria_flags": victoria_metrics.victoria_flags,
            "_vmauth_files": victoria_metrics.vmauth_files,
            "_vmalert_files": vmalert.vmalert_files,
            "_offboarding_problem": offboarding.offboarding_problem,
            "_maintenance": silences.maintenance,
            "_silence_problem": silences.silence_problem,
            "_silence_requests": silences.silence_requests,
            "_silences_to_end": silences.silences_to_end,
            "_silence_lines": silences.silence_lines,
            "coverage": coverage.coverage,
            "_verification_report": verification.verification_report,
            "_report_page": report_page.report_page,
        }
        return {name: _filter(name, function) for name, function in functions.items()}
