# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the model of the fleet to the files of a Grafana. Private to the collection.

What Grafana makes of them: its documentation, "Provision Grafana" and "Configure Grafana".
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.addresses import host_port, reached_at
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import RESERVED
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import (
    Model,
    active_servers,
    server_route_prefix,
    server_settings,
)
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import made_yaml, merged

ROLE = "grafana"
FOLDER = "Vigie"
# Grafana takes no longer one.
_UID_LENGTH = 40
_REFERENCE = re.compile(r"\$__(file|env|vault)\{[^}]*\}")
_NOT_IN_UID = re.compile(r"[^a-zA-Z0-9_-]")
# In the dashboards, series of the servers that were chosen, and all that have a server: where the labels' variables come in.
_CHOSEN, _ANY = 'host=~"$node"', 'host!=""'
Dashboard = dict[str, t.Any]


# -- data sources --------------------------------------------------------------------------------------------------------


def source_uid(kind: str, host: str) -> str:
    """Return the uid of a data source: the same as long as the server has its name."""
    # A host's name has no underscore, so that no two names become one.
    uid = _NOT_IN_UID.sub("-", f"{kind}-{host.replace('.', '_')}")
    if len(uid) > _UID_LENGTH:
        uid = f"{uid[: _UID_LENGTH - 9]}-{hashlib.sha256(host.encode()).hexdigest()[:8]}"
    return uid


def datasources(model: Model, host: str) -> list[dict[str, t.Any]]:
    """Return the data sources of the Grafana on *host*: the Prometheus servers, the first one by default, and Alertmanagers."""
    settings = server_settings(model, ROLE, host)
    found: list[dict[str, t.Any]] = []
    for kind, title in (("prometheus", "Prometheus"), ("alertmanager", "Alertmanager")):
        for name, its in active_servers(model, kind).items():
            source: dict[str, t.Any] = {
                # Grafana knows it by its name: one that changed would be another one with the same uid, which it refuses.
                "name": f"{title} ({name})",
                "uid": source_uid(kind, name),
                "type": kind,
                "access": "proxy",
                "url": f"http://{_seen_from(model, host, name, its, kind)}{server_route_prefix(its, kind)}",
                "editable": False,
                "isDefault": not found,
                "jsonData": _json_data(kind, its),
            }
            found.append(merged(source, settings["grafana_datasource_options"].get(kind) or {}))
    return found + list(settings["grafana_extra_datasources"])


def grafana_datasources(model: Model, host: str) -> str:
    """Return the file that provisions the data sources; what is no longer in it goes from Grafana, too (since 11.1)."""
    found = [
        {**source, "secureJsonData": _everywhere(source["secureJsonData"], _literal)} if "secureJsonData" in source else source
        for source in datasources(model, host)
    ]
    return made_yaml({"apiVersion": 1, "prune": True, "datasources": found})


def _literal(secret: str) -> str:
    """Return a secret as Grafana's provisioning reads it: with two dollars for one, unless all of it says where it is read from.

    A variable of the environment would be put in for ``$name`` (Grafana's documentation, "Provision Grafana").
    """
    return secret if _REFERENCE.fullmatch(secret) else secret.replace("$", "$$")


def _seen_from(model: Model, host: str, name: str, its: t.Mapping[str, t.Any], kind: str) -> str:
    port = int(its[f"{kind}_port"])
    return reached_at(its[f"{kind}_listen_address"], port) if name == host else host_port(model["hosts"][name]["address"], port)


def _json_data(kind: str, its: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    if kind == "alertmanager":
        return {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}
    return {
        "httpMethod": "POST",
        "prometheusType": "Prometheus",
        "prometheusVersion": str(its["prometheus_version"]),
        # What $__rate_interval is worked out from.
        "timeInterval": its["prometheus_scrape_interval"],
    }


# -- dashboards ----------------------------------------------------------------------------------------------------------


def grafana_dashboards(model: Model, host: str, community: t.Sequence[str] = ()) -> dict[str, str]:
    """Return the dashboards of the Grafana on *host*: path below the directory of dashboards -> text.

    A directory is a folder of Grafana's. There is a page for each role that the fleet has, with variables for its labels.

    :param community: the texts of the dashboards in ``grafana_community_dashboards``.
    :raises ValueError: where one of these is none.
    """
    settings = server_settings(model, ROLE, host)
    labels = settings["grafana_label_variables"] or telling_labels(model)
    files = {f"{FOLDER}/{name}.json": _text(with_labels(page, labels)) for name, page in pages(model).items()}
    default = next((source["uid"] for source in datasources(model, host) if source.get("isDefault")), "")
    for item, text in zip(settings["grafana_community_dashboards"], community):
        name = f"{item['id']}-{item['revision']}"
        try:
            found = without_inputs(json.loads(text), default, f"vigie-{name}")
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            problem = f"the downloaded file is not a dashboard ({error}). Check the file in grafana_cache_dir"
            raise ValueError(f"host {host}, variable grafana_community_dashboards, value {name}: {problem}") from error
        files[f"{item.get('folder') or 'Community'}/{name}.json"] = _text(found)
    return {**files, **settings["grafana_extra_dashboards"]}


def pages(model: Model) -> dict[str, Dashboard]:
    """Return our dashboards of the roles that the fleet has, by name, as the roles have them."""
    used = {item["role"] for its in model["hosts"].values() for item in its["endpoints"]} | {ROLE}
    return {name: json.loads(text) for role, its in model["dashboards"].items() if role in used for name, text in its.items()}


def telling_labels(model: Model) -> list[str]:
    """Return the labels that tell hosts apart: those that have several values, in the order that the hosts have them."""
    values: dict[str, set[str]] = {}
    for its in model["hosts"].values():
        for name, value in its["labels"].items():
            values.setdefault(name, set()).add(value)
    return [name for name, found in values.items() if len(found) > 1]


def with_labels(dashboard: Dashboard, labels: t.Sequence[str]) -> Dashboard:
    """Return one of our dashboards with a variable for each of *labels*; its queries heed them."""
    names = variable_names(dashboard, labels)
    matchers = "".join(f',{label}=~"${name}"' for label, name in names.items())
    found = _everywhere(dashboard, lambda text: text.replace(_CHOSEN, _CHOSEN + matchers).replace(_ANY, _ANY + matchers))
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
    """Return the names of the labels' variables, by label: another one where the dashboard has such a variable."""
    taken = {variable["name"] for variable in dashboard["templating"]["list"]}
    return {label: f"label_{label}" if label in taken else label for label in labels if label not in RESERVED}


def _label_variable(like: Dashboard, label: str, name: str, before: t.Sequence[tuple[str, str]]) -> Dashboard:
    """Return a label's variable: its values, among what those *before* it leave."""
    matchers = "".join(f',{other}=~"${its}"' for other, its in before)
    return {
        **like,
        "name": name,
        "label": label.replace("_", " ").capitalize(),
        "query": f"label_values(up{{{_ANY}{matchers}}}, {label})",
    }


def without_inputs(dashboard: Dashboard, source: str, uid: str) -> Dashboard:
    """Return somebody else's dashboard as Grafana reads it from a file: what it asks for on import is filled in.

    :param source: uid of the data source that it gets.
    :param uid: that of a dashboard without one.
    """
    inputs = dashboard.get("__inputs") or []
    # A variable of the same name is filled in by Grafana.
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
    return {**_everywhere(rest, filled), "id": None, "uid": rest.get("uid") or uid}


def _everywhere(value: t.Any, change: t.Callable[[str], str]) -> t.Any:
    """Return *value* with all its texts changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _everywhere(item, change) for key, item in value.items()}
    return [_everywhere(item, change) for item in value] if isinstance(value, list) else value


def _text(dashboard: Dashboard) -> str:
    return json.dumps(dashboard, ensure_ascii=False, indent=1) + "\n"


def expected(model: Model, host: str) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Return the data sources that the Grafana on *host* should have, and the uids of the dashboards, ours and the operator's."""
    own = [json.loads(text) for text in server_settings(model, ROLE, host)["grafana_extra_dashboards"].values()]
    # One without a uid gets it from Grafana.
    uids = [page["uid"] for page in (*pages(model).values(), *own) if page.get("uid")]
    return datasources(model, host), uids


# -- grafana.ini ---------------------------------------------------------------------------------------------------------


def grafana_ini(config: t.Mapping[str, t.Any]) -> str:
    """Return grafana.ini: what *config* has for its sections, behind what belongs to none. None leaves a key out.

    :raises ValueError: for a value that is none of a text, a number or a truth.
    """
    top = {key: value for key, value in config.items() if not isinstance(value, dict)}
    sections = {name: _keys(f"{name}.", its) for name, its in config.items() if isinstance(its, dict)}
    blocks = [_keys("", top), *(f"[{name}]\n{lines}" for name, lines in sections.items() if lines)]
    return "\n".join(block for block in blocks if block)


def _keys(section: str, values: t.Mapping[str, t.Any]) -> str:
    lines = []
    for key, value in values.items():
        if isinstance(value, (dict, list)):
            raise ValueError(f"variable grafana_config.{section}{key}: must be a string, a number, true or false")  # noqa: TRY004
        if value is not None:
            lines.append(f"{key} = {_ini_value(value)}\n")
    return "".join(lines)


def _ini_value(value: t.Any) -> str:
    """Return a value in quotes where it would not be read as it is (the library go-ini)."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if "\n" in text or '"' in text or "`" in text:
        return f'"""{text}"""' if "`" in text else f"`{text}`"
    return f"`{text}`" if text != text.strip() or any(sign in text for sign in "#;\\") else text
