# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validates prometheus_otlp, and resolves the senders of metrics. Private to the collection.

The keys, and the version that introduced each key: Prometheus' documentation ("Configuration", otlp) and its CHANGELOG.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.fields import Version, boolean_problem
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.inventory_variables import Inventory
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import Problems
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.scrape_options import Option
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation import formats
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.scrape_options import newer_options

VARIABLE = "prometheus_otlp"
# Prometheus 2.47 has the receiver behind a feature flag, without a configuration.
_RECEIVER: Version = (3, 0)
STRATEGIES: dict[str, Version] = {
    "UnderscoreEscapingWithSuffixes": _RECEIVER,
    "NoUTF8EscapingWithSuffixes": _RECEIVER,
    "NoTranslation": (3, 4),
    "UnderscoreEscapingWithoutSuffixes": (3, 6),
}


def _attributes(value: t.Any) -> str | None:
    is_list = isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)
    if not is_list:
        return "must be a list of the names of resource attributes: [service.version]"
    return None if len({item.strip() for item in value}) == len(value) else "has an attribute twice: remove one of the two"


def _strategy(value: t.Any) -> str | None:
    return None if isinstance(value, str) and value in STRATEGIES else f"must be one of {', '.join(STRATEGIES)}"


def _window(value: t.Any) -> str | None:
    return formats.duration(value, zero=True)


def _list(value: t.Any) -> str | None:
    return None if isinstance(value, list) else "must be a list of hosts, groups, addresses and networks"


KEYS: dict[str, Option] = {
    "senders": Option(_list),
    "out_of_order_time_window": Option(_window),
    "promote_resource_attributes": Option(_attributes),
    "promote_all_resource_attributes": Option(boolean_problem, since=(3, 5)),
    "ignore_resource_attributes": Option(_attributes, since=(3, 5)),
    "translation_strategy": Option(_strategy),
    "keep_identifying_resource_attributes": Option(boolean_problem, since=(3, 1)),
    "convert_histograms_to_nhcb": Option(boolean_problem, since=(3, 4)),
    "promote_scope_metadata": Option(boolean_problem, since=(3, 6)),
    "label_name_underscore_sanitization": Option(boolean_problem, since=(3, 8)),
    "label_name_preserve_multiple_underscores": Option(boolean_problem, since=(3, 8)),
}


def validate_otlp(inventory: Inventory, model: Model, problems: Problems) -> None:
    """Report what is wrong with prometheus_otlp, and put the hosts and networks of the senders into the server's settings."""
    for server, settings in model["servers"].get("prometheus", {}).items():
        otlp = settings.get(VARIABLE)
        if otlp is None or otlp is False:
            continue
        version = settings.get("prometheus_version")
        if not (otlp is True or (isinstance(otlp, dict) and otlp)):
            problems.add(server, VARIABLE, otlp, f"must be true, false or a dictionary with keys of {', '.join(KEYS)}")
        elif too_old := newer_options(server, version, {VARIABLE: _RECEIVER}):
            problems.add(server, VARIABLE, "…", too_old[VARIABLE])
        elif otlp is not True:
            for key, value, remedy in _problems(server, version, otlp):
                problems.add(server, f"{VARIABLE}.{key}", value, remedy)
            settings["otlp_senders"] = {"hosts": [], "networks": []}
            senders = otlp.get("senders")
            for sender in senders if isinstance(senders, list) else []:
                kind, found = _resolve(inventory, str(sender))
                if not kind:
                    remedy = "must be a host or a group of the inventory, an address or a network (192.0.2.0/24)"
                    problems.add(server, f"{VARIABLE}.senders", sender, remedy)
                else:
                    settings["otlp_senders"][kind] += [name for name in found if kind == "networks" or name in model["hosts"]]


def _problems(server: str, version: t.Any, otlp: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, t.Any, str]]:
    """Yield key, value and remedy of each problem of a dictionary."""
    newer = newer_options(server, version, {key: option.since for key, option in KEYS.items()})
    for key, value in otlp.items():
        if key not in KEYS:
            yield key, value, f"there is no such key. The keys are {', '.join(KEYS)}"
        elif remedy := KEYS[key].check(value):
            yield key, value, remedy
        elif key in newer:
            yield key, value, newer[key]
    strategy = str(otlp.get("translation_strategy"))
    newer = newer_options(server, version, STRATEGIES)
    if strategy in newer:
        yield "translation_strategy", strategy, newer[strategy]
    everything = otlp.get("promote_all_resource_attributes") is True
    if everything and otlp.get("promote_resource_attributes"):
        remedy = "promote_all_resource_attributes promotes all attributes: remove one of the two keys"
        yield "promote_resource_attributes", otlp["promote_resource_attributes"], remedy
    if not everything and otlp.get("ignore_resource_attributes"):
        remedy = "Prometheus ignores attributes only if it promotes all others: set promote_all_resource_attributes: true"
        yield "ignore_resource_attributes", otlp["ignore_resource_attributes"], remedy


def _resolve(inventory: Inventory, sender: str) -> tuple[str, list[str]]:
    """Return "hosts" and their names, "networks" and an address or a network, or an empty string if *sender* is none of these."""
    if sender in inventory.groups:
        return "hosts", inventory.members(sender)
    if sender in inventory.hosts:
        return "hosts", [sender]
    try:
        network = ipaddress.ip_network(sender, strict=False)
    except ValueError:
        return "", []
    return "networks", [str(network) if "/" in sender else str(network.network_address)]
