# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of Alloy. The texts are as ``alloy fmt`` writes them."""

from __future__ import annotations

import typing as t

import pytest
from inventories import defaults
from models import log_rule

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.log_files import build_log_files
from ansible_collections.vigie.monitoring.plugins.plugin_utils._rendering.alloy import alloy_config

HEADER = "// Made by vigie.monitoring from the inventory. Changes made here are lost at its next run.\n"
LOGGING = 'logging {\n\tlevel = "warn"\n}\n'


def model(logs: t.Sequence[t.Any] = (), files: t.Sequence[t.Any] = (), lokis: t.Sequence[str] = ("store",)) -> t.Any:
    """Return a model with the host *web*, its log rules and its *files*, and with Lokis."""
    items = [build_log_files(raw)[0] for raw in files]
    host = {"labels": {"function": "web", "rack": "7"}, "logs": list(logs), "log_files": items}
    others = {name: {"address": f"{name}.example.com"} for name in lokis}
    return {"hosts": {"web": host, **others}, "servers": {"loki": dict.fromkeys(lokis, defaults("loki"))}}


def test_files_and_journals_go_to_every_loki() -> None:
    """With the labels that are allowed, and with the labels of the item."""
    rules = [
        log_rule(name="a", files=["/var/log/app.log", "/var/log/x/*.log"]),
        log_rule(name="b", files=[], journal={"unit": "app"}),
    ]
    made = model(rules, [{"files": ["/var/log/x/*.log"], "labels": {"app": 'say "x"'}}], ["store", "other"])
    blocks = (
        LOGGING,
        """loki.write "fleet" {
\texternal_labels = {"function" = "web", "host" = "web"}

\tendpoint {
\t\turl = "http://store.example.com:3100/loki/api/v1/push"
\t}

\tendpoint {
\t\turl = "http://other.example.com:3100/loki/api/v1/push"
\t}
}
""",
        """local.file_match "files" {
\tpath_targets = [
\t\t{"__path__" = "/var/log/app.log"},
\t\t{"__path__" = "/var/log/x/*.log", "app" = "say \\"x\\""},
\t]
}
""",
        """loki.source.file "files" {
\ttargets       = local.file_match.files.targets
\tforward_to    = [loki.write.fleet.receiver]
\ttail_from_end = true
}
""",
        """loki.source.journal "unit_app_service" {
\tmatches    = "_SYSTEMD_UNIT=app.service"
\tlabels     = {"job" = "journal", "unit" = "app.service"}
\tforward_to = [loki.write.fleet.receiver]
}
""",
    )
    assert alloy_config(made, "web", ["function", "missing"]) == HEADER + "\n".join(blocks)


def test_the_whole_journal_has_the_lines_of_each_service_once() -> None:
    """A rule for a service adds no second source, but a rule for an instance of a template does."""
    rules = [log_rule(name=name, files=[], journal={"unit": unit}) for name, unit in (("a", "app"), ("b", "x@1.service"))]
    text = alloy_config(model(rules, [{"journal": {}, "labels": {"kind": "system"}}]), "web")
    assert text.count("loki.source.journal") == 2
    assert (
        """loki.source.journal "all" {
\tlabels        = {"job" = "journal", "kind" = "system"}
\trelabel_rules = loki.relabel.journal.rules
\tforward_to    = [loki.write.fleet.receiver]
}
"""
        in text
    )
    assert (
        """loki.relabel "journal" {
\tforward_to = []

\trule {
\t\tsource_labels = ["__journal__systemd_unit"]
\t\tregex         = "([^@]+)(?:@.*)?\\\\.service"
\t\ttarget_label  = "unit"
\t\treplacement   = "$1.service"
\t}
}
"""
        in text
    )
    assert '"_SYSTEMD_UNIT=x@1.service"' in text


def test_the_name_of_a_journal_stays_and_is_its_own() -> None:
    """Alloy keeps the position in the journal by the name."""

    def names(*units: str) -> list[str]:
        text = alloy_config(model(files=[{"journal": {"unit": unit}} for unit in units]), "web")
        return [line.split('"')[1] for line in text.splitlines() if line.startswith("loki.source.journal")]

    alone = names("a-b.service")
    both = names("a_b.service", "a-b.service", "a.service")
    assert set(alone) < set(both)
    assert len(set(both)) == 3


@pytest.mark.parametrize(("logs", "lokis"), [([], ["store"]), ([log_rule()], [])], ids=["no logs", "no Loki"])
def test_without_logs_or_loki_nothing_is_read(logs: list[t.Any], lokis: list[str]) -> None:
    """The service runs nevertheless, with what the operator adds."""
    assert alloy_config(model(logs, lokis=lokis), "web") == f"{HEADER}{LOGGING}"
    assert alloy_config(model(logs, lokis=lokis), "web", extra="// mine\n\n") == f"{HEADER}{LOGGING}\n// mine\n"
