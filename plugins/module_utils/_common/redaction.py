# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep secrets out of what people read: diffs, and files that are rendered for a review. Private to the collection.

The names are those that Prometheus, Alertmanager, Grafana and the exporters treat as secret ("<secret>" in the configuration
reference of each, `Secret` and `SecretURL` in their sources). A name that is masked without need does no harm.
"""

from __future__ import annotations

import re
import typing as t

WORD = "<secret>"
# Alertmanager before 0.33 parses these values as URLs, and Prometheus does so with every URL.
_URL, _USER = "https://secret.invalid/", "secret"
_SECRET_NAME = re.compile(
    r"(?!.*(_files?|_ref|_path|_dir|_type|token_?url)$)"
    r".*(password|passwd|passphrase|secret|token|credentials|authorization|cookie|api[_-]?key|[_-]key|webhook_url|api_url)",
    re.IGNORECASE,
)
# Every value below these names is secret, whatever its own name is.
_SECRET_BELOW = frozenset({"proxy_connect_header", "secrets", "securejsondata", "basic_auth_users"})
# The receivers of Alertmanager whose ``url`` is secret.
_SECRET_URLS = frozenset({"webhook_configs", "incidentio_configs"})
_USERINFO = re.compile(r"(?<=://)[^/\s'\"?#]*@")
_QUERY = re.compile(r"([?&][\w.-]*(?:token|secret|password|key|signature)[\w.-]*=)[^&\s#'\"]+", re.IGNORECASE)
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
# A line of YAML, of an INI file or of a systemd unit: indent, name, sign, value.
_LINE = re.compile(
    r"(?P<indent>\s*(?:- +)*)(?P<quote>[\"']?)(?P<name>[\w.-]+)(?P=quote)(?P<sign>\s*(?::(?=\s|$)|=))(?P<value>.*)"
)
# A name and its value inside a line: JSON, YAML in braces, the flags and the environment of a service.
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
    """Return plain *data* with each secret replaced; its structure stays, so that the programs' own tools still accept it.

    :param name: what *data* is the value of.
    :param within: what that is a part of.
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
        return _URL if "url" in name.lower() else WORD
    return _without_credentials(data) if isinstance(data, str) else data


def _without_credentials(text: str) -> str:
    """Return a *text* without the user information and the secret parameters of URLs, and without private keys."""
    if _KEY.search(text):
        return WORD
    return _QUERY.sub(rf"\g<1>{_USER}", _USERINFO.sub(f"{_USER}@", text)) if "://" in text else text


def redacted_text(text: str) -> str:
    """Return the *text* of a file of settings (YAML, JSON, INI, a systemd unit) with each secret replaced, line by line.

    Hosts need no parser for it, and a file that somebody wrote by hand need not be right.
    """
    lines: list[str] = []
    # How deep the value of the secret above is indented at least; nothing is left out with None.
    hidden: int | None = None
    # A secret whose value is in the following lines, unless these are settings with names of their own.
    waits = False
    for line in _KEY.sub(WORD, text).splitlines(keepends=True):
        depth = len(line) - len(line.lstrip())
        if hidden is not None:
            part_of_it = not line.strip() or depth >= hidden or (depth == hidden - 1 and line.lstrip().startswith("- "))
            if part_of_it and not (waits and _LINE.match(line)):
                if waits and line.strip():
                    lines.append(f"{line[:depth]}{'- ' if line.lstrip().startswith('- ') else ''}{WORD}\n")
                    waits = False
                continue
            hidden, waits = None, False
        found = _LINE.match(line)
        end = "\n" if line.endswith("\n") else ""
        if found and is_secret(found["name"]):
            value, below = found["value"].strip(), found["name"].lower() in _SECRET_BELOW
            if found["sign"].strip() == ":":
                hidden, waits = len(found["indent"]) + 1, not value and not below
            shown = f" {WORD}" if value or below else ""
            lines.append(f"{line[: found.end('sign')]}{shown}{end}")
        else:
            lines.append(_QUERY.sub(rf"\g<1>{_USER}", _USERINFO.sub(f"{_USER}@", _INSIDE.sub(_inside, line))))
    return "".join(lines)


def _inside(found: re.Match[str]) -> str:
    group = "value" if found["value"] else "word"
    value = found[group]
    if is_secret(found["name"]) and (value[0] != "{" or found["name"].lower() in _SECRET_BELOW):
        sign = value[0] if value[0] in "\"'" else ""
        shown = f"{sign}{WORD}{sign}"
    else:
        # A value may be a setting itself: --flag=..., Environment="NAME=...".
        shown = _INSIDE.sub(_inside, value)
    return found[0][: found.start(group) - found.start()] + shown


def redacted_diff(item: dict[str, str]) -> dict[str, str]:
    """Return one *item* of Ansible's diff with secrets replaced; where only secrets differ, it says so."""
    before, after = redacted_text(item["before"]), redacted_text(item["after"])
    if before == after and item["before"] != item["after"]:
        after += CHANGED
    return {**item, "before": before, "after": after}
