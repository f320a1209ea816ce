# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From values as they are written in an inventory to plain data, templated where they hold Jinja. Private to the collection.

Ansible's templating costs about half a millisecond a value, most of it for compiling. A value without Jinja is not given to
it; neither is one that only names variables, as ``{{ datacenter }}-{{ rack }}``, which is most of what inventories have.
"""

from __future__ import annotations

import functools
import re
import typing as t

import yaml
from ansible import template as ansible_template
from ansible.template import Templar

_SCALARS = frozenset({str, int, float, bool, type(None)})
_REFERENCE = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")
# What `omit` is before ansible-core 2.19; later versions refuse it themselves.
_OMIT = "__omit_place_holder__"
OMITTED = "omit works only in options of modules"
# One expression and nothing beside it.
_EXPRESSION = re.compile(r"\s*\{\{[-+]?((?:(?!\}\}|\{\{).)*?)[-+]?\}\}\s*", re.DOTALL)
# Names that mean something to Jinja itself.
_CONSTANTS = frozenset({"true", "false", "none", "True", "False", "None", "self", "not"})
_is_trusted = getattr(ansible_template, "is_trusted_as_template", None)


class _Missing:
    """The type of MISSING."""


MISSING: t.Final = _Missing()


class Variables(t.Protocol):
    """The variables that a template may name."""

    def get(self, name: str) -> t.Any:
        """Return the value of a variable as it is written, or MISSING."""

    def all(self) -> dict[str, t.Any]:
        """Return all of them."""


class Overlay:
    """Variables with others above and below them."""

    def __init__(self, variables: Variables, below: dict[str, t.Any], above: dict[str, t.Any] | None = None) -> None:
        """Take *variables* and what is *below* (defaults) and *above* them."""
        self._variables = variables
        self._below = below
        self._above = above or {}

    def get(self, name: str) -> t.Any:
        """Return the value of a variable as it is written, or MISSING."""
        if name in self._above:
            return self._above[name]
        found = self._variables.get(name)
        return self._below.get(name, MISSING) if found is MISSING else found

    def all(self) -> dict[str, t.Any]:
        """Return all of them."""
        return {**self._below, **self._variables.all(), **self._above}


def plain(value: t.Any) -> t.Any:
    """Return *value* as plain Python data: what Ansible wraps and tags its values in, other code chokes on."""
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
    """Return *value* with its texts marked as templates of ours: since ansible-core 2.19 no other is rendered."""
    trust = getattr(ansible_template, "trust_as_template", None)
    if trust is None:
        return value
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust(value) if isinstance(value, str) else value


def may_be_template(value: str) -> bool:
    """Return whether Ansible's templating would do anything to a text."""
    return "{{" in value or "{%" in value or "{#" in value


def is_static(value: t.Any) -> bool:
    """Return whether *value* is the same for every host: it holds no Jinja, and no secret of Ansible's vault."""
    if isinstance(value, str):
        return not may_be_template(value)
    if isinstance(value, dict):
        return all(map(is_static, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(is_static, value))
    return value is None or isinstance(value, (int, float))


class Renderer:
    """Makes plain data of the values of an inventory."""

    def __init__(self, loader: t.Any) -> None:
        """Take Ansible's DataLoader."""
        self._loader = loader
        self._templar = Templar(loader=loader, variables={})
        # Ansible compiles a text each time it meets it.
        environment = getattr(getattr(self._templar, "_engine", self._templar), "environment", None)
        if environment is not None:
            environment.from_string = functools.lru_cache(maxsize=None)(environment.from_string)

    def __call__(self, value: t.Any, variables: Variables) -> t.Any:
        """Return *value* as plain data, its templates rendered with *variables*.

        :raises Exception: whatever a template raises.
        """
        if isinstance(value, str):
            return self._text(value, variables) if may_be_template(value) else plain(value)
        if isinstance(value, dict):
            return {plain(key): self(item, variables) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self(item, variables) for item in value]
        if value is None or isinstance(value, (int, float)):
            return plain(value)
        # What is neither plain nor a text is a secret of Ansible's vault, which its templating opens.
        return self._template(value, variables)

    def _text(self, text: str, variables: Variables) -> t.Any:
        found = self._references(text, variables)
        return self._template(text, variables) if found is MISSING else found

    def _template(self, value: t.Any, variables: Variables) -> t.Any:
        templar = self._templar
        if isinstance(value, str) and value.startswith("#jinja2:"):
            # Such a text is compiled with settings of its own.
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
        """Return whether *value* is one expression that results in none, of which ansible-core before 2.19 makes a text."""
        expression = _EXPRESSION.fullmatch(value) if isinstance(value, str) else None
        return expression is not None and bool(templar.template(f"{{{{ ({expression.group(1)}) is none }}}}"))

    def _references(self, text: str, variables: Variables) -> t.Any:
        """Return what a *text* is that only names variables, or MISSING where it takes Ansible's templating to tell."""
        parts = _parts(text)
        if parts is None or not _may_render(text):
            return MISSING
        values = [literal if name is None else self._variable(name, variables) for literal, name in parts]
        if len(values) == 1 and not isinstance(values[0], str):
            return values[0]
        if not all(type(value) in (str, int) for value in values):
            return MISSING
        joined = "".join(map(str, values))
        # ansible-core 2.18 makes data of a text that looks like it.
        return MISSING if joined[:1] in ("{", "[") or joined in ("True", "False") else joined

    def _variable(self, name: str, variables: Variables) -> t.Any:
        value = variables.get(name)
        return value if value is MISSING else self(value, variables)


@functools.cache
def _parts(text: str) -> list[tuple[str, str | None]] | None:
    """Return the literal texts and the names of variables that *text* is made of, or None where there is more in it."""
    if "\r" in text or text.startswith("#jinja2:"):
        return None
    parts: list[tuple[str, str | None]] = []
    for index, part in enumerate(_REFERENCE.split(text)):
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
    """Return whether Ansible would render a *text*: one that came from elsewhere may hold braces, and keeps them."""
    return _is_trusted(text) if _is_trusted is not None else not hasattr(text, "__UNSAFE__")


def made_yaml(data: t.Any) -> str:
    """Return *data* as a YAML file that says where it comes from."""
    header = "# Made by vigie.monitoring from the inventory. Changes made here are lost at its next run.\n"
    return header + yaml.safe_dump(plain(data), sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)


def merged(ours: dict[str, t.Any], extra: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return *ours* with *extra*: sections entry by entry, lists one behind the other."""
    found = dict(ours)
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        elif isinstance(value, list) and isinstance(found.get(key), list):
            found[key] = found[key] + value
        else:
            found[key] = value
    return found
