# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the README of each role from its argument specification. With --check, fail if a README is not up to date."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import jinja2
import yaml

ROOT = Path(__file__).parents[1]
TEMPLATE = """\
<!-- Made from meta/argument_specs.yml by `make docs`. -->
# vigie.monitoring.{{ role }}

{{ spec.short_description }}.
{% for paragraph in paragraphs(spec.description) %}

{{ paragraph }}
{% endfor %}

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
    """Return the text of the column of defaults."""
    if option.get("required"):
        return "required"
    value = option.get("default")
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|")


def render(role: Path) -> str:
    """Return the README of *role*."""
    spec = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    environment = jinja2.Environment(  # noqa: S701 - the output is Markdown, and the input is part of the collection
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.globals.update(paragraphs=paragraphs, default=default)
    return environment.from_string(TEMPLATE).render(role=role.name, spec=spec)


def main() -> None:
    """Write the READMEs, or compare them."""
    stale = []
    for specification in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        role = specification.parents[1]
        readme, text = role / "README.md", render(role)
        if readme.exists() and readme.read_text() == text:
            continue
        stale.append(str(readme.relative_to(ROOT)))
        if "--check" not in sys.argv:
            readme.write_text(text)
    if stale and "--check" in sys.argv:
        sys.exit(f"Not up to date with meta/argument_specs.yml: {', '.join(stale)}. Run `make docs`.")


if __name__ == "__main__":
    main()
