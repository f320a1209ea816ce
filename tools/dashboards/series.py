# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries, colours and thresholds that several dashboards use."""

from __future__ import annotations

from panels import BASE, GREEN, RED, YELLOW

BUSY = {80.0: YELLOW, 95.0: RED}
ANY = {1.0: RED}
DAYS = {BASE: RED, 7.0: YELLOW, 21.0: GREEN}
PROGRAMS = 'supervisord:program_up{name=~"$service",host=~"$node"}'
CPU = '100 * (1 - avg by (host) (rate(node_cpu_seconds_total{mode="idle",host=~"$node"}[$__rate_interval])))'
MEMORY = '100 * (1 - node_memory_MemAvailable_bytes{host=~"$node"} / node_memory_MemTotal_bytes{host=~"$node"})'
DISK = 'filesystem:node_filesystem_used:percent{host=~"$node"}'
RATE = "[$__rate_interval]"


def active(more: str = "") -> str:
    """Return the systemd units that were chosen, in one of their states."""
    return f'node_systemd_unit_state{{{more}name=~"$service",host=~"$node"}}'


def of(metric: str, more: str = "") -> str:
    """Return the series of the servers that were chosen."""
    return f'{metric}{{{more}host=~"$node"}}'


def rate(metric: str, by: str, more: str = "") -> str:
    """Return how fast a counter grows, by these labels."""
    return f"sum by ({by}) (rate({of(metric, more)}{RATE}))"
