# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create the role of a new exporter, as `make new-exporter` does.

Usage: new_exporter.py NAME REPOSITORY PORT [VERSION]

The role runs the program NAME of the newest release of REPOSITORY on GitHub, and has one alert and one dashboard. Both use the
metric ..._up, which most exporters have.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
HEADER = "\n".join(Path(__file__).read_text().splitlines()[:3])
SPECIFICATION = {
    "state": {
        "type": "str",
        "choices": ["present", "absent"],
        "default": "present",
        "description": "V(present) installs and starts the service. V(absent) stops the service, and removes its unit, links and"
        " releases.",
    },
    "version": {"type": "str", "default": "VERSION", "description": "Version of NAME to run."},
    "checksums": {
        "type": "dict",
        "default": {},
        "description": "SHA-256 checksums of the archive by architecture, for instance V({amd64: 7f0a…}). If empty, the role uses"
        " the list of checksums that the release has.",
    },
    "arch": {
        "type": "str",
        "default": "",
        "description": "Architecture of the archive (V(amd64), V(arm64), V(armv7), …). If empty, the role uses the architecture"
        " of the host.",
    },
    "listen_address": {
        "type": "str",
        "default": "",
        "description": "IP address that NAME listens on. If empty, NAME listens on all addresses, IPv4 and IPv6.",
    },
    "port": {
        "type": "int",
        "default": 0,
        "description": "TCP port that NAME listens on. The scrape target and the firewall rules use this port.",
    },
    "flags": {"type": "dict", "default": {}, "description": "Additional command line flags, without the leading dashes."},
    "unit_options": {
        "type": "dict",
        "default": {},
        "description": "Additional options for the C([Service]) section of the systemd unit. They override the options that the"
        " role sets.",
    },
}
# By path in the folder of the role. Words in capitals are replaced.
FILES = {
    "tasks/main.yml": """\
---
- name: Deploy the NAME service
  ansible.builtin.import_role:
    name: vigie.monitoring.release_service
    # This role has validated its own arguments.
    rolespec_validate: false
  vars:
    release_service_name: NAME
    release_service_state: "{{ NAME_state }}"
    release_service_version: "{{ NAME_version }}"
    release_service_repository: REPOSITORY
    release_service_checksums: "{{ NAME_checksums }}"
    release_service_arch: "{{ NAME_arch }}"
    release_service_description: Metrics of SERVICE for Prometheus
    release_service_listen_address: "{{ NAME_listen_address }}"
    release_service_port: "{{ NAME_port }}"
    release_service_web: "{{ monitoring_web | default({}) }}"
    release_service_flags: "{{ NAME_flags }}"
    release_service_unit_options: "{{ NAME_unit_options }}"
  # The role deploys everything in one transaction, so each of these tags runs the whole transaction.
  tags: [NAME, install, configure, service]
""",
    "monitoring/scrape.yml": """\
---
job: SERVICE
port: "{{ NAME_port }}"
# The program supports --web.config.file. Remove the line, and release_service_web in tasks/main.yml, if it does not.
web: true
""",
    "monitoring/rules.yml": """\
---
# Alerts about SERVICE. `threshold` is explained in plugins/plugin_utils/_fleet/alert_rules.py.
groups:
  - name: SERVICE
    rules:
      - alert: ALERTDown
        expr: SERVICE_up == 0
        for: 2m
        labels:
          severity: critical
        annotations:
          summary: SERVICE on {{ $labels.host }} is down
          description: >-
            NAME on {{ $labels.host }} runs,
            but cannot read the metrics of SERVICE.
            `systemctl status SERVICE` on the host shows whether SERVICE runs.
""",
    "monitoring/rules.test.yml": """\
---
# promtool test rules, on the rules as they are rendered for a fleet without thresholds of its own (tests/unit/roles).
rule_files:
- rules.yml
evaluation_interval: 1m
tests:
- name: SERVICE stops and starts
  interval: 1m
  input_series:
  - series: SERVICE_up{job="SERVICE", instance="web1:PORT", host="web1"}
    values: 1x9 0x9 1x20
  alert_rule_test:
  - alertname: ALERTDown
    eval_time: 10m
  - alertname: ALERTDown
    eval_time: 14m
    exp_alerts:
    - exp_labels:
        severity: critical
        job: SERVICE
        instance: web1:PORT
        host: web1
      exp_annotations:
        summary: SERVICE on web1 is down
        description: >-
          NAME on web1 runs,
          but cannot read the metrics of SERVICE.
          `systemctl status SERVICE` on the host shows whether SERVICE runs.
  - alertname: ALERTDown
    eval_time: 25m
""",
    "monitoring/runbook.md": """\
# Alerts about SERVICE

This page says for each alert what it means, what to check first and how to fix the cause. To change a threshold for a host or a
group, set `monitoring_thresholds`.

## ALERTDown

NAME runs, but cannot read the metrics of SERVICE.

- Check `systemctl status SERVICE` and `journalctl -u SERVICE`.
- If SERVICE runs, check `journalctl -u NAME` for the error of the exporter.
""",
    "monitoring/dashboard.py": HEADER
    + '''
"""The source of dashboard.json: `make dashboards` writes it."""

from __future__ import annotations

from panels import Page
from series import of


def build() -> Page:
    """Return the dashboard of SERVICE."""
    page = Page("vigie-SERVICE", "ALERT", "Hosts with SERVICE.", 'up{job="SERVICE",host!=""}')
    page.now("SERVICE_up")
    page.row("Over time")
    page.states("SERVICE", {"{{host}}": of("SERVICE_up")})
    return page
''',
}


def problem(name: str, repository: str, port: str, version: str) -> str:
    """Return what is wrong with the arguments, or an empty text."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return f"NAME={name}: it must have lower-case letters, digits and underscores, for example memcached_exporter."
    if (ROOT / "roles" / name).exists():
        return f"NAME={name}: roles/{name} exists already."
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        return f"REPOSITORY={repository}: name a repository on GitHub, for example prometheus/memcached_exporter."
    if not (port.isdecimal() and 0 < int(port) < 65536):
        return f"PORT={port}: it must be a number from 1 to 65535."
    if not re.fullmatch(r"\d[\w.-]*", version):
        return f"VERSION={version}: name a version without a leading v, for example 0.15.3."
    return ""


def files(name: str, repository: str, port: int, version: str) -> dict[str, str]:
    """Return the files of the role, by their paths in its folder. `make docs dashboards` writes the others."""
    service = name.removesuffix("_exporter")
    words = {
        "NAME": name,
        "REPOSITORY": repository,
        "PORT": str(port),
        "VERSION": version,
        "SERVICE": service,
        "ALERT": "".join(word.capitalize() for word in service.split("_")),
    }

    def filled(text: str) -> str:
        return re.sub("|".join(words), lambda found: words[found.group()], text)

    options = json.loads(filled(json.dumps(SPECIFICATION)))
    options["port"]["default"] = port
    main = {
        "short_description": f"Metrics of {service}",
        "description": f"Runs {name} as a hardened systemd service.",
        "options": {f"{name}_{key}": option for key, option in options.items()},
    }
    return {
        **{path: filled(text) for path, text in FILES.items()},
        "meta/argument_specs.yml": _yaml({"argument_specs": {"main": main}}),
        "defaults/main.yml": _yaml({f"{name}_{key}": option["default"] for key, option in options.items()}),
    }


class _Dumper(yaml.SafeDumper):
    """Lists are indented, and empty ones and texts are written as in the other roles."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - PyYAML's
        super().increase_indent(flow, indentless=False)


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, None if text else '"'))


def _yaml(data: dict[str, object]) -> str:
    return "---\n" + yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def main() -> None:
    """Create the role."""
    name, repository, port, version = (*sys.argv[1:], "1.0.0")[:4]
    wrong = problem(name, repository, port, version)
    if wrong:
        sys.exit(f"new-exporter: {wrong}")
    for path, text in files(name, repository, int(port), version).items():
        file = ROOT / "roles" / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    print(f"roles/{name}: created. CONTRIBUTING.md says what to review.")


if __name__ == "__main__":
    main()
