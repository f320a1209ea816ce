# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Template the values of an inventory, and return plain data. Private to the collection.

Ansible needs about half a millisecond to template a value, most of it to compile the template. This module evaluates values
without Jinja, and values that only name variables (``{{ datacenter }}-{{ rack }}``), without Ansible. Most values are of these.
"""

from __future__ import annotations

import functools
import re
import typing as t

import yaml
from ansible import template as ansible_template
from ansible.template import Templar

_SCALARS = frozenset({str, int, float, bool, type(None)})
_VARIABLE_NAME = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")
# The value of `omit` before ansible-core 2.19. Later versions raise an error themselves.
_OMIT = "__omit_place_holder__"
OMITTED = "omit works only in options of modules"
# A template that consists of one expression.
_EXPRESSION = re.compile(r"\s*\{\{[-+]?((?:(?!\}\}|\{\{).)*?)[-+]?\}\}\s*", re.DOTALL)
# Names with a meaning in Jinja.
_CONSTANTS = frozenset({"true", "false", "none", "True", "False", "None", "self", "not"})
_is_trusted = getattr(ansible_template, "is_trusted_as_template", None)


class _Missing:
    """The type of MISSING."""


MISSING: t.Final = _Missing()


class Variables(t.Protocol):
    """The variables that a template can use."""

    def get(self, name: str) -> t.Any:
        """Return the value of a variable before templating, or MISSING."""

    def all(self) -> dict[str, t.Any]:
        """Return all variables."""


class Overlay:
    """Variables with others of higher and lower precedence."""

    def __init__(self, variables: Variables, below: dict[str, t.Any], above: dict[str, t.Any] | None = None) -> None:
        """Take *variables*, and those of lower (*below*, defaults) and higher precedence (*above*)."""
        self._variables = variables
        self._below = below
        self._above = above or {}

    def get(self, name: str) -> t.Any:
        """Return the value of a variable before templating, or MISSING."""
        if name in self._above:
            return self._above[name]
        found = self._variables.get(name)
        return self._below.get(name, MISSING) if found is MISSING else found

    def all(self) -> dict[str, t.Any]:
        """Return all variables."""
        return {**self._below, **self._variables.all(), **self._above}


def plain(value: t.Any) -> t.Any:
    """Return *value* as plain Python data, since other libraries fail with the wrapped and tagged values of Ansible."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, dict):
        return {str.__str__(key) if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, int) else float(value) if isinstance(value, float) else str(value)


def trusted(value: t.Any) -> t.Any:
    """Return *value* with all strings marked as trusted templates. Since ansible-core 2.19, Ansible evaluates no others."""
    trust = getattr(ansible_template, "trust_as_template", None)
    if trust is None:
        return value
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust(value) if isinstance(value, str) else value


def may_be_template(value: str) -> bool:
    """Return whether a string has Jinja, so that Ansible would evaluate it."""
    return "{{" in value or "{%" in value or "{#" in value


def is_static(value: t.Any) -> bool:
    """Return whether *value* is the same for every host: without Jinja, and without values encrypted with ansible-vault."""
    if isinstance(value, str):
        return not may_be_template(value)
    if isinstance(value, dict):
        return all(map(is_static, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(is_static, value))
    return value is None or isinstance(value, (int, float))


class Renderer:
    """Templates values of an inventory, and returns plain data."""

    def __init__(self, loader: t.Any) -> None:
        """Take Ansible's DataLoader."""
        self._loader = loader
        self._templar = Templar(loader=loader, variables={})
        # Ansible compiles a template again on each use.
        environment = getattr(getattr(self._templar, "_engine", self._templar), "environment", None)
        if environment is not None:
            environment.from_string = functools.lru_cache(maxsize=None)(environment.from_string)

    def __call__(self, value: t.Any, variables: Variables) -> t.Any:
        """Return *value* as plain data, with templates evaluated with *variables*.

        :raises Exception: whatever a template raises.
        """
        if isinstance(value, str):
            return self._template_text(value, variables) if may_be_template(value) else plain(value)
        if isinstance(value, dict):
            return {plain(key): self(item, variables) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self(item, variables) for item in value]
        if value is None or isinstance(value, (int, float)):
            return plain(value)
        # All other types are values encrypted with ansible-vault, which Ansible decrypts when it templates them.
        return self._template(value, variables)

    def _template_text(self, text: str, variables: Variables) -> t.Any:
        found = self._references(text, variables)
        return self._template(text, variables) if found is MISSING else found

    def _template(self, value: t.Any, variables: Variables) -> t.Any:
        templar = self._templar
        if isinstance(value, str) and value.startswith("#jinja2:"):
            # A template with this header changes the settings of the environment.
            templar = Templar(loader=self._loader, variables={})
        templar.available_variables = variables.all()
        found = plain(templar.template(value))
        if found == "" and _is_trusted is None and self._is_null(value, templar):
            return None
        if isinstance(found, str) and _OMIT in found:
            raise ValueError(OMITTED)
        return found

    @staticmethod
    def _is_null(value: t.Any, templar: t.Any) -> bool:
        """Return whether *value* is one expression with the result null, which ansible-core before 2.19 converts to a string."""
        expression = _EXPRESSION.fullmatch(value) if isinstance(value, str) else None
        return expression is not None and bool(templar.template(f"{{{{ ({expression.group(1)}) is none }}}}"))

    def _references(self, text: str, variables: Variables) -> t.Any:
        """Return the value of a *text* that only names variables, or MISSING if Ansible must evaluate it."""
        parts = _parts(text)
        if parts is None or not _may_render(text):
            return MISSING
        values = [literal if name is None else self._variable(name, variables) for literal, name in parts]
        if len(values) == 1 and not isinstance(values[0], str):
            return values[0]
        if not all(type(value) in (str, int) for value in values):
            return MISSING
        joined = "".join(map(str, values))
        # ansible-core 2.18 converts a string that looks like Python data.
        return MISSING if joined[:1] in ("{", "[") or joined in ("True", "False") else joined

    def _variable(self, name: str, variables: Variables) -> t.Any:
        value = variables.get(name)
        return value if value is MISSING else self(value, variables)


@functools.cache
def _parts(text: str) -> list[tuple[str, str | None]] | None:
    """Return the literal strings and names of variables that *text* consists of, or None if it has other Jinja."""
    if "\r" in text or text.startswith("#jinja2:"):
        return None
    parts: list[tuple[str, str | None]] = []
    for index, part in enumerate(_VARIABLE_NAME.split(text)):
        if index % 2:
            if part in _CONSTANTS:
                return None
            parts.append(("", part))
        elif may_be_template(part):
            return None
        elif part:
            parts.append((part, None))
    return parts


def _may_render(text: str) -> bool:
    """Return whether Ansible would evaluate a *text*. Ansible keeps the braces in untrusted strings."""
    return _is_trusted(text) if _is_trusted is not None else not hasattr(text, "__UNSAFE__")


def made_yaml(data: t.Any) -> str:
    """Return *data* as a YAML file with a header that names the source."""
    header = "# Made by vigie.monitoring from the inventory. Changes made here are lost at its next run.\n"
    return header + yaml.safe_dump(plain(data), sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)


def merged(ours: dict[str, t.Any], extra: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return *ours* merged with *extra*: dictionaries by key, and lists appended."""
    found = dict(ours)
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        elif isinstance(value, list) and isinstance(found.get(key), list):
            found[key] = found[key] + value
        else:
            found[key] = value
    return found
