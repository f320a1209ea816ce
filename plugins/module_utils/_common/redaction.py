# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redacts secrets in diffs and in files that are rendered for a review. Private to the collection.

The names of secret settings are those of Prometheus, Alertmanager, Grafana and the exporters ("<secret>" in the configuration
references, `Secret` and `SecretURL` in the sources). Redacting a value that is not secret does no harm.
"""

from __future__ import annotations

import re
import typing as t

REDACTED = "<secret>"
# Replacements inside URLs. Prometheus, and Alertmanager before 0.33, accept only valid URLs.
_URL, _USER = "https://secret.invalid/", "secret"
_SECRET_NAME = re.compile(
    r"(?!.*(_files?|_ref|_path|_dir|_type|token_?url)$)"
    r".*(password|passwd|passphrase|secret|token|credentials|authorization|cookie|api[_-]?key|[_-]key|webhook_url|api_url)",
    re.IGNORECASE,
)
# All values below these names are secret.
_SECRET_BELOW = frozenset({"proxy_connect_header", "secrets", "securejsondata", "basic_auth_users"})
# The receivers of Alertmanager whose ``url`` is secret.
_SECRET_URLS = frozenset({"webhook_configs", "incidentio_configs"})
_USERINFO = re.compile(r"(?<=://)[^/\s'\"?#]*@")
_QUERY = re.compile(r"([?&][\w.-]*(?:token|secret|password|key|signature)[\w.-]*=)[^&\s#'\"]+", re.IGNORECASE)
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
# A line of YAML, of an INI file or of a systemd unit: indentation, name, sign, value.
_LINE = re.compile(
    r"(?P<indent>\s*(?:- +)*)(?P<quote>[\"']?)(?P<name>[\w.-]+)(?P=quote)(?P<sign>\s*(?::(?=\s|$)|=))(?P<value>.*)"
)
# A name and a value inside a line: JSON, YAML in braces, flags and environment variables of a service.
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|\[[^\]]*\]|\{(?:[^{}]|\{[^{}]*\})*\}"
_INSIDE = re.compile(
    r"(?P<quote>[\"']?)(?P<name>[\w.-]+)(?P=quote)\s*"
    rf"(?::\s*(?P<value>{_QUOTED}|[^\s,}}\]\"'{{\[][^,}}\]\"'\n]*)|=\s*(?P<word>{_QUOTED}|[^\s,}}\]\"'{{\[]+))"
)
CHANGED = "(a secret in this file changed)\n"


def is_secret(name: str) -> bool:
    """Return whether the value of a setting with this *name* is secret."""
    return name.lower() in _SECRET_BELOW or _SECRET_NAME.match(name) is not None


def redacted(data: t.Any, name: str = "", within: str = "") -> t.Any:
    """Return plain *data* with all secrets replaced. The structure stays, so that promtool and amtool accept the result.

    :param name: the name of the setting that has the value *data*.
    :param within: the name of the setting that contains *name*.
    """
    if isinstance(data, dict):
        below = name.lower() in _SECRET_BELOW
        return {key: redacted(item, name if below else str(key), name) for key, item in data.items()}
    if isinstance(data, list):
        return [redacted(item, name, within) for item in data]
    if data is None or isinstance(data, bool) or data == "":
        return data
    if name == "url" and within in _SECRET_URLS:
        return _URL
    if is_secret(name):
        return _URL if "url" in name.lower() else REDACTED
    return _without_credentials(data) if isinstance(data, str) else data


def _without_credentials(text: str) -> str:
    """Return *text* without private keys, and without user names, passwords and secret parameters of URLs."""
    if _KEY.search(text):
        return REDACTED
    return _QUERY.sub(rf"\g<1>{_USER}", _USERINFO.sub(f"{_USER}@", text)) if "://" in text else text


def redacted_text(text: str) -> str:
    """Return *text*, a configuration file (YAML, JSON, INI, a systemd unit), with all secrets replaced, line by line.

    Without a parser, this works for malformed files too, and needs no library on the host.
    """
    lines: list[str] = []
    # The minimal indentation of the lines that belong to the secret above; None outside a secret.
    hidden: int | None = None
    # Whether the value of the secret starts in the next lines. Next lines that are settings themselves are no value.
    value_follows = False
    for line in _KEY.sub(REDACTED, text).splitlines(keepends=True):
        depth = len(line) - len(line.lstrip())
        if hidden is not None:
            belongs_to_secret = not line.strip() or depth >= hidden or (depth == hidden - 1 and line.lstrip().startswith("- "))
            if belongs_to_secret and not (value_follows and _LINE.match(line)):
                if value_follows and line.strip():
                    lines.append(f"{line[:depth]}{'- ' if line.lstrip().startswith('- ') else ''}{REDACTED}\n")
                    value_follows = False
                continue
            hidden, value_follows = None, False
        setting = _LINE.match(line)
        end = "\n" if line.endswith("\n") else ""
        if setting and is_secret(setting["name"]):
            value, below = setting["value"].strip(), setting["name"].lower() in _SECRET_BELOW
            if setting["sign"].strip() == ":":
                hidden, value_follows = len(setting["indent"]) + 1, not value and not below
            shown = f" {REDACTED}" if value or below else ""
            lines.append(f"{line[: setting.end('sign')]}{shown}{end}")
        else:
            lines.append(_QUERY.sub(rf"\g<1>{_USER}", _USERINFO.sub(f"{_USER}@", _INSIDE.sub(_redact_inside, line))))
    return "".join(lines)


def _redact_inside(setting: re.Match[str]) -> str:
    group = "value" if setting["value"] else "word"
    value = setting[group]
    if is_secret(setting["name"]) and (value[0] != "{" or setting["name"].lower() in _SECRET_BELOW):
        sign = value[0] if value[0] in "\"'" else ""
        shown = f"{sign}{REDACTED}{sign}"
    else:
        # A value can contain settings: --flag=..., Environment="NAME=...".
        shown = _INSIDE.sub(_redact_inside, value)
    return setting[0][: setting.start(group) - setting.start()] + shown


def redacted_diff(item: dict[str, str]) -> dict[str, str]:
    """Return one *item* of Ansible's diff with secrets replaced. If only secrets differ, the item says so."""
    before, after = redacted_text(item["before"]), redacted_text(item["after"])
    if before == after and item["before"] != item["after"]:
        after += CHANGED
    return {**item, "before": before, "after": after}
