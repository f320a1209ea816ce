# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboards of the exporters, of Prometheus and of Alertmanager."""

from __future__ import annotations

from home import ANY, BUSY, DAYS
from panels import BASE, GREEN, RED, YELLOW, Page

RATE = "[$__rate_interval]"


def of(metric: str, more: str = "") -> str:
    """Return the series of the servers that were chosen."""
    return f'{metric}{{{more}host=~"$node"}}'


def rate(metric: str, by: str, more: str = "") -> str:
    """Return how fast a counter grows, by these labels."""
    return f"sum by ({by}) (rate({of(metric, more)}{RATE}))"


def haproxy_exporter() -> Page:
    """Return HAProxy's page. Its own endpoint says proxy, where the exporter for old ones says frontend or backend."""
    page = Page("vigie-haproxy", "HAProxy", "Requests, errors, and which servers take part.", 'up{job="haproxy",host!=""}')
    front, back = "host, proxy, frontend", "host, proxy, backend"
    at_front, at_back = "{{host}} {{proxy}}{{frontend}}", "{{host}} {{proxy}}{{backend}}"
    up = of("haproxy_server_status", 'state="UP",')
    servers = f"({up} or {of('haproxy_server_up')})"
    page.row("Now")
    page.stat("Servers in use", "none", f"count({servers} == 1) or vector(0)")
    page.stat("Servers down", "none", f"count({servers} == 0) or vector(0)", ANY)
    page.stat("Requests", "reqps", rate("haproxy_frontend_http_requests_total", ""), decimals=1)
    responses = "haproxy_frontend_http_responses_total"
    errors = rate(responses, "", 'code="5xx",') + " / " + rate(responses, "")
    page.stat("Answers 5xx", "percent", f"100 * {errors}", {1.0: YELLOW, 5.0: RED}, decimals=1)
    page.stat("Sessions", "none", f"sum({of('haproxy_frontend_current_sessions')})")
    page.stat("Queue", "none", f"sum({of('haproxy_backend_current_queue')})", {1.0: YELLOW, 50.0: RED})
    page.row("Traffic")
    page.graph("Requests", "reqps", {at_front: rate("haproxy_frontend_http_requests_total", front)})
    page.graph("Answers, by code", "reqps", {"{{code}}": rate("haproxy_frontend_http_responses_total", "code")}, stacked=True)
    page.graph(
        "Bytes",
        "Bps",
        {f"{at_front} {way}": rate(f"haproxy_frontend_bytes_{way}_total", front) for way in ("in", "out")},
    )
    page.graph("Sessions", "short", {at_front: f"sum by ({front}) ({of('haproxy_frontend_current_sessions')})"})
    page.row("Backends")
    page.states("Servers", {"{{host}} {{proxy}}{{backend}} {{server}}": servers}, span=12)
    page.graph("Queue", "short", {at_back: f"sum by ({back}) ({of('haproxy_backend_current_queue')})"})
    page.graph("Answers 5xx, by backend", "reqps", {at_back: rate("haproxy_backend_http_responses_total", back, 'code="5xx",')})
    page.graph("Sessions, by server", "short", {"{{host}} {{server}}": of("haproxy_server_current_sessions")})
    return page


def apache_exporter() -> Page:
    """Return Apache's page."""
    page = Page("vigie-apache", "Apache", "Requests, and what the workers do.", 'up{job="apache",host!=""}')
    page.row("Now")
    page.stat("Apaches up", "none", f"sum({of('apache_up')})")
    page.stat("Apaches down", "none", f"count({of('apache_up')} == 0) or vector(0)", ANY)
    page.stat("Requests", "reqps", rate("apache_accesses_total", ""), decimals=1)
    page.stat("Sent", "KBs", rate("apache_sent_kilobytes_total", ""), decimals=1)
    busy = of("apache_scoreboard", 'state!~"idle|open_slot",')
    page.stat("Workers busy", "percent", f"100 * sum({busy}) / sum({of('apache_scoreboard')})", BUSY)
    page.stat("Up for, at least", "dtdurations", f"min({of('apache_uptime_seconds_total')})")
    page.row("Over time")
    page.graph("Requests", "reqps", {"{{host}}": rate("apache_accesses_total", "host")})
    page.graph("Sent", "KBs", {"{{host}}": rate("apache_sent_kilobytes_total", "host")})
    page.graph("Workers, by state", "short", {"{{state}}": f"sum by (state) ({of('apache_scoreboard')})"}, stacked=True)
    took = f"{rate('apache_duration_ms_total', 'host')} / {rate('apache_accesses_total', 'host')}"
    page.graph("A request takes", "ms", {"{{host}}": took})
    return page


def uwsgi_exporter() -> Page:
    """Return uWSGI's page."""
    page = Page("vigie-uwsgi", "uWSGI", "The workers of each uWSGI: how busy, how fast, how large.", 'uwsgi_workers{host!=""}')
    page.choose("uwsgi", "Instances", 'label_values(uwsgi_workers{host=~"$node"}, uwsgi)')
    its = 'uwsgi=~"$uwsgi",'
    who, legend = "host, uwsgi", "{{host}} {{uwsgi}}"
    page.row("Now")
    page.stat("Instances up", "none", f"count({of('uwsgi_workers', its)}) or vector(0)")
    silent = of("up", 'job="uwsgi",' + its) + " unless on (job, instance) uwsgi_workers"
    page.stat("Instances down", "none", f"count({silent}) or vector(0)", ANY)
    page.stat("Workers", "none", f"sum({of('uwsgi_workers', its)})")
    page.stat("Workers busy", "percent", f"100 * avg({of('uwsgi_worker_busy', its)})", BUSY)
    page.stat("Requests", "reqps", rate("uwsgi_worker_requests_total", "", its), decimals=1)
    page.stat("Longest queue", "none", f"max({of('uwsgi_socket_queue_length', its)})", {1.0: YELLOW, 50.0: RED})
    page.row("Over time")
    page.graph("Requests", "reqps", {legend: rate("uwsgi_worker_requests_total", who, its)})
    page.graph("Workers busy", "percent", {legend: f"100 * avg by ({who}) ({of('uwsgi_worker_busy', its)})"}, most=100)
    took = f"avg by ({who}) ({of('uwsgi_worker_average_response_time_seconds', its)})"
    page.graph("A request takes", "s", {legend: took})
    page.graph("Queue", "short", {legend: f"max by ({who}) ({of('uwsgi_socket_queue_length', its)})"})
    page.graph("Memory", "bytes", {legend: f"sum by ({who}) ({of('uwsgi_worker_rss_bytes', its)})"})
    page.graph(
        "Trouble",
        "short",
        {
            f"{legend} {what}": f"sum by ({who}) (increase({of(f'uwsgi_worker_{metric}_total', its)}{RATE}))"
            for what, metric in (("exceptions", "exceptions"), ("harakiri", "harakiri_count"), ("respawned", "respawn_count"))
        },
    )
    return page


def postgres_exporter() -> Page:
    """Return PostgreSQL's page."""
    page = Page("vigie-postgres", "PostgreSQL", "Databases: connections, transactions, sizes, replication.", 'pg_up{host!=""}')
    page.choose("datname", "Databases", 'label_values(pg_database_size_bytes{host=~"$node"}, datname)')
    its = 'datname=~"$datname",'
    page.row("Now")
    page.stat("Servers up", "none", f"sum({of('pg_up')})")
    page.stat("Servers down", "none", f"count({of('pg_up')} == 0) or vector(0)", ANY)
    used = f"sum by (host) ({of('pg_stat_activity_count')}) / max by (host) ({of('pg_settings_max_connections')})"
    page.stat("Connections used", "percent", f"100 * max({used})", BUSY)
    page.stat("Transactions", "ops", rate("pg_stat_database_xact_commit", "", its), decimals=1)
    page.stat("Size", "bytes", f"sum({of('pg_database_size_bytes', its)})", decimals=1)
    page.stat("Replication is behind", "s", f"max({of('pg_replication_lag_seconds')})", {60.0: YELLOW, 600.0: RED})
    page.row("Over time")
    page.graph(
        "Connections, by state", "short", {"{{host}} {{state}}": f"sum by (host, state) ({of('pg_stat_activity_count', its)})"}
    )
    page.graph(
        "Transactions",
        "ops",
        {f"{{{{host}}}} {what}": rate(f"pg_stat_database_xact_{what}", "host", its) for what in ("commit", "rollback")},
    )
    page.graph("Sizes", "bytes", {"{{host}} {{datname}}": of("pg_database_size_bytes", its)})
    hit, read = (rate(f"pg_stat_database_blks_{what}", "host", its) for what in ("hit", "read"))
    page.graph("Blocks found in memory", "percent", {"{{host}}": f"100 * {hit} / ({hit} + {read})"}, most=100)
    page.graph(
        "Rows",
        "ops",
        {
            f"{{{{host}}}} {what}": rate(f"pg_stat_database_tup_{what}", "host", its)
            for what in ("fetched", "inserted", "updated", "deleted")
        },
    )
    page.graph("Locks", "short", {"{{host}} {{mode}}": f"sum by (host, mode) ({of('pg_locks_count', its)}) > 0"})
    page.graph("Deadlocks", "short", {"{{host}}": f"sum by (host) (increase({of('pg_stat_database_deadlocks', its)}{RATE}))"})
    page.graph("Replication is behind", "s", {"{{host}}": of("pg_replication_lag_seconds")})
    return page


def blackbox_exporter() -> Page:
    """Return the page of the probes."""
    page = Page(
        "vigie-probes", "Probes", "Sites, certificates, pings, names and ports, seen from outside.", 'probe_success{host!=""}'
    )
    page.choose("module", "Modules", 'label_values(probe_success{host=~"$node"}, module)')
    page.choose("target", "Targets", 'label_values(probe_success{module=~"$module",host=~"$node"}, instance)')
    its = 'module=~"$module",instance=~"$target",'
    page.row("Now")
    page.stat("Probes that succeed", "none", f"count({of('probe_success', its)} == 1) or vector(0)", span=6)
    page.stat("Probes that fail", "none", f"count({of('probe_success', its)} == 0) or vector(0)", ANY, span=6)
    page.stat("Slowest", "s", f"max({of('probe_duration_seconds', its)})", {3.0: YELLOW, 10.0: RED}, span=6, decimals=2)
    first = f"min({of('probe_ssl_earliest_cert_expiry', its)})"
    page.stat("Next certificate ends", "d", f"({first} - time()) / 86400", DAYS, span=6)
    page.row("Over time")
    page.states("Probes", {"{{instance}} ({{module}})": of("probe_success", its)}, height=10)
    page.graph("Probes take", "s", {"{{instance}} ({{module}})": of("probe_duration_seconds", its)})
    phases = f"avg by (phase) ({of('probe_http_duration_seconds', its)})"
    page.graph("HTTP, by phase", "s", {"{{phase}}": phases}, stacked=True)
    page.graph("Ping", "s", {"{{instance}}": of("probe_icmp_duration_seconds", 'phase="rtt",' + its)})
    pinged = of("probe_success", 'module="icmp",instance=~"$target",')
    lost = f"100 * (1 - avg_over_time({pinged}[$__rate_interval]))"
    page.graph("Pings lost", "percent", {"{{instance}}": lost}, most=100)
    page.row("Certificates and sites")
    days = f"({of('probe_ssl_earliest_cert_expiry', its)} - time()) / 86400"
    page.bars("Days until certificates end", "d", {"{{instance}}": days}, DAYS)
    page.table(
        "Sites",
        {"Status": of("probe_http_status_code", its)},
        {"instance": "Site", "host": "Server", "module": "Module"},
        {"Status": "none"},
        steps={"Status": {BASE: RED, 200.0: GREEN, 400.0: RED}},
        span=12,
    )
    return page


def prometheus() -> Page:
    """Return Prometheus' own page."""
    page = Page("vigie-prometheus", "Prometheus", "The Prometheus servers themselves.", 'up{job="prometheus",host!=""}')
    own = 'job="prometheus",'
    page.row("Now")
    page.stat("Targets", "none", "count(up)", description="Of all servers, whichever Prometheus was chosen.")
    page.stat("Series", "short", f"sum({of('prometheus_tsdb_head_series')})", decimals=1)
    page.stat("Samples", "cps", rate("prometheus_tsdb_head_samples_appended_total", ""))
    page.stat("On disk", "bytes", f"sum({of('prometheus_tsdb_storage_blocks_bytes')})", decimals=1)
    reloaded = {"1": ("yes", GREEN), "0": ("no", RED)}
    taken = f"min({of('prometheus_config_last_reload_successful')})"
    page.stat("Configuration in force", "none", taken, mappings=reloaded)
    page.stat("Rules that fail", "none", f"sum(increase({of('prometheus_rule_evaluation_failures_total')}{RATE}))", ANY)
    page.row("Scraping")
    page.graph("Series", "short", {"{{host}}": of("prometheus_tsdb_head_series")})
    page.graph("Samples", "cps", {"{{host}}": rate("prometheus_tsdb_head_samples_appended_total", "host")})
    page.graph("A scrape takes, the slowest by job", "s", {"{{job}}": "max by (job) (scrape_duration_seconds)"})
    page.graph("Samples of a scrape, by job", "short", {"{{job}}": "sum by (job) (scrape_samples_scraped)"}, stacked=True)
    page.row("Rules and queries")
    page.graph("Rules take", "s", {"{{host}}": f"sum by (host) ({of('prometheus_rule_group_last_duration_seconds')})"})
    slices = of("prometheus_engine_query_duration_seconds", 'quantile="0.9",')
    page.graph("Queries take, by slice", "s", {"{{slice}}": f"max by (slice) ({slices})"})
    page.graph("Alerts sent", "cps", {"{{host}}": rate("prometheus_notifications_sent_total", "host")})
    page.graph("Alerts that fire", "short", {"{{severity}}": 'count by (severity) (ALERTS{alertstate="firing"})'}, stacked=True)
    page.row("Process")
    page.graph("Memory", "bytes", {"{{host}}": of("process_resident_memory_bytes", own)})
    page.graph("CPU", "percentunit", {"{{host}}": rate("process_cpu_seconds_total", "host", own)})
    return page


def alertmanager() -> Page:
    """Return Alertmanager's page."""
    page = Page(
        "vigie-alertmanager", "Alertmanager", "Alerts, and whether people hear of them.", 'up{job="alertmanager",host!=""}'
    )
    page.row("Now")
    page.stat("Active alerts", "none", "max(" + of("alertmanager_alerts", 'state="active",') + ")")
    page.stat("Silenced alerts", "none", "max(" + of("alertmanager_alerts", 'state="suppressed",') + ")")
    page.stat("Silences", "none", "max(" + of("alertmanager_silences", 'state="active",') + ")")
    # One alone is no cluster, and says nothing of it.
    page.stat(
        "Members of the cluster",
        "none",
        f"min({of('alertmanager_cluster_members')}) or count({of('alertmanager_alerts')}) * 0 + 1",
    )
    reloaded = {"1": ("yes", GREEN), "0": ("no", RED)}
    page.stat("Configuration in force", "none", f"min({of('alertmanager_config_last_reload_successful')})", mappings=reloaded)
    failed = f"sum(increase({of('alertmanager_notifications_failed_total')}[1h]))"
    page.stat("Messages refused in an hour", "none", failed, ANY)
    page.row("Over time")
    page.graph("Alerts", "short", {"{{host}} {{state}}": f"sum by (host, state) ({of('alertmanager_alerts')})"})
    page.graph("Alerts received", "cps", {"{{host}} {{status}}": rate("alertmanager_alerts_received_total", "host, status")})
    page.graph("Messages sent", "cps", {"{{integration}}": rate("alertmanager_notifications_total", "integration")})
    page.graph("Messages refused", "cps", {"{{integration}}": rate("alertmanager_notifications_failed_total", "integration")})
    slow = rate("alertmanager_notification_latency_seconds_bucket", "integration, le")
    page.graph("Messages take, nine of ten", "s", {"{{integration}}": f"histogram_quantile(0.9, {slow})"})
    page.graph("Silences", "short", {"{{host}} {{state}}": of("alertmanager_silences")})
    return page
