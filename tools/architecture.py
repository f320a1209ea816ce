# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw the imports between the packages of plugins/, and write the table of the packages in ARCHITECTURE.md.

With --check, nothing is written: the program fails if the picture or the table is not up to date. The test
tests/unit/test_layers.py compares the imports with PACKAGES.

The packages lie on a diagonal in the order of PACKAGES. A line leads from a package to each package that imports it. The lines of
allowed imports lie above the diagonal. An import that is not allowed is a red line.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from html import escape
from pathlib import Path
from typing import NamedTuple

import generated

ROOT = Path(__file__).parents[1]
PLUGINS = ROOT / "plugins"
PICTURE = ROOT / "docs" / "architecture.svg"
TEXT = ROOT / "ARCHITECTURE.md"
TABLE = "<!-- packages: begin -->", "<!-- packages: end -->"
NAMESPACE = "ansible_collections.vigie.monitoring.plugins."


class Package(NamedTuple):
    """What a package is for, and which packages it may import: only packages that stand before it in PACKAGES."""

    purpose: str
    may_import: tuple[str, ...] = ()


PACKAGES = {
    "module_utils/_common": Package("redact secrets; the base class of modules whose arguments contain files"),
    "module_utils/_http_api": Package("query the HTTP APIs of Prometheus, Alertmanager and Grafana; parts of PromQL"),
    "module_utils/_deployment": Package("releases, configuration trees, transactions, locks", ("module_utils/_common",)),
    "module_utils/_firewall": Package(
        "rules of iptables and nftables; rules that block a connection", ("module_utils/_deployment",)
    ),
    "modules": Package(
        "the modules",
        ("module_utils/_common", "module_utils/_http_api", "module_utils/_deployment", "module_utils/_firewall"),
    ),
    "plugin_utils/_fleet": Package(
        "the fleet model: variables, templating, role contracts, hosts, endpoints", ("module_utils/_common",)
    ),
    "plugin_utils/_validation": Package("errors that concern several parts of the model", ("plugin_utils/_fleet",)),
    "plugin_utils/_rendering": Package(
        "files from the model, for Prometheus, Alertmanager, Grafana and the firewall",
        ("module_utils/_common", "module_utils/_http_api", "plugin_utils/_fleet"),
    ),
    "plugin_utils/_verification": Package(
        "compare the running servers with the model; the report and the coverage page",
        ("plugin_utils/_fleet", "plugin_utils/_validation", "plugin_utils/_rendering"),
    ),
    "plugin_utils/_adoption": Package(
        "an inventory from the configuration of an existing Prometheus", ("plugin_utils/_fleet", "plugin_utils/_rendering")
    ),
    "plugin_utils/_pipeline": Package(
        "build and validate the model, the stages in order; cache the model during a run",
        ("plugin_utils/_fleet", "plugin_utils/_validation"),
    ),
    "plugin_utils/_deployment": Package(
        "warn while a module waits for another run; carry wheels to hosts", ("module_utils/_deployment",)
    ),
    "lookup": Package(
        "the model, the roles and their hosts, the adopted inventory",
        ("plugin_utils/_fleet", "plugin_utils/_validation", "plugin_utils/_adoption", "plugin_utils/_pipeline"),
    ),
    "filter": Package(
        "the functions of rendering and verification, for templates",
        (
            "module_utils/_deployment",
            "plugin_utils/_fleet",
            "plugin_utils/_validation",
            "plugin_utils/_rendering",
            "plugin_utils/_verification",
        ),
    ),
    "action": Package(
        "the controller's part of modules", ("module_utils/_common", "plugin_utils/_rendering", "plugin_utils/_deployment")
    ),
}

LEFT, TOP, STEP_X, STEP_Y, WIDTH, HEIGHT = 380, 24, 98, 74, 176, 44
COLOURS = {"module_utils": "#dbe9f6", "modules": "#dbe9f6", "plugin_utils": "#e4f1dc"}
OTHERS = "#f3ead5"
LEGEND = (
    "A line leads from a package to each package that imports it. Red: an import that is not allowed.",
    "Blue packages run on the hosts, green and yellow packages run on the controller.",
)


class Imports(NamedTuple):
    """The modules of each package, and which modules of a package import which modules of another one."""

    modules: dict[str, list[str]]
    found: dict[tuple[str, str], list[str]]


def package_of(parts: tuple[str, ...]) -> str:
    """Return the package of a module by the parts of its path below plugins/, such as plugin_utils/_fleet or lookup."""
    return "/".join(parts[:2]) if parts[0].endswith("_utils") else parts[0]


def imported(path: Path, plugins: Path) -> set[tuple[str, ...]]:
    """Return the modules of the collection that the module in *path* imports, as parts of their paths below *plugins*."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(NAMESPACE):
            parts = tuple(node.module.removeprefix(NAMESPACE).split("."))
            for alias in node.names:
                is_module = plugins.joinpath(*parts, f"{alias.name}.py").is_file()
                found.add((*parts, alias.name) if is_module else parts)
    return found


def read_imports(plugins: Path = PLUGINS) -> Imports:
    """Return the imports between the packages below *plugins*."""
    modules: dict[str, list[str]] = defaultdict(list)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in sorted(plugins.glob("*/**/*.py")):
        parts = path.relative_to(plugins).with_suffix("").parts
        if parts[-1] == "__init__":
            continue
        package = package_of(parts)
        modules[package].append(parts[-1])
        for target in sorted(imported(path, plugins)):
            if package_of(target) != package:
                found[package_of(target), package].append(f"{parts[-1]} imports {target[-1]}")
    return Imports(dict(modules), dict(found))


def forbidden(imports: Imports) -> list[str]:
    """Return each import that PACKAGES does not allow, and each package that is missing there, as a line for people."""
    found = [f"{package} is not in PACKAGES" for package in imports.modules if package not in PACKAGES]
    for (source, target), names in imports.found.items():
        if target in PACKAGES and source not in PACKAGES[target].may_import:
            found.append(f"{target} may not import {source}: {'; '.join(names)}")
    return found


def table() -> str:
    """Return the table of the packages in Markdown."""
    lines = ["| package | purpose | may import |", "| --- | --- | --- |"]
    for name, package in PACKAGES.items():
        may_import = ", ".join(f"`{other}`" for other in package.may_import) or "nothing"
        lines.append(f"| `{name}` | {package.purpose} | {may_import} |")
    return "\n".join(lines)


def with_table(text: str) -> str:
    """Return *text* with the current table between the lines of TABLE."""
    before, begin, rest = text.partition(TABLE[0])
    _old, end, after = rest.partition(TABLE[1])
    return f"{before}{begin}\n{table()}\n{end}{after}"


def lines_of(words: list[str], width: int = 52) -> list[str]:
    """Return *words* as lines of at most *width* characters."""
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) + 2 > width and lines[-1]:
            lines.append("")
        lines[-1] += f"{', ' if lines[-1] else ''}{word}"
    return lines


def draw(imports: Imports) -> str:
    """Return the picture as SVG."""
    packages = [*PACKAGES, *(package for package in imports.modules if package not in PACKAGES)]
    place = {package: (LEFT + number * STEP_X, TOP + number * STEP_Y) for number, package in enumerate(packages)}
    width = LEFT + (len(packages) - 1) * STEP_X + WIDTH + 24
    height = TOP + (len(packages) - 1) * STEP_Y + HEIGHT + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
        '<path d="M0 0 8 4 0 8z" fill="context-stroke"/></marker></defs>',
        *(f'<text x="24" y="{height - 44 + 20 * number}" fill="#333">{line}</text>' for number, line in enumerate(LEGEND)),
    ]
    for (source, target), names in sorted(imports.found.items(), key=lambda item: [packages.index(name) for name in item[0]]):
        parts.append(_line(place, source, target, "; ".join(names)))
    for package in packages:
        parts += _room(package, *place[package], imports.modules.get(package, []))
    return "\n".join([*parts, "</svg>", ""])


def _line(place: dict[str, tuple[int, int]], source: str, target: str, title: str) -> str:
    (from_x, from_y), (to_x, to_y) = place[source], place[target]
    backwards = from_x > to_x
    colour = "#667" if target in PACKAGES and source in PACKAGES[target].may_import else "#c00"
    start = from_x if backwards else from_x + WIDTH
    end = to_y + HEIGHT if backwards else to_y
    middle, corner = from_y + HEIGHT // 2, to_x + WIDTH // 2
    return (
        f'<g stroke="{colour}" fill="none"><title>{escape(title)}</title>'
        f'<path d="M{start} {middle}H{corner}V{end}" marker-end="url(#head)"/>'
        f'<circle cx="{corner}" cy="{middle}" r="3" fill="{colour}"/></g>'
    )


def _room(package: str, x: int, y: int, modules: list[str]) -> list[str]:
    kind, _slash, name = package.partition("/")
    centre, label, below = x + WIDTH // 2, name or kind, kind if name else "plugins"
    lines = lines_of(modules)
    first = y + HEIGHT // 2 + 4 - 7 * (len(lines) - 1)
    return [
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{COLOURS.get(kind, OTHERS)}" stroke="#445"/>',
        f'<text x="{centre}" y="{y + 19}" text-anchor="middle" font-weight="bold">{escape(label)}</text>',
        f'<text x="{centre}" y="{y + 35}" text-anchor="middle" font-size="11" fill="#555">{below}</text>',
        *(
            f'<text x="{x - 12}" y="{first + 14 * number}" text-anchor="end" font-size="11" fill="#333">{escape(line)}</text>'
            for number, line in enumerate(lines)
        ),
    ]


if __name__ == "__main__":
    generated.write([(PICTURE, draw(read_imports())), (TEXT, with_table(TEXT.read_text(encoding="utf-8")))], "docs")
