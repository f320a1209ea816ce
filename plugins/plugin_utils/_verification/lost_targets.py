# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find deployed targets that Prometheus servers would lose with this inventory. Private to the collection."""

from __future__ import annotations

import base64
import binascii
import collections
import io
import json
import tarfile
import typing as t
import zlib

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.model import Model
from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.problems import first_names
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering import targets
from ansible_collections.vigie.monitoring.plugins.plugin_utils._validation.formats import LOST_TARGETS_LIMIT

# A limit in percent never refuses the removal of this number of targets.
FEW = 5
ACCEPT = "accept"
# The number of hosts, and of labels and jobs, that a message lists.
_HOSTS, _GROUPS = 20, 5


class _Target(t.NamedTuple):
    job: str
    labels: dict[str, str]
    address: str

    @property
    def host(self) -> str:
        return self.labels.get("host", "")

    @property
    def instance(self) -> tuple[str, str]:
        return self.job, self.labels.get("instance", self.address)

    @property
    def place(self) -> tuple[str, ...]:
        """The address and the parameters of the target. Targets of a blackbox exporter differ only in their parameters."""
        asked = [f"{name}={value}" for name, value in self.labels.items() if name.startswith(("__param_", "__metrics_path__"))]
        return self.address, *sorted(asked)


def lost_targets(model: Model, held: t.Iterable[t.Mapping[str, t.Any]], without: t.Collection[str] = ()) -> list[str]:
    """Return a line for each Prometheus server that would lose more targets than prometheus_max_lost_targets allows.

    A target is not lost if any server of *model* scrapes the same instance, the same place, or the same job on the same host.

    :param held: results of a loop over the servers (``__prometheus_server`` in each): ``stdout`` is a compressed archive of its
        directory of targets files, in base64. A result without ``stdout`` is of a server without targets, or an unreachable one.
    :param without: hosts that the run removes from the monitoring. Their targets are not lost.
    """
    servers = model["servers"].get("prometheus", {})
    files_of_servers = {result["__prometheus_server"]: held_files(result.get("stdout") or "") for result in held}
    if not any(files_of_servers.values()):
        return []
    files = {
        server: targets.targets_files(model, server)
        for server, settings in servers.items()
        if settings["prometheus_state"] != "absent"
    }
    now: dict[tuple[str, str], _Target] = {}
    lines = []
    for server, of_server in files_of_servers.items():
        settings = servers[server]
        if server not in files or settings["prometheus_lost_targets"] == ACCEPT or _are_kept(of_server, files[server]):
            continue
        if not now:
            now = {target.instance: target for found in files.values() for target in _targets(found)}
        had = _targets(of_server)
        lost = _lost([target for target in had if target.host not in without], now)
        limit = LOST_TARGETS_LIMIT.fullmatch(str(settings["prometheus_max_lost_targets"]))
        number, share = limit.groups() if limit else ("0", "%")
        most = max(FEW, int(number) * len(had) / 100) if share else int(number)
        if len(lost) > most:
            lines.append(_line(server, f"{number}{share}", lost, had, set(model["hosts"])))
    return lines


def _are_kept(had: t.Mapping[str, str], now: t.Mapping[str, str]) -> bool:
    """Return whether each line of the targets files *had* is in the same file *now*: a file has one target per line.

    To parse the targets of a large fleet takes long, and most runs remove none.
    """
    for job, text in had.items():
        kept = {line.rstrip(",") for line in now.get(job, "").splitlines()}
        if not kept.issuperset(line.rstrip(",") for line in text.splitlines()):
            return False
    return True


def held_files(archive: str) -> dict[str, str]:
    """Return the contents of the targets files in an *archive*, by job; an empty dictionary if the archive cannot be read."""
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(archive)), mode="r:gz") as files:
            for member in files:
                directory, _slash, name = member.name.rpartition("/")
                content = files.extractfile(member) if name.endswith(".json") and directory == "targets" else None
                if content is not None:
                    found[name.removesuffix(".json")] = content.read().decode(errors="replace")
    except (OSError, EOFError, tarfile.TarError, binascii.Error, zlib.error, KeyError):
        return {}
    return found


def _targets(files: t.Mapping[str, str]) -> list[_Target]:
    """Return the targets in *files*, which are contents of file_sd files by job. Other files have no targets."""
    found = []
    for job, text in files.items():
        try:
            groups = json.loads(text)
        except ValueError:
            continue
        for group in groups if isinstance(groups, list) else ():
            if isinstance(group, dict):
                labels = {str(name): str(value) for name, value in (group.get("labels") or {}).items()}
                found += [_Target(labels.get("job", job), labels, str(address)) for address in group.get("targets") or ()]
    return found


def _lost(had: t.Sequence[_Target], now: t.Mapping[tuple[str, str], _Target]) -> list[_Target]:
    """Return the targets of *had* that are not among the targets *now*, and that no target of *now* replaces."""
    instances = {target.instance for target in had}
    places = {target.place for target in now.values()}
    missing = [target for target in had if target.instance not in now and target.place not in places]
    if not missing:
        return []
    # Targets of *now* whose instance and address are new: each replaces a lost target of the same job and host.
    had_places = {target.place for target in had}
    new = collections.Counter(
        (target.job, target.host) for key, target in now.items() if key not in instances and target.place not in had_places
    )
    lost = []
    for target in missing:
        key = target.job, target.host
        if target.host and new[key] > 0:
            new[key] -= 1
        else:
            lost.append(target)
    return lost


def _line(server: str, limit: str, lost: t.Sequence[_Target], had: t.Sequence[_Target], known: t.Collection[str]) -> str:
    jobs: dict[str, set[str]] = {}
    for target in lost:
        jobs.setdefault(target.host or target.instance[1], set()).add(target.job)
    gone = sorted(name for name in jobs if name not in known)
    left = [f"{name} ({', '.join(sorted(names))})" for name, names in sorted(jobs.items()) if name in known]
    groups = _groups(lost, had)
    parts = (
        f"{server}: this run would remove {len(lost)} of {len(had)} targets from Prometheus,",
        f"more than prometheus_max_lost_targets ({limit}) allows.",
        f"Hosts that are not in the inventory: {first_names(gone, _HOSTS)}." if gone else "",
        f"Hosts that lose targets: {first_names(left, _HOSTS)}." if left else "",
        f"Labels and jobs without a target left: {first_names(groups, _GROUPS)}." if groups else "",
        f"Complete the inventory. If the removal is intended, run the playbook once with -e prometheus_lost_targets={ACCEPT}.",
    )
    return " ".join(part for part in parts if part)


def _groups(lost: t.Iterable[_Target], had: t.Iterable[_Target]) -> list[str]:
    """Return the labels and jobs of which all targets (two or more) are lost, in descending order of their number."""
    counts = collections.Counter(pair for target in lost for pair in _pairs(target))
    before = collections.Counter(pair for target in had for pair in _pairs(target))
    found = [(count, pair) for pair, count in counts.items() if count > 1 and count == before[pair]]
    return [f"{pair} ({count} targets)" for count, pair in sorted(found, key=lambda item: (-item[0], item[1]))]


def _pairs(target: _Target) -> list[str]:
    own = [f"{name}={value}" for name, value in target.labels.items() if name not in ("host", "instance") and name[:2] != "__"]
    return [*own, f"job={target.job}"]
