# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create or remove a fleet of containers: one container for each host of an inventory, and a mirror of releases.

The inventory describes the fleet by these variables:

    fleet_name, fleet_network            name and network (198.18.0.0/24, for example; the mirror gets the second address)
    fleet_network6, fleet_address6       optional: the IPv6 network, and the IPv6 address of a host
    ansible_host                         the address of a host
    fleet_suite                          Debian's release, default bookworm
    fleet_packages                       further Debian packages of a host
    fleet_architectures                  foreign architectures whose programs run on a host

``up`` starts stopped containers, creates missing containers, and prints one line for each action. ``images`` builds the images
of the hosts of one or more inventories, one after the other. ``vars`` prints the variables for a fleet that uses the mirror.
``urls`` prints the URLs of Prometheus, Alertmanager and Grafana.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from network import NETWORK_FAILED

HERE = Path(__file__).parent
MIRROR = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vigie" / "mirror"
PAGES = {"prometheus": 9090, "alertmanager": 9093, "grafana": 3000}


def run(*command: str, check: bool = True) -> str:
    """Run *command* and return its standard output. Its errors are printed."""
    return subprocess.run(command, check=check, stdout=subprocess.PIPE, text=True).stdout


def listing(inventory: str) -> dict[str, Any]:
    """Return the output of ansible-inventory --list."""
    program = str(Path(sys.executable).with_name("ansible-inventory"))
    return json.loads(run(program, "-i", inventory, "--list"))


class Image(NamedTuple):
    """The content of the image of a host: Debian's release, further packages, foreign architectures (separated by commas)."""

    suite: str = "bookworm"
    packages: str = ""
    architectures: str = ""

    def tag(self, *options: str) -> str:
        """Return the tag of the image. Build the image if it is missing."""
        return run("sh", str(HERE / "image.sh"), *options, *self).strip()


class Host(NamedTuple):
    """The addresses of a host (the IPv6 address may be empty), and its image."""

    address: str
    address6: str
    image: Image


class Fleet(NamedTuple):
    """The name and the networks of a fleet, and its hosts by name."""

    name: str
    network: ipaddress.IPv4Network
    network6: str
    hosts: dict[str, Host]

    @property
    def images(self) -> list[Image]:
        """The images of the hosts and of the mirror, without duplicates."""
        return list(dict.fromkeys([Image(), *(host.image for host in self.hosts.values())]))


def read(inventory: str) -> Fleet:
    """Return the fleet in *inventory*."""
    hosts = listing(inventory)["_meta"]["hostvars"]
    first = next(iter(hosts.values()))
    network = ipaddress.IPv4Network(first["fleet_network"])
    outside = [name for name, host in hosts.items() if ipaddress.ip_address(host["ansible_host"]) not in network]
    if outside:
        sys.exit(f"{inventory}: ansible_host of {', '.join(outside)} is not in fleet_network ({network})")
    containers = {
        name: Host(
            host["ansible_host"],
            host.get("fleet_address6", ""),
            Image(
                host.get("fleet_suite", Image().suite),
                ",".join(host.get("fleet_packages", [])),
                ",".join(host.get("fleet_architectures", [])),
            ),
        )
        for name, host in hosts.items()
    }
    return Fleet(first["fleet_name"], network, first.get("fleet_network6", ""), containers)


def build(inventories: list[str]) -> None:
    """Build the images of all *inventories* one after the other: a small machine builds faster this way."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        fleets = list(pool.map(read, inventories))
    images = list(dict.fromkeys(image for fleet in fleets for image in fleet.images))
    for number, image in enumerate(images, 1):
        print(f"images: {number} of {len(images)}: {image.tag('--anew')}", flush=True)


def up(fleet: Fleet) -> None:
    """Start the whole fleet."""
    tags = {image: image.tag() for image in fleet.images}
    name = f"vigie-{fleet.name}"
    if not run("docker", "network", "ls", "--quiet", "--filter", f"name=^{name}$"):
        ipv6 = ["--ipv6", "--subnet", fleet.network6] if fleet.network6 else []
        run("docker", "network", "create", "--subnet", str(fleet.network), *ipv6, name)
        print(f"{name}: network created", flush=True)
    container = str(HERE / "container.sh")
    commands = [
        ["sh", container, "host", fleet.name, name, host.address, tags[host.image], host.address6]
        for name, host in fleet.hosts.items()
    ]
    commands.append(["sh", container, "mirror", fleet.name, str(fleet.network[2]), tags[Image()]])
    with ThreadPoolExecutor(8) as pool:
        for said in pool.map(lambda command: run(*command), commands):
            print(said, end="", flush=True)


def down(fleet: str) -> None:
    """Remove the containers and the network of the fleet."""
    containers = run("docker", "ps", "--all", "--quiet", "--filter", f"label=vigie.fleet={fleet}").split()
    if containers:
        run("docker", "rm", "--force", "--volumes", *containers)
        print(f"vigie-{fleet}: {len(containers)} containers removed")
    if run("docker", "network", "ls", "--quiet", "--filter", f"name=^vigie-{fleet}$"):
        run("docker", "network", "rm", f"vigie-{fleet}")
        print(f"vigie-{fleet}: network removed")


def mirror_vars(network: ipaddress.IPv4Network) -> None:
    """Print the variables of a fleet that uses the mirror, as YAML."""
    versions = json.loads((MIRROR / "versions.json").read_text())
    print("---\n# Written by tools/fleet: the address of the mirror, and the newest version of each program in the mirror.")
    print(f"monitoring_release_base_url: http://{network[2]}")
    for name, (newest, *_older) in versions.items():
        print(f"{name}_version: {newest}")


def urls(inventory: str) -> None:
    """Print the URLs of the servers of the fleet."""
    found = listing(inventory)
    for role, port in PAGES.items():
        for name in found.get(role, {}).get("hosts", []):
            host = found["_meta"]["hostvars"][name]
            print(f"{role.capitalize():14}http://{host['ansible_host']}:{host.get(f'{role}_port', port)}")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", choices=["up", "down", "vars", "urls", "images"])
    parser.add_argument("inventories", metavar="inventory", nargs="+", help="one; for images, any number")
    args = parser.parse_args()
    try:
        if args.action == "images":
            build(args.inventories)
            return
        (inventory,) = args.inventories
        fleet = read(inventory)
        if args.action == "up":
            up(fleet)
        elif args.action == "down":
            down(fleet.name)
        elif args.action == "vars":
            mirror_vars(fleet.network)
        else:
            urls(inventory)
    except subprocess.CalledProcessError as error:
        if error.returncode == NETWORK_FAILED:
            sys.exit(NETWORK_FAILED)
        sys.exit(f"{' '.join(map(str, error.cmd))} failed, see above")


if __name__ == "__main__":
    main()
