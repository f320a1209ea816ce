# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what follows from the roles' folders, or, with --check, report the files that are stale.

- the README of each role, from its argument specification
- the table of roles in the project's README
- the plays of playbooks/site.yml that deploy the roles, from the role contracts
- the plays of playbooks/backup.yml and playbooks/restore.yml, from the roles with such tasks
- the table of all alerts in docs/rules.md, from the rules of the roles
- the table of presets in docs/presets.md, and the runbook of their alerts
- the tables of exporters in docs/exporters.md, from what the tests of scenarios have written into docs/exporters.json
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import generated
import jinja2
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / ".collections"))

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet import role_contracts  # noqa: E402 - this checkout's

PLAY = """\
- name: Deploy {role}
  ansible.builtin.import_playbook: "{{{{ lookup('vigie.monitoring.role_playbook', '{role}') }}}}"
  vars: {{__site_role: {role}}}
  tags: [{role}]
"""
BACKUP = """\
- name: {title} {role}
  ansible.builtin.import_playbook: _backup.yml
  vars: {{__backup_role: {role}, __backup_tasks: {tasks}}}
  tags: [{role}]
"""
ALERTS = "| alert | severity | after |\n| --- | --- | --- |\n"
PRESETS = "| preset | service | endpoint | what the service needs | alerts |\n| --- | --- | --- | --- | --- |\n"
EXPORTERS = """\
| exporter | version | service | a metric, seen through Prometheus | alert that fired | exposure | calls |
| --- | --- | --- | --- | --- | --- | --- |
"""
NOT_RUN = "| role | why | where the names of the metrics come from |\n| --- | --- | --- |\n"
PRESETS_HEAD = """\
<!-- Made from the files in this directory by `make docs`. -->
# Alerts of presets

This page says for each alert of a preset what to do. `docs/presets.md` describes presets. To change a threshold for a host or a
group, set `monitoring_thresholds`.
"""
HEAD = "| role | what it does | alerts |\n| --- | --- | --- |\n"
TEMPLATE = """\
<!-- Made from meta/argument_specs.yml by `make docs`. -->
# vigie.monitoring.{{ role }}

{{ spec.short_description }}.
{% for paragraph in paragraphs(spec.description) %}

{{ paragraph }}
{% endfor %}
{% if facts.not_run %}

Nobody has run this role with the real service: {{ facts.not_run }}. The names of its metrics come from
[the source of the exporter]({{ facts.source }}).
{% endif %}

| variable | type | default | meaning |
| --- | --- | --- | --- |
{% for name, option in spec.options.items() %}
| `{{ name }}` | {{ option.type }}{% if option.elements %} of {{ option.elements }}{% endif %} | {{ default(option) }} | {{
  paragraphs(option.description) | join(' ') | replace('|', '\\\\|') }}{% if option.choices %} One of {{
  option.choices | map('tojson') | map('replace', '"', '`') | join(', ') }}.{% endif %} |
{% endfor %}
"""


def paragraphs(text: str | list[str]) -> list[str]:
    """Return *text* in Markdown: Ansible's markup becomes code."""
    texts = [text] if isinstance(text, str) else text
    return [re.sub(r"\b[VOCEMP]\(((?:\\.|[^)\\])*)\)", lambda found: f"`{found.group(1)}`", t).strip() for t in texts]


def default(option: dict[str, Any]) -> str:
    """Return what stands in the column of defaults."""
    if option.get("required"):
        return "required"
    value = option.get("default")
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|")


def render(role: Path) -> str:
    """Return the README of *role*."""
    environment = jinja2.Environment(  # noqa: S701 - Markdown, and our own texts
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.globals.update(paragraphs=paragraphs, default=default)
    return environment.from_string(TEMPLATE).render(
        role=role.name, spec=specification(role), facts=exporters().get(role.name, {})
    )


def row(role: Path) -> str:
    """Return the row of *role* in the table of the project's README."""
    link = f"roles/{role.name}/monitoring/runbook.md"
    alerts = f"[runbook]({link})" if (ROOT / link).exists() else ""
    note = " ([not run](docs/exporters.md#not-run))" if "not_run" in exporters().get(role.name, {}) else ""
    return f"| [`{role.name}`](roles/{role.name}/README.md) | {specification(role)['short_description']}{note} | {alerts} |\n"


def exporters() -> dict[str, dict[str, Any]]:
    """Return what the tests have seen of each exporter role, or why nobody has run the role."""
    known: dict[str, dict[str, Any]] = json.loads((ROOT / "docs/exporters.json").read_text())
    return known


def exporter_row(role: str, facts: dict[str, Any]) -> str:
    """Return the row of an exporter *role* in the table of exporters."""
    metric = facts["metric"].replace("|", "\\|")
    name, alert = f"[`{role}`](../roles/{role}/README.md)", facts["alert"] or "none"
    return (
        f"| {name} | {facts['version']} | {facts['service']} | `{metric}` | {alert} | {facts['exposure']} | {facts['calls']} |\n"
    )


def not_run_row(role: str, facts: dict[str, Any]) -> str:
    """Return the row of a *role* that nobody has run."""
    return f"| [`{role}`](../roles/{role}/README.md) | {facts['not_run']} | [source]({facts['source']}) |\n"


def alerts(role: Path) -> Iterator[str]:
    """Yield the rows of the alerts of *role* in the table of all alerts."""
    rules = role / "monitoring/rules.yml"
    groups = yaml.safe_load(rules.read_text())["groups"] if rules.exists() else []
    for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
        link = f"../roles/{role.name}/monitoring/runbook.md#{rule['alert'].lower()}"
        sign = "above" if "above" in rule else "below"
        steps = [f"{severity} {sign} {number}" for severity, number in rule.get(sign, {}).items()]
        severity = f"{', '.join(steps)} (`{rule['threshold']}`)" if steps else rule["labels"]["severity"]
        yield f"| [{rule['alert']}]({link}) | {severity} | {rule.get('for', '')} |\n"


def presets() -> dict[str, dict[str, Any]]:
    """Return the content of each preset, by name."""
    paths = sorted((ROOT / "roles/prometheus/presets").glob("*.yml"))
    return {path.stem: yaml.safe_load(path.read_text()) for path in paths}


def preset_alerts(preset: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the alerts of a *preset*."""
    return [rule for group in preset.get("groups", []) for rule in group["rules"] if "alert" in rule]


def preset_row(name: str, preset: dict[str, Any]) -> str:
    """Return the row of a *preset* in the table of presets."""
    endpoint = {"scheme": "http", "path": "/metrics", **preset["endpoint"]}
    query = "&".join(f"{key}={value}" for key, value in endpoint.get("params", {}).items())
    url = f"{endpoint['scheme']}://HOST:{endpoint['port']}{endpoint['path']}{f'?{query}' if query else ''}"
    page = "../roles/prometheus/presets/README.md"
    names = ", ".join(f"[{rule['alert']}]({page}#{rule['alert'].lower()})" for rule in preset_alerts(preset))
    needs = preset["needs"].replace("|", "\\|")
    return f"| `{name}` | [{preset['title']}]({preset['source']}) | `{url}` | {needs} | {names} |\n"


def preset_runbook(preset: dict[str, Any]) -> str:
    """Return the part of a *preset* in the runbook."""
    parts = [f"\n## {preset['title']}\n"]
    for rule in preset_alerts(preset):
        description = re.sub(r"{{\s*\$labels\.(\w+)\s*}}", r"`\1`", rule["annotations"]["description"])
        description = re.sub(r"{{\s*\$value.*?}}", "*N*", description)
        sign = "above" if "above" in rule else "below"
        steps = [f"{severity} {sign} {number}" for severity, number in rule.get(sign, {}).items()]
        threshold = f" Threshold: `{rule['threshold']}` ({', '.join(steps)})." if steps else ""
        parts.append(f"\n### {rule['alert']}\n\n{description}{threshold}\n\n- {preset['remedies'][rule['alert']]}\n")
    return "".join(parts)


def specification(role: Path) -> dict[str, Any]:
    """Return the argument specification of *role*."""
    spec: dict[str, Any] = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    defaults = role / "defaults/main.yml"
    # A specification has no default that is a template with secrets: Ansible shows the result if a validation fails.
    for name, value in (yaml.safe_load(defaults.read_text()) if defaults.exists() else {}).items():
        spec["options"][name].setdefault("default", value)
    return spec


def between(page: Path | str, begin: str, end: str, text: str) -> str:
    """Return the text of the file or the text *page*, with *text* between the lines that start with *begin* and *end*."""
    lines = (page.read_text() if isinstance(page, Path) else page).splitlines(keepends=True)
    first, last = (next(number for number, line in enumerate(lines) if line.startswith(mark)) for mark in (begin, end))
    return "".join([*lines[: first + 1], text, *lines[last:]])


def files() -> Iterator[tuple[Path, str]]:
    """Yield each file that is written, and its text."""
    contracts = [contract.role for contract in role_contracts.in_order(role_contracts.contracts())]
    without = [role for role in role_contracts.roles() if role not in contracts]
    for role in contracts + without:
        yield ROOT / "roles" / role / "README.md", render(ROOT / "roles" / role)
    table = "".join(row(ROOT / "roles" / role) for role in contracts + without)
    yield ROOT / "README.md", between(ROOT / "README.md", "<!-- roles: begin", "<!-- roles: end", f"\n{HEAD}{table}\n")
    page = ROOT / "docs/rules.md"
    rows = "".join(line for role in contracts for line in alerts(ROOT / "roles" / role))
    yield page, between(page, "<!-- alerts: begin", "<!-- alerts: end", f"\n{ALERTS}{rows}\n")
    page = ROOT / "docs/exporters.md"
    run = "".join(exporter_row(role, facts) for role, facts in exporters().items() if "not_run" not in facts)
    others = "".join(not_run_row(role, facts) for role, facts in exporters().items() if "not_run" in facts)
    text = between(page, "<!-- exporters: begin", "<!-- exporters: end", f"\n{EXPORTERS}{run}\n")
    yield page, between(text, "<!-- not run: begin", "<!-- not run: end", f"\n{NOT_RUN}{others}\n")
    known = presets()
    rows = "".join(preset_row(name, preset) for name, preset in known.items())
    page = ROOT / "docs/presets.md"
    yield page, between(page, "<!-- presets: begin", "<!-- presets: end", f"\n{PRESETS}{rows}\n")
    runbook = PRESETS_HEAD + "".join(preset_runbook(preset) for preset in known.values() if preset_alerts(preset))
    yield ROOT / "roles/prometheus/presets/README.md", runbook
    site = ROOT / "playbooks/site.yml"
    yield site, between(site, "# roles: begin", "# roles: end", "\n".join(PLAY.format(role=role) for role in contracts))
    for tasks, title in (("backup", "Back up"), ("restore", "Restore")):
        having = [role for role in contracts if (ROOT / f"roles/{role}/tasks/{tasks}.yml").exists()]
        plays = "\n".join(BACKUP.format(title=title, role=role, tasks=tasks) for role in having)
        playbook = ROOT / f"playbooks/{tasks}.yml"
        yield playbook, between(playbook, "# roles: begin", "# roles: end", plays)


if __name__ == "__main__":
    generated.write(files(), "docs")
