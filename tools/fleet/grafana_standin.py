# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Grafana, which the machine of the tests cannot download. The stand-in shows no dashboards.

The stand-in does what the role grafana depends on, as Grafana's documentation describes it. ``grafana server`` reads
grafana.ini, reads the administrator's password only when it creates its database, reads data sources and alerting only when it
starts, reads dashboards all the time, and answers the API requests of the role. It stores alerting, but evaluates no rules and
sends no notifications. ``grafana cli admin reset-admin-password`` sets the password.
The stand-in refuses to start with an input that Grafana refuses. Its database is a JSON file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import socket
import ssl
import sys
import threading
import time
import typing as t
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

VERSION = "0.0.0"  # grafana_repository.py sets the version
START_SECONDS = 1.5
LOOK_SECONDS = 1
# Grafana locks an account for five minutes after so many wrong passwords.
ATTEMPTS, LOCKED_SECONDS = 5, 300
# What the database has of alerting, by path of the provisioning API.
ALERTING = {
    "alert-rules": "rules",
    "contact-points": "contactPoints",
    "policies": "policies",
    "mute-timings": "muteTimes",
    "templates": "templates",
}


def read_ini(path: Path) -> dict[str, dict[str, str]]:
    """Return the sections of grafana.ini, as the library go-ini reads it."""
    sections: dict[str, dict[str, str]] = {"": {}}
    name = ""
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            name = line[1:-1]
            sections.setdefault(name, {})
            continue
        key, sign, value = (part.strip() for part in line.partition("="))
        if not sign:
            sys.exit(f"failed to parse {path}: line {number}: key-value delimiter not found: {line}")
        quoted = re.fullmatch(r'`(.*)`|"""(.*)"""', value)
        value = next(part for part in quoted.groups() if part is not None) if quoted else re.split(r"\s[#;]", value)[0].strip()
        sections[name][key] = re.sub(r"\$__file\{(.*?)\}", lambda found: Path(found[1]).read_text().strip(), value)
    return sections


class Database:
    """The database of Grafana."""

    def __init__(self, ini: dict[str, dict[str, str]]) -> None:
        """Open or create the database."""
        self.path = Path(ini["paths"]["data"]) / "grafana.db"
        self.new = not self.path.exists()
        self.content: dict[str, t.Any] = {"sources": [], "dashboards": {}} if self.new else json.loads(self.path.read_text())

    def password(self, text: str) -> None:
        """Set the password of the administrator."""
        salt = os.urandom(8).hex()
        self.content.update(salt=salt, hash=hashlib.sha256((salt + text).encode()).hexdigest())

    def is_password(self, text: str) -> bool:
        """Return whether *text* is the password of the administrator."""
        # The command line may have changed the password.
        now = json.loads(self.path.read_text())
        return hashlib.sha256((now["salt"] + text).encode()).hexdigest() == now["hash"]

    def save(self) -> None:
        """Write the database."""
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.content))
        part.replace(self.path)


def provision_sources(directory: Path, before: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return the data sources after a start: those of the files, and the earlier ones unless a file prunes them."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(directory.glob("*.y*ml"))]
    found: dict[str, dict[str, t.Any]] = {}
    for file in files:
        if file.get("apiVersion") != 1:
            sys.exit("Datasource provisioning error: apiVersion is missing")
        for source in file["datasources"]:
            found[source["name"]] = {**source, "prune": file.get("prune", False)}
    if sum(bool(source.get("isDefault")) for source in found.values()) > 1:
        sys.exit("Datasource provisioning error: Only one datasource per organization can be default")
    left = {source["name"]: source for source in before if source["name"] in found or not source.get("prune")}
    merged = {**left, **found}
    uids = [source["uid"] for source in merged.values()]
    if len(set(uids)) < len(uids):
        sys.exit("Datasource provisioning error: data source with the same uid already exists")
    return list(merged.values())


def provision_alerting(directory: Path, before: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return what alerting has after a start: everything stored *before* and in the files, without what a file deletes."""
    stored: dict[str, t.Any] = {"rules": {}, "contactPoints": {}, "muteTimes": {}, "templates": {}, "policies": {}, **before}
    files = [yaml.safe_load(path.read_text()) for path in sorted(directory.glob("*.y*ml"))]

    def items(section: str) -> t.Iterator[t.Any]:
        return (item for file in files for item in file.get(section, []))

    stored["rules"].update({rule["uid"]: rule for group in items("groups") for rule in group["rules"]})
    for gone in items("deleteRules"):
        stored["rules"].pop(gone["uid"], None)
    for point in items("contactPoints"):
        for receiver in point["receivers"]:
            settings = {key: interpolated(value) for key, value in receiver["settings"].items()}
            stored["contactPoints"][receiver["uid"]] = {**receiver, "name": point["name"], "settings": settings}
    for section in ("muteTimes", "templates"):
        stored[section].update({item["name"]: item for item in items(section)})
    for policy in items("policies"):
        if not contact_points(stored).issuperset(named(policy, "receiver")):
            sys.exit("Failed to provision alerting: notification policies: receiver does not exist")
        stored["policies"] = policy
    delete_alerting(stored, items)
    return stored


def delete_alerting(stored: dict[str, t.Any], items: t.Callable[[str], t.Iterator[t.Any]]) -> None:
    """Delete from *stored* what the files list for deletion, in the order of Grafana. *items* returns a list of all files."""
    if any(True for _organisation in items("resetPolicies")):
        stored["policies"] = {}
    for gone in items("deleteContactPoints"):
        stored["contactPoints"].pop(gone["uid"], None)
        if not contact_points(stored).issuperset(named(stored["policies"], "receiver")):
            sys.exit("Failed to provision alerting: contact points: contact point is in use")
    for section, deletions in (("muteTimes", "deleteMuteTimes"), ("templates", "deleteTemplates")):
        for gone in items(deletions):
            if gone["name"] in named(stored["policies"], "mute_time_intervals"):
                sys.exit("Failed to provision alerting: mute times: time interval is in use")
            stored[section].pop(gone["name"], None)


def contact_points(stored: dict[str, t.Any]) -> set[str]:
    """Return the names of the contact points. Every organisation has the first one."""
    return {"grafana-default-email"} | {receiver["name"] for receiver in stored["contactPoints"].values()}


def named(route: dict[str, t.Any], key: str) -> list[str]:
    """Return the receivers or the mute timings of a route and of the routes below it."""
    its = route.get(key) or []
    return [*([its] if isinstance(its, str) else its), *(name for below in route.get("routes", []) for name in named(below, key))]


def interpolated(value: t.Any) -> t.Any:
    """Return a setting as Grafana reads it: with environment variables, and one dollar for two."""
    if not isinstance(value, str):
        return value
    return "$".join(re.sub(r"\$(\w+)", lambda found: os.environ.get(found[1], ""), part) for part in value.split("$$"))


def read_dashboards(directory: Path) -> dict[str, dict[str, t.Any]]:
    """Return uid, title and folder of the dashboards in the directories of the providers."""
    found = {}
    for path in sorted(directory.glob("*.y*ml")):
        for provider in yaml.safe_load(path.read_text())["providers"]:
            root = Path(provider["options"]["path"])
            for file in sorted(root.rglob("*.json")):
                dashboard = json.loads(file.read_text())
                found[dashboard["uid"]] = {"uid": dashboard["uid"], "title": dashboard["title"], "folderTitle": file.parent.name}
    return found


class Handler(BaseHTTPRequestHandler):
    """The API."""

    database: Database
    failures: t.ClassVar[list[float]] = []

    def do_GET(self) -> None:
        """Answer the request."""
        path = self.path.partition("?")[0]
        if path == "/api/health":
            self.reply(200, {"database": "ok", "version": VERSION, "commit": "stand-in"})
        elif path == "/metrics":
            self.reply(200, f'grafana_build_info{{version="{VERSION}"}} 1\n')
        elif not self.signed_in():
            self.reply(401, {"message": "Invalid username or password"})
        elif path == "/api/user":
            self.reply(200, {"login": "admin"})
        elif path == "/api/datasources":
            self.reply(200, self.database.content["sources"])
        elif path == "/api/search":
            self.reply(200, list(self.database.content["dashboards"].values()))
        elif (found := re.fullmatch(r"/api/v1/provisioning/(.*)", path)) is not None and found[1] in ALERTING:
            stored = self.database.content["alerting"][ALERTING[found[1]]]
            self.reply(200, stored if found[1] == "policies" else list(stored.values()))
        elif (found := re.fullmatch(r"/api/datasources/uid/(.*)/health", path)) is not None:
            self.health(found[1])
        elif (found := re.fullmatch(r"/api/datasources/proxy/uid/([^/]*)(/.*)", path)) is not None:
            self.proxy(*found.groups())
        else:
            self.reply(404, {"message": "Not found"})

    def signed_in(self) -> bool:
        """Return whether the request has the password of the administrator."""
        now = time.monotonic()
        Handler.failures = [since for since in self.failures if now - since < LOCKED_SECONDS]
        _kind, _space, token = self.headers.get("Authorization", "").partition(" ")
        password = base64.b64decode(token).decode().partition(":")[2]
        if len(self.failures) >= ATTEMPTS:
            return False
        right = bool(token) and self.database.is_password(password)
        if not right:
            self.failures.append(now)
        return right

    def source(self, uid: str) -> dict[str, t.Any]:
        """Return a data source."""
        return next(source for source in self.database.content["sources"] if source["uid"] == uid)

    def health(self, uid: str) -> None:
        """Report whether a data source answers. Grafana has no such report for an Alertmanager."""
        source = self.source(uid)
        if source["type"] == "alertmanager":
            self.reply(404, {"message": "Not found"})
            return
        try:
            urllib.request.urlopen(source["url"] + "/api/v1/query?query=1", timeout=5).close()  # noqa: S310 - its own
        except OSError as error:
            self.reply(400, {"status": "ERROR", "message": f"{error}"})
        else:
            self.reply(200, {"status": "OK", "message": "Successfully queried the API."})

    def proxy(self, uid: str, path: str) -> None:
        """Forward a request to a data source."""
        try:
            with urllib.request.urlopen(self.source(uid)["url"] + path, timeout=5) as answer:  # noqa: S310 - its own
                self.reply(200, answer.read().decode())
        except OSError as error:
            self.reply(502, {"message": f"{error}"})

    def reply(self, status: int, content: t.Any) -> None:
        """Send an answer."""
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(ini: dict[str, dict[str, str]]) -> None:
    """Serve until the process is killed."""
    provisioning = Path(ini["paths"]["provisioning"])
    database = Database(ini)
    if database.new:
        database.password(ini["security"]["admin_password"])
    database.content["sources"] = provision_sources(provisioning / "datasources", database.content["sources"])
    database.content["alerting"] = provision_alerting(provisioning / "alerting", database.content.get("alerting", {}))
    database.content["dashboards"] = read_dashboards(provisioning / "dashboards")
    database.save()
    time.sleep(START_SECONDS)
    its = ini["server"]
    Handler.database = database
    ThreadingHTTPServer.address_family = socket.AF_INET if its.get("http_addr") else socket.AF_INET6
    server = ThreadingHTTPServer((its.get("http_addr", ""), int(its["http_port"])), Handler)
    if its["protocol"] == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(its["cert_file"], its["cert_key"])
        server.socket = context.wrap_socket(server.socket, server_side=True)

    def look() -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                database.content["dashboards"] = read_dashboards(provisioning / "dashboards")
            except (OSError, ValueError, KeyError) as error:
                print(f"failed to load dashboards: {error}", file=sys.stderr, flush=True)

    threading.Thread(target=look, daemon=True).start()
    if os.environ.get("NOTIFY_SOCKET"):
        address = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", address)
    server.serve_forever()


def main() -> None:
    """Run the command line."""
    command, *arguments = sys.argv[1:]
    options = dict(argument[2:].partition("=")[::2] for argument in arguments if argument.startswith("--"))
    ini = read_ini(Path(options["config"]))
    if not (Path(options["homepath"]) / "conf" / "defaults.ini").exists():
        sys.exit("Grafana-server Init Failed: Could not find config defaults, make sure homepath command line parameter is set")
    # The command line has defaults: the file overrides them.
    for argument in arguments:
        found = re.fullmatch(r"cfg:default\.(\w+)\.(\w+)=(.*)", argument)
        if found:
            ini.setdefault(found[1], {}).setdefault(found[2], found[3])
    if command == "server":
        serve(ini)
    elif command == "cli" and "reset-admin-password" in arguments and "password-from-stdin" in options:
        database = Database(ini)
        database.password(sys.stdin.readline().rstrip("\n"))
        database.save()
        print("Admin password changed successfully ✔")
    else:
        sys.exit(f"the stand-in does not know: {' '.join(sys.argv[1:])}")


if __name__ == "__main__":
    main()
