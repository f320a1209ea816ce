# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are rendered without Ansible's templating are what it would make of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.template import Templar
from inventories import Made

from ansible_collections.vigie.monitoring.plugins.plugin_utils._fleet.templating import plain, trusted


@pytest.mark.parametrize(
    "text",
    [
        "{{ text }}",
        "{{text}}-{{ number }}",
        "{{ number }}",
        "{{ number }}{{ number }}",
        "{{ none }}",
        "{{ nothing }}",
        "{{ yes }}-x",
        "{{ fraction }}-x",
        "{{ list }}",
        "{{ list }}x",
        "{{ brace }}x: 1}",
        "{{ truth }}",
        "Tr{{ ue }}",
        "{{ nested }}",
        "a\r\n{{ text }}\r",
        "{{ text }}\n",
        "{{ text }}\n\n",
        "#jinja2: variable_start_string:'[[', variable_end_string:']]'\n[[ text ]]-{{ text }}",
        "#jinja2: trim_blocks:False\n{{ text }}",
        "{{ self }}",
        "{{ true }}{{ false }}",
        "{% raw %}{{ text }}{% endraw %}",
        "{{ '{{' }} text }}",
        "{{ text -}}  x",
        "{# gone #}{{ text }}",
    ],
)
def test_as_ansible_renders_it(tmp_path: Path, text: str) -> None:
    """With every kind of value."""
    variables = {
        "text": "x",
        "number": 7,
        "nothing": None,
        "yes": True,
        "fraction": 1.5,
        "list": [1, "{{ text }}"],
        "brace": "{",
        "truth": "True",
        "ue": "ue",
        "nested": "{{ text }}/{{ number }}",
        "subject": text,
    }
    made = Made(tmp_path, {"hosts.yml": {"all": {"hosts": {"h": variables}}}})
    host = made.inventory.host("h")
    theirs = Templar(loader=made.loader, variables=made.ansible("h"))
    try:
        expected = plain(theirs.template(made.ansible("h")["subject"]))
        if text == "{{ none }}":
            # A text before ansible-core 2.19. Ours is the same with every version, as files rendered from it must be.
            expected = None
    except Exception:  # noqa: BLE001 - whatever a template raises
        with pytest.raises(Exception):  # noqa: B017, PT011 - the same
            made.renderer(host.get("subject"), host)
    else:
        assert repr(made.renderer(host.get("subject"), host)) == repr(expected)


def test_a_text_that_nobody_vouches_for_keeps_its_braces(tmp_path: Path) -> None:
    """It came from elsewhere, from a fact for instance."""
    made = Made(tmp_path, {"hosts.yml": {"all": {"hosts": {"h": {"text": "x"}}}}})
    host = made.inventory.host("h")
    assert made.renderer(trusted("{{ text }}"), host) == "x"
    if trusted("x").__class__ is not str:  # before ansible-core 2.19, all are trusted
        assert made.renderer("{{ text }}", host) == "{{ text }}"
