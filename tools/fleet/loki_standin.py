# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Loki, which the machine of the tests cannot download. The stand-in stores no lines and evaluates no rules.

The stand-in does what the role loki depends on, as Loki's documentation describes it: it refuses a configuration with an unknown
section (``-verify-config`` and start), serves /ready and /metrics, and lists the rule groups in the directory of the ruler.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

VERSION = "0.0.0"
# Loki's documentation, "Grafana Loki configuration parameters".
SECTIONS = {
    "auth_enabled", "server", "common", "schema_config", "storage_config", "compactor", "limits_config", "ruler", "analytics",
    "query_range", "ingester", "querier", "frontend", "memberlist", "table_manager", "pattern_ingester",
}  # fmt: skip


def configuration(path: str) -> dict:
    """Return the configuration; end with an error, as Loki does."""
    found = yaml.safe_load(Path(path).read_text())
    unknown = sorted(set(found) - SECTIONS)
    if unknown:
        sys.exit(
            f"failed parsing config: {path}: yaml: unmarshal errors: field {unknown[0]} not found in type loki.ConfigWrapper"
        )
    return found


def rule_groups(found: dict) -> list[dict]:
    """Return the rule groups in the directory of the ruler."""
    directory = Path(found.get("ruler", {}).get("storage", {}).get("local", {}).get("directory", "/nonexistent"))
    return [group for path in sorted(directory.glob("*/*")) for group in yaml.safe_load(path.read_text())["groups"]]


def main() -> None:
    """Verify the configuration, and serve unless the command line asks for the verification only."""
    options = dict(argument.lstrip("-").partition("=")[::2] for argument in sys.argv[1:])
    found = configuration(options["config.file"])
    if "verify-config" in options:
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers = {
                "/ready": "ready\n",
                "/metrics": f'loki_build_info{{version="{VERSION}"}} 1\n',
                "/prometheus/api/v1/rules": json.dumps({"status": "success", "data": {"groups": rule_groups(found)}}),
            }
            text = answers.get(self.path.partition("?")[0])
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_args: object) -> None:
            """Print nothing."""

    server = found["server"]
    ThreadingHTTPServer((server.get("http_listen_address") or "0.0.0.0", server["http_listen_port"]), Handler).serve_forever()  # noqa: S104 - as Loki


if __name__ == "__main__":
    main()
