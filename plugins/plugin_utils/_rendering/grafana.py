# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the files of a Grafana server. Private to the collection.

The documentation of Grafana ("Provision Grafana", "Configure Grafana") has the format of these files.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.agents import is_agent
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import RESERVED
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import (
    Model,
    active_servers,
    server_address,
    server_route_prefix,
    server_settings,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.stores import Store, longest_interval, readable_stores
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import made_yaml, merged
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.web import server_client_settings, server_scheme
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.grafana_logs import with_logs

ROLE = "grafana"
FOLDER = "Vigie"
# The titles of data sources, by role. The first data source is the default.
SOURCES = {
    # vmauth answers as long as one of the stores does.
    "vmauth": "Stores",
    "prometheus": "Prometheus",
    "victoria_metrics": "VictoriaMetrics",
    "alertmanager": "Alertmanager",
    "loki": "Loki",
}
# The types of data sources, where a type is not the name of the role.
_TYPES = {"vmauth": "prometheus", "victoria_metrics": "prometheus"}
# Grafana rejects a longer uid.
_UID_LENGTH = 40
_SECRET_REFERENCE = re.compile(r"\$__(file|env|vault)\{[^}]*\}")
_NOT_IN_UID = re.compile(r"[^a-zA-Z0-9_-]")
# In the dashboards, series of the servers that were chosen, and all that have a server: where the labels' variables come in.
_CHOSEN, _ANY = 'host=~"$node"', 'host!=""'
Dashboard = dict[str, t.Any]


# -- data sources --------------------------------------------------------------------------------------------------------


def source_uid(kind: str, host: str) -> str:
    """Return the uid of a data source, which is the same as long as the server keeps its name."""
    # The name of a host has no underscore, so that two names never result in the same uid.
    uid = _NOT_IN_UID.sub("-", f"{kind}-{host.replace('.', '_')}")
    if len(uid) > _UID_LENGTH:
        uid = f"{uid[: _UID_LENGTH - 9]}-{hashlib.sha256(host.encode()).hexdigest()[:8]}"
    return uid


def datasources(model: Model, host: str) -> list[dict[str, t.Any]]:
    """Return the data sources of the Grafana on *host*: Prometheus servers, stores, Alertmanagers and Lokis.

    The first one, usually a Prometheus server, is the default.
    """
    settings = server_settings(model, ROLE, host)
    found: list[dict[str, t.Any]] = []
    for kind, title in SOURCES.items():
        for name, server in active_servers(model, kind).items():
            # An agent answers no queries.
            if is_agent(server):
                continue
            source: dict[str, t.Any] = {
                # Grafana identifies a data source by name. It rejects a data source with a new name and an existing uid.
                "name": f"{title} ({name})",
                "uid": source_uid(kind, name),
                "type": _TYPES.get(kind, kind),
                "access": "proxy",
                "url": f"{server_scheme(server, kind)}://{server_address(model, host, name, kind)}"
                f"{server_route_prefix(server, kind)}",
                "editable": False,
                "isDefault": not found,
                "jsonData": _json_data(model, kind, name, server),
            }
            source = merged(source, _web(server_client_settings(server, kind)))
            found.append(merged(source, settings["grafana_datasource_options"].get(kind) or {}))
    return found + list(settings["grafana_extra_datasources"])


def _web(web: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the part of a data source for TLS and the password of its server."""
    found: dict[str, t.Any] = {}
    options: dict[str, t.Any] = {}
    secrets: dict[str, str] = {}
    if web.get("insecure_skip_verify"):
        options["tlsSkipVerify"] = True
    if web.get("ca_file"):
        options["tlsAuthWithCACert"] = True
        secrets["tlsCACert"] = f"$__file{{{web['ca_file']}}}"
    if web.get("server_name"):
        # Grafana ignores the name of the server without tlsAuthWithCACert, and accepts tlsAuthWithCACert without a CA.
        options.update(tlsAuthWithCACert=True, serverName=web["server_name"])
    if web.get("username"):
        found.update(basicAuth=True, basicAuthUser=web["username"])
        secrets["basicAuthPassword"] = str(web["password"])
    return {**found, **({"jsonData": options} if options else {}), **({"secureJsonData": secrets} if secrets else {})}


def grafana_datasources(model: Model, host: str) -> str:
    """Return the file that provisions the data sources. Grafana (since 11.1) removes all others that it provisioned."""
    found = [
        {**source, "secureJsonData": _map_strings(source["secureJsonData"], literal)} if "secureJsonData" in source else source
        for source in datasources(model, host)
    ]
    return made_yaml({"apiVersion": 1, "prune": True, "datasources": found})


def literal(secret: str) -> str:
    """Return a secret with each dollar doubled, unless the secret is a reference to a file, a variable or a vault.

    Grafana would replace ``$name`` by an environment variable (Grafana's documentation, "Provision Grafana").
    """
    return secret if _SECRET_REFERENCE.fullmatch(secret) else secret.replace("$", "$$")


def _json_data(model: Model, kind: str, name: str, server: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    if kind == "loki":
        return {}
    if kind == "alertmanager":
        return {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}
    if kind in _TYPES:
        # VictoriaMetrics has the API of Prometheus 2.24 (its documentation, "Prometheus querying API enhancements").
        interval = longest_interval(model, readable_stores(model) if kind == "vmauth" else [Store(kind, name)])
        found = {"httpMethod": "POST", "prometheusType": "Prometheus", "prometheusVersion": "2.24.0"}
        return {**found, "timeInterval": interval} if interval else found
    return {
        "httpMethod": "POST",
        "prometheusType": "Prometheus",
        "prometheusVersion": str(server["prometheus_version"]),
        # Grafana computes $__rate_interval from this interval.
        "timeInterval": server["prometheus_scrape_interval"],
    }


# -- dashboards ----------------------------------------------------------------------------------------------------------


def grafana_dashboards(model: Model, host: str, community: t.Sequence[str] = ()) -> dict[str, str]:
    """Return the dashboards of the Grafana on *host*: path below the directory of dashboards -> text.

    A directory is a folder of Grafana. There is a dashboard for each role that the fleet has, with variables for labels.

    :param community: the texts of the dashboards in ``grafana_community_dashboards``.
    :raises ValueError: if one of these is not a dashboard.
    """
    settings = server_settings(model, ROLE, host)
    labels = settings["grafana_label_variables"] or distinguishing_labels(model)
    sources = datasources(model, host)
    default = next((source["uid"] for source in sources if source.get("isDefault")), "")
    logs = next((source["uid"] for source in sources if source.get("type") == "loki"), "")
    files = {}
    for name, page in pages(model).items():
        # The dashboard of a role of the user can be an export of Grafana.
        filled = without_inputs(page, default, name) if "__inputs" in page else page
        # The streams of Loki do not have all labels of the fleet, so that with_labels must not change the query of the logs.
        files[f"{FOLDER}/{name}.json"] = _dashboard_text(with_logs(with_labels(filled, labels), logs))
    for item, text in zip(settings["grafana_community_dashboards"], community):
        name = f"{item['id']}-{item['revision']}"
        try:
            found = without_inputs(json.loads(text), default, f"vigie-{name}")
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            problem = f"the downloaded file is not a dashboard ({error}). Check the file in grafana_cache_dir"
            raise ValueError(f"host {host}, variable grafana_community_dashboards, value {name}: {problem}") from error
        files[f"{item.get('folder') or 'Community'}/{name}.json"] = _dashboard_text(found)
    return {**files, **settings["grafana_extra_dashboards"]}


def pages(model: Model) -> dict[str, Dashboard]:
    """Return the dashboards of the roles that the fleet has, by name and without changes."""
    used = {item["role"] for host in model["hosts"].values() for item in host["endpoints"]} | {ROLE}
    return {name: json.loads(text) for role, texts in model["dashboards"].items() if role in used for name, text in texts.items()}


def distinguishing_labels(model: Model) -> list[str]:
    """Return the labels that have several values, in the order in which the hosts have these labels."""
    values: dict[str, set[str]] = {}
    for host in model["hosts"].values():
        for name, value in host["labels"].items():
            values.setdefault(name, set()).add(value)
    return [name for name, found in values.items() if len(found) > 1]


def with_labels(dashboard: Dashboard, labels: t.Sequence[str]) -> Dashboard:
    """Return a dashboard with a variable for each of *labels*. The queries use these variables.

    A dashboard without the variable ``node`` is returned unchanged.
    """
    if not any(variable["name"] == "node" for variable in (dashboard.get("templating") or {}).get("list") or []):
        return dashboard
    names = variable_names(dashboard, labels)
    matchers = "".join(f',{label}=~"${name}"' for label, name in names.items())
    found = _map_strings(dashboard, lambda text: text.replace(_CHOSEN, _CHOSEN + matchers).replace(_ANY, _ANY + matchers))
    variables = found["templating"]["list"]
    place = next(index for index, variable in enumerate(variables) if variable["name"] == "node")
    found["templating"]["list"] = [
        *variables[:place],
        *(
            _label_variable(variables[place], label, name, list(names.items())[:index])
            for index, (label, name) in enumerate(names.items())
        ),
        *variables[place:],
    ]
    for variable in found["templating"]["list"]:
        if variable["name"] == "by":
            choices = [*names, "host"]
            variable.update(query=",".join(choices), current={"text": choices[0], "value": choices[0]})
    return found


def variable_names(dashboard: Dashboard, labels: t.Iterable[str]) -> dict[str, str]:
    """Return the names of the variables by label. A label gets a prefix if the dashboard has a variable of the same name."""
    taken = {variable["name"] for variable in dashboard["templating"]["list"]}
    return {label: f"label_{label}" if label in taken else label for label in labels if label not in RESERVED}


def _label_variable(like: Dashboard, label: str, name: str, before: t.Sequence[tuple[str, str]]) -> Dashboard:
    """Return the variable of a label. The variables *before* it restrict the values."""
    matchers = "".join(f',{other}=~"${variable}"' for other, variable in before)
    return {
        **like,
        "name": name,
        "label": label.replace("_", " ").capitalize(),
        "query": f"label_values(up{{{_ANY}{matchers}}}, {label})",
    }


def without_inputs(dashboard: Dashboard, source: str, uid: str) -> Dashboard:
    """Return a community dashboard for provisioning, with the inputs filled in that Grafana asks for on import.

    :param source: the uid of the data source for the dashboard.
    :param uid: the uid for a dashboard without a uid.
    """
    inputs = dashboard.get("__inputs") or []
    # If a variable has the name of an input, Grafana fills it in.
    variables = {variable.get("name") for variable in (dashboard.get("templating") or {}).get("list") or []}
    values = {
        f"${{{item['name']}}}": source if item.get("type") == "datasource" else str(item.get("value", ""))
        for item in inputs
        if item["name"] not in variables
    }

    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace(name, value)
        return text

    rest = {key: value for key, value in dashboard.items() if key not in ("__inputs", "__requires", "__elements")}
    return {**_map_strings(rest, filled), "id": None, "uid": rest.get("uid") or uid}


def _map_strings(value: t.Any, change: t.Callable[[str], str]) -> t.Any:
    """Return *value* with *change* applied to all strings."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_strings(item, change) for key, item in value.items()}
    return [_map_strings(item, change) for item in value] if isinstance(value, list) else value


def _dashboard_text(dashboard: Dashboard) -> str:
    return json.dumps(dashboard, ensure_ascii=False, indent=1) + "\n"


def expected(model: Model, host: str) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Return the data sources that the Grafana on *host* should have, and the uids of all dashboards."""
    own = [json.loads(text) for text in server_settings(model, ROLE, host)["grafana_extra_dashboards"].values()]
    # Grafana makes a uid for a dashboard without one.
    uids = [page["uid"] for page in (*pages(model).values(), *own) if page.get("uid")]
    return datasources(model, host), uids


# -- grafana.ini ---------------------------------------------------------------------------------------------------------


def grafana_ini(config: t.Mapping[str, t.Any]) -> str:
    """Return grafana.ini. Keys without a section come first, and a key with the value None is left out.

    :raises ValueError: for a value that is not a string, a number or a boolean.
    """
    top = {key: value for key, value in config.items() if not isinstance(value, dict)}
    sections = {name: _ini_lines(f"{name}.", values) for name, values in config.items() if isinstance(values, dict)}
    blocks = [_ini_lines("", top), *(f"[{name}]\n{lines}" for name, lines in sections.items() if lines)]
    return "\n".join(block for block in blocks if block)


def _ini_lines(section: str, values: t.Mapping[str, t.Any]) -> str:
    lines = []
    for key, value in values.items():
        if isinstance(value, (dict, list)):
            raise ValueError(f"variable grafana_config.{section}{key}: must be a string, a number, true or false")  # noqa: TRY004
        if value is not None:
            lines.append(f"{key} = {_ini_value(value)}\n")
    return "".join(lines)


def _ini_value(value: t.Any) -> str:
    """Return a value, in quotes if the library go-ini would otherwise read a different value."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if "\n" in text or '"' in text or "`" in text:
        return f'"""{text}"""' if "`" in text else f"`{text}`"
    return f"`{text}`" if text != text.strip() or any(sign in text for sign in "#;\\") else text
