# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify a deployment: compare the answers of the servers with the fleet model. Private to the collection."""

from __future__ import annotations

import dataclasses
import re
import typing as t

import yaml

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.agents import is_agent
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model, server_settings
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.shards import replicas_of
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import grafana, prometheus, vmalert
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.targets import expected_targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.coverage import coverage, merged
from ansible_collections.vigie.monitoring.plugins.plugin_utils._verification.stores import store_problems

# Seconds that a clock may differ, since a slow scrape on a small machine takes a few seconds.
CLOCK_TOLERANCE = 10
_DEBIAN_REVISION = re.compile(r"-\d+(\.\d+)*$")
Row = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Check:
    """One comparison. *problem* is a sentence for people, or empty if the comparison has no difference."""

    server: str
    kind: str
    name: str
    host: str
    problem: str = ""


@dataclasses.dataclass
class Answer:
    """The answers of one Prometheus server. An answer is None if the query failed; *error* has the reason."""

    error: str = ""
    targets: list[Row] | None = None
    info: dict[str, t.Any] | None = None
    # Files of the server that differ from the rendered files; None if these were not compared.
    differing: list[str] | None = None


def answers(asked: t.Mapping[str, t.Iterable[t.Mapping[str, t.Any]]]) -> dict[str, Answer]:
    """Return the answers of each server.

    :param asked: results of a loop over the servers (``__prometheus_server`` in each): of the modules targets_up (``targets``),
        prometheus_info (``info``) and, in check mode, config_tree (``tree``); and, over the Grafanas (``__grafana_host``), of
        grafana_info (``grafana``), and over the vmalerts (``__vmalert_host``), of prometheus_info (``vmalert``), which are for
        `grafana_checks` and `vmalert_checks`.
    """
    found: dict[str, Answer] = {}
    for kind, results in asked.items():
        for result in results if kind not in ("grafana", "vmalert") else ():
            answer = found.setdefault(result["__prometheus_server"], Answer())
            if result.get("skipped"):
                continue
            if kind == "targets" and "active" in result:
                answer.targets = result["active"]
                # A server that does not answer has no targets. Report one error for the server, and not one for each target.
                if not answer.targets and result["waiting"] and result.get("failed"):
                    answer.error = answer.error or result["waiting"][0]
            elif kind == "info" and "rules" in result:
                answer.info = dict(result)
            elif kind == "tree" and not result.get("failed") and not result.get("unreachable"):
                answer.differing = sorted(result.get("changed_files") or [])
            else:
                answer.error = answer.error or str(result.get("msg") or "the query failed without an error message")
    return found


def compare(
    model: Model, asked: t.Mapping[str, t.Iterable[t.Mapping[str, t.Any]]], hosts: t.Collection[str]
) -> tuple[dict[str, Answer], list[Check], dict[str, list[Row]]]:
    """Return the answers of each server, all checks, and the rows of `coverage` by server.

    :param asked: see `answers`.
    :param hosts: the hosts of the run. With all hosts of the inventory, the result also has targets of unknown hosts, and
        checks of the servers themselves.
    """
    answered = answers(asked)
    _prefer_own_versions(model, answered, asked.get("grafana", ()))
    found, rows = checks(model, answered, None if set(hosts) >= set(model["hosts"]) else hosts)
    found += grafana_checks(model, asked.get("grafana", ())) + vmalert_checks(model, asked.get("vmalert", ()))
    return answered, found, rows


def _prefer_own_versions(model: Model, answered: t.Mapping[str, Answer], grafanas: t.Iterable[t.Mapping[str, t.Any]]) -> None:
    """Replace scraped versions, which can be old, by the versions that the servers report."""
    versions: dict[tuple[str, str], str] = {}
    hosts = {address: host for host, address in prometheus.alertmanagers(model).items()}
    for server, answer in answered.items():
        if answer.info is not None:
            versions["prometheus", server] = answer.info.get("version") or ""
            for row in answer.info["alertmanagers"]:
                versions["alertmanager", hosts.get(row["address"], "")] = row.get("version") or ""
    versions.update((("grafana", result["__grafana_host"]), result.get("version") or "") for result in grafanas)
    for answer in answered.values():
        if answer.info is not None:
            answer.info["builds"] = [
                {**row, "version": versions.get((row["program"], row["host"])) or row["version"]} for row in answer.info["builds"]
            ]


def checks(
    model: Model, answered: t.Mapping[str, Answer], hosts: t.Collection[str] | None
) -> tuple[list[Check], dict[str, list[Row]]]:
    """Return all checks, and the rows of `coverage` by server.

    :param hosts: check these hosts only. None checks all hosts, and the servers themselves.
    """
    rows = _rows(model, answered, hosts)
    by_shard = rows_of_shards(model, rows)
    found: list[Check] = []
    for server, answer in answered.items():
        found.append(Check(server, "server", "answers", server, answer.error and f"{server}: {answer.error}"))
        servers = next((names for names in by_shard if names.split(", ")[0] == server), "")
        found += [_target_check(servers, row) for row in by_shard.get(servers, ())]
        if answer.differing is not None and hosts is None:
            found.append(_files_check(server, answer.differing))
        if answer.info is not None:
            if hosts is None and not is_agent(server_settings(model, "prometheus", server)):
                found += _rule_checks(server, prometheus.prometheus_tree(model, server), answer.info["rules"])
                found += _alertmanager_checks(model, server, answer.info["alertmanagers"])
            found += _version_checks(model, server, _own_rows(model, server, answer.info["builds"]))
            found += _clock_checks(server, _own_rows(model, server, answer.info["clocks"]))
            found += [
                Check(server, "store", *found_of) for found_of in store_problems(model, server, answer.info.get("stores", ()))
            ]
    return found, rows


def _own_rows(model: Model, server: str, rows: list[Row]) -> list[Row]:
    """Return those of *rows* that concern the hosts of *server*. The rows of an agent come from a store, which has all hosts."""
    settings = server_settings(model, "prometheus", server)
    if not is_agent(settings):
        return rows
    hosts = set(settings["scrape_hosts"])
    return [row for row in rows if row["host"] in hosts]


def _rows(model: Model, answered: t.Mapping[str, Answer], hosts: t.Collection[str] | None) -> dict[str, list[Row]]:
    """Return the rows of `coverage` of each server that has answered."""
    rows: dict[str, list[Row]] = {}
    for server, answer in answered.items():
        if answer.targets is not None and not (answer.error and not answer.targets):
            # The model does not know the targets of prometheus_extra_scrape_configs.
            settings = server_settings(model, "prometheus", server)
            own = {job["job_name"] for job in settings["prometheus_extra_scrape_configs"] or ()}
            active = [target for target in answer.targets if target.get("pool") not in own]
            rows[server] = coverage(expected_targets(model, server, hosts), active, hosts)
    return rows


def rows_of_shards(model: Model, rows: t.Mapping[str, list[Row]]) -> dict[str, list[Row]]:
    """Return the *rows* of replicas as one list, by the names of the replicas: a target counts once."""
    found: dict[str, list[Row]] = {}
    for server in rows:
        replicas = [name for name in replicas_of(model, server) if name in rows]
        key = ", ".join(replicas)
        if key not in found:
            found[key] = merged({name: rows[name] for name in replicas})
    return found


def grafana_checks(model: Model, asked: t.Iterable[t.Mapping[str, t.Any]]) -> list[Check]:
    """Return the checks of the Grafanas.

    :param asked: results of a loop over them (``__grafana_host`` in each) of the module grafana_info.
    """
    found = []
    for result in asked:
        if result.get("skipped"):
            continue
        host = result["__grafana_host"]
        problems: dict[str, str] = {"answers": ""}
        if "version" not in result:
            problems["answers"] = str(result.get("msg") or "the query failed without an error message")
        else:
            problems |= _grafana_problems(model, host, result)
        found += [Check(host, "grafana", name, host, why and f"{host}: {why}") for name, why in problems.items()]
    return found


def vmalert_checks(model: Model, asked: t.Iterable[t.Mapping[str, t.Any]]) -> list[Check]:
    """Return the checks of the vmalerts: their rules and their Alertmanagers.

    :param asked: results of a loop over them (``__vmalert_host`` in each) of the module prometheus_info.
    """
    found = []
    for result in asked:
        if result.get("skipped"):
            continue
        host = result["__vmalert_host"]
        if "rules" not in result:
            why = str(result.get("msg") or "the query failed without an error message")
            found.append(Check(host, "vmalert", "answers", host, f"{host}: vmalert: {why}"))
            continue
        found.append(Check(host, "vmalert", "answers", host))
        found += _rule_checks(host, vmalert.vmalert_files(model, host), result["rules"])
        connected = {row["address"]: row for row in result["alertmanagers"]}
        for name, address in prometheus.alertmanagers(model).items():
            error = connected[address]["error"] if address in connected else "vmalert does not know this Alertmanager"
            problem = f"{host}: vmalert cannot send alerts to the Alertmanager on {name}: {error}" if error else ""
            found.append(Check(host, "alertmanager", address, name, problem))
    return found


def _grafana_problems(model: Model, host: str, has: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the problem of each check of a Grafana server by name; empty if there is no problem."""
    wanted = str(server_settings(model, "grafana", host)["grafana_version"])
    sources, dashboards = grafana.expected(model, host)
    right_version = wanted == "latest" or _plain_version(has["version"]) == _plain_version(wanted)
    found = {"version": "" if right_version else f"Grafana {has['version']} runs, but the inventory has {wanted}"}
    there = {source["uid"]: source for source in has["sources"]}
    for source in sources:
        name, source_found = f"data source {source['name']}", there.get(source.get("uid", ""))
        if source_found is None:
            found[name] = f"the {name} is missing in Grafana. Run vigie.monitoring.site --tags grafana"
        else:
            found[name] = source_found["problem"] and f"Grafana cannot use the {name}: {source_found['problem']}"
    missing = sorted(set(dashboards) - {dashboard["uid"] for dashboard in has["dashboards"]})
    found["dashboards"] = f"Grafana has not loaded the dashboards {', '.join(missing)}" if missing else ""
    return found


def _plain_version(version: str) -> str:
    """Return a version without what does not make another version.

    That is build metadata, the part after a plus (semver.org, 10), and the revision of a Debian package: 1.86.0-1 (Debian Policy,
    5.6.12). A pre-release such as 1.86.0-rc.1 is another version.
    """
    return _DEBIAN_REVISION.sub("", version.partition("+")[0].removeprefix("v"))


def _target_check(servers: str, row: Row) -> Check:
    """Return the check of a target that the *servers*, replicas of each other, scrape."""
    where = f"{row['instance']} (job {row['job']})"
    state = f"{row['state']} on {row['reason']}" if row["servers"] else f"{row['state']}: {row['reason']}"
    problem = "" if row["state"] == "up" else f"{where} is {state}"
    return Check(servers, "target", where, row["host"], problem)


def _files_check(server: str, differing: list[str]) -> Check:
    problem = (
        f"{server}: deployed files differ from the inventory ({', '.join(differing)}). Run vigie.monitoring.site --tags targets"
        if differing
        else ""
    )
    return Check(server, "configuration", "files", server, problem)


def _rule_checks(server: str, files: t.Mapping[str, t.Any], loaded: list[Row]) -> list[Check]:
    # Alerts of several severities share a name. Report the one that fails.
    ordered = sorted(loaded, key=lambda row: row["health"] == "err")
    known = {("/".join(row["file"].split("/")[-2:]), row["group"], row["name"]): row for row in ordered}
    found = []
    for path, text in files.items():
        if not path.startswith("rules/"):
            continue
        for group in yaml.safe_load(text).get("groups") or []:
            for rule in group["rules"]:
                name = rule.get("alert") or rule["record"]
                row = known.get((path, group["name"], name))
                problem = ""
                if row is None:
                    problem = f"{server}: the rule {name} (group {group['name']} of {path}) is not loaded"
                elif row["health"] == "err":
                    problem = f"{server}: the rule {name} (group {group['name']} of {path}) fails: {row['last_error']}"
                found.append(Check(server, "rule", f"{group['name']}/{name}", server, problem))
    return found


def _alertmanager_checks(model: Model, server: str, connected: list[Row]) -> list[Check]:
    known = {row["address"]: row for row in connected}
    expected = prometheus.alertmanagers(model)
    found = []
    for host, address in expected.items():
        row = known.get(address)
        problem = ""
        if row is None:
            problem = f"{server}: Prometheus is not connected to the Alertmanager {address} ({host})"
        elif row["error"]:
            problem = f"{server}: Prometheus cannot send alerts to the Alertmanager on {host}: {row['error']}"
        elif len(expected) > 1 and row["peers"] != len(expected):
            problem = (
                f"{host}: the Alertmanager cluster has size {row['peers']}, but the inventory has {len(expected)} Alertmanagers"
            )
        found.append(Check(server, "alertmanager", address, host, problem))
    return found


def _version_checks(model: Model, server: str, builds: list[Row]) -> list[Check]:
    found = []
    for row in builds:
        host = model["hosts"].get(row["host"])
        wanted = host["versions"].get(row["program"]) if host else None
        if wanted is None or not row["version"]:
            continue
        problem = (
            ""
            if wanted == "latest" or _plain_version(row["version"]) == _plain_version(wanted)
            else f"{row['host']}: {row['program']} {row['version']} runs, but the inventory has {wanted}"
        )
        found.append(Check(server, "version", f"{row['program']} of {row['instance']}", row["host"], problem))
    return found


def _clock_checks(server: str, clocks: list[Row]) -> list[Check]:
    found = []
    for row in clocks:
        off = row["offset"]
        problem = (
            f"{row['host']}: the clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the clock of {server}. "
            "Check the time synchronisation of the host"
            if abs(off) > CLOCK_TOLERANCE
            else ""
        )
        found.append(Check(server, "clock", row["instance"], row["host"], problem))
    return found
