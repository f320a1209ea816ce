#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module iptables_chain: maintain firewall chains before all other rules of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iptables_chain
short_description: Maintain firewall chains before all other rules of a host
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Replaces whole chains of the table C(filter), for IPv4 and IPv6, each IP family in one transaction. The jumps to the chains
    stay at the first position of the parent chains, before any rule that rejects packets.
  - The module does not change, move or save any other rule. When the host starts, the chains are restored before the network
    starts.
  - The module supports iptables-nft, iptables-legacy and nftables (see O(backend)).
  - An accept in these chains does not override a drop in another base chain. Therefore, the module follows each connection that
    its rules accept through all other base chains. If a base chain certainly drops the connection, the module fails with the
    table, the chain, the rule and a remedy. If a base chain can drop the connection, the module warns.
  - The module rejects rules about the port of the SSH connection that runs the module.
options:
  chains:
    description: The chains. A chain without rules is removed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the chain. No other program may use a chain of this name.
        type: str
        required: true
      parent:
        description:
          - The chain that jumps to this chain, at its first position.
          - V(DOCKER-USER) is for connections to ports that Docker publishes. These connections never reach V(INPUT). For this
            parent, O(chains[].rules[].destination_port) is the port of the host, before Docker replaces it with the port of the
            container, and the rules match only connections whose destination Docker has replaced. On a host without Docker, the
            chain is left out.
        type: str
        choices: [INPUT, OUTPUT, FORWARD, DOCKER-USER]
        required: true
      still_refused:
        description:
          - Prefixes of comments. The module keeps a rule in force that refuses a port to all clients if the comment of the rule
            starts with one of these prefixes, no new rule is about the port, and a program on this host listens on the port.
          - Thus the port of a service that is not removed yet is not open to all clients.
        type: list
        elements: str
        default: []
      rules:
        description: The rules of the chain, in order.
        type: list
        elements: dict
        default: []
        suboptions:
          protocol:
            description: Protocol of the packets.
            type: str
            choices: [tcp, udp]
            default: tcp
          source:
            description:
              - Source of the packets, an address, a network or a name. An empty string means any source.
              - A name stands for all its addresses of both IP families. The host resolves the name when the module runs.
            type: str
            default: ""
          destination:
            description: Destination of the packets, in the same format as O(chains[].rules[].source).
            type: str
            default: ""
          in_interface:
            description: Interface that receives the packets. An empty string means any interface.
            type: str
            default: ""
          out_interface:
            description: Interface that sends the packets. An empty string means any interface.
            type: str
            default: ""
          source_port:
            description: Source port of the packets. V(0) means any port.
            type: int
            default: 0
          destination_port:
            description: Destination port of the packets. V(0) means any port.
            type: int
            default: 0
          established:
            description: Match only packets of established connections.
            type: bool
            default: false
          jump:
            description: Target of the rule. V(REJECT) resets TCP connections.
            type: str
            choices: [ACCEPT, DROP, REJECT, RETURN]
            required: true
          comment:
            description: Purpose of the rule. The firewall shows the comment with the rule.
            type: str
            required: true
          when_closed:
            description:
              - Leave the rule out if the parent chain accepts packets by default.
              - That is, if the policy of the parent chain is ACCEPT, and none of its rules rejects or drops all packets.
            type: bool
            default: false
  backend:
    description:
      - The firewall program that the rules are written for.
      - V(iptables) maintains chains in the table C(filter), before all other rules of this table.
      - V(nftables) maintains a table C(inet vigie) with a priority before all other tables. Rules with
        O(chains[].rules[].when_closed) are left out, because they cannot override a drop in another table.
      - V(auto) selects V(nftables) if C(iptables) is not installed. V(auto) also selects V(nftables) if tables of nftables filter
        the input of the host or Docker uses nftables, and C(INPUT) of iptables has no other rules. Otherwise V(auto) selects
        V(iptables).
      - The module removes the rules that an earlier run wrote for another firewall program.
    type: str
    choices: [auto, iptables, nftables]
    default: auto
  on_blocked:
    description: Whether to fail or to warn if other rules certainly drop connections that the rules of O(chains) accept.
    type: str
    choices: [fail, warn]
    default: fail
  persist:
    description:
      - Restore the chains when the host starts. If netfilter-persistent is installed, a plugin of netfilter-persistent restores
        the chains, otherwise the unit C(vigie-firewall.service).
    type: bool
    default: true
  protected_ports:
    description: Ports that no rule may be about, in addition to the port of the SSH connection.
    type: list
    elements: int
    default: []
  lock_timeout:
    description: Seconds to wait for another run that is changing the rules. See O(vigie.monitoring.release#module:lock_timeout).
    type: int
    default: 600
  missing_ok:
    description: If no program for O(backend) is installed, return RV(installed) as V(false) instead of failing.
    type: bool
    default: false
attributes:
  check_mode:
    description: Predicts the change.
    support: full
  diff_mode:
    description: Shows the rules.
    support: full
"""

EXAMPLES = r"""
- name: Allow only the monitoring server to connect to node_exporter
  vigie.monitoring.iptables_chain:
    chains:
      - name: VIGIE-INPUT
        parent: INPUT
        rules:
          - {destination_port: 9100, source: monitor.example.com, jump: ACCEPT, comment: node on web1 for monitor}
          - {destination_port: 9100, jump: REJECT, comment: node on web1 for nobody else}
"""

RETURN = r"""
installed:
  description: Whether a program for the option O(backend) is installed.
  returned: success
  type: bool
backend:
  description: The firewall program that the rules are written for, V(iptables) or V(nftables).
  returned: if RV(installed) is true
  type: str
rules:
  description: The rules of the chains, by rule set (C(iptables), C(ip6tables) or C(nftables)).
  returned: if RV(installed) is true
  type: dict
changed_families:
  description:
    - The rule sets whose rules changed, or would change in check mode.
    - C(iptables-legacy) or C(iptables-nft) is the variant of iptables that the command C(iptables) does not use. The module
      removes old chains from this variant.
  returned: if RV(installed) is true
  type: list
  elements: str
blocked:
  description: One message for each rule of others that certainly drops connections, with the remedy.
  returned: if RV(installed) is true
  type: list
  elements: str
"""

import functools
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vigie.monitoring.plugins.module_utils._common.module import UMASK
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment import locks
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.files import (
    InterruptedRunError,
    UnsafePathError,
    uninterrupted,
)
from ansible_collections.vigie.monitoring.plugins.module_utils._deployment.systemd import ServiceError
from ansible_collections.vigie.monitoring.plugins.module_utils._firewall import iptables, nftables, persistence
from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.host_firewall import NFT, HostFirewall
from ansible_collections.vigie.monitoring.plugins.module_utils._firewall.obstacles import blocked_message, describe


class Change(t.NamedTuple):
    """The change of one rule set. Without commands, nothing changes."""

    name: str
    commands: str
    before: list[str]
    after: list[str]
    apply: t.Callable[[], None]


def ssh_port() -> int | None:
    """Return the port of this host that the SSH connection of this process uses, or None.

    sudo removes SSH_CONNECTION from the environment, but the parent processes of sudo still have the variable.
    """
    process = os.getpid()
    while process > 1:
        try:
            with open(f"/proc/{process}/environ", "rb") as file:
                environment = file.read().split(b"\0")
            with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
                # The name of the program, in parentheses, can contain any character.
                process = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return None
        for variable in environment:
            name, _equals, value = variable.partition(b"=")
            if name == b"SSH_CONNECTION":
                return int(value.split()[3])
    return None


def check_ports(chains: list[dict[str, t.Any]], protected: set[int]) -> None:
    """Reject rules about *protected* ports.

    :raises FirewallError: with the comment of the rule.
    """
    for chain in chains:
        for rule in chain["rules"]:
            ports = {rule["destination_port"]} if chain["parent"] != "OUTPUT" else {rule["source_port"]}
            if protected & ports:
                raise iptables.FirewallError(
                    f"Rule {rule['comment']!r} is about port {ports.pop()}, which is protected: SSH connections use this port. "
                    "Nothing has changed. Use another port for the monitored endpoint, or remove the endpoint from the inventory."
                )


def pending_changes(host: HostFirewall, backend: str, params: dict[str, t.Any]) -> tuple[list[Change], dict[str, str]]:
    """Return the change of each rule set, and the rules to save for the next start, by program."""
    changes = []
    fragments = {**{family.name: "" for family in iptables.FAMILIES}, "nft": ""}
    for rule_set in host.rule_sets:
        wanted = host.wanted(rule_set, backend)
        commands = iptables.transaction(rule_set.chains, wanted)
        after = iptables.diff_after(wanted)
        restore = functools.partial(host.restore, rule_set, commands, wanted)
        changes.append(Change(rule_set.name, commands, iptables.diff_before(rule_set.chains, wanted), after, restore))
        if rule_set.is_default and params["persist"]:
            fragments[rule_set.name] = iptables.fragment(wanted)
    if host.ruleset is not None:
        objects = host.wanted_objects(backend)
        commands = nftables.transaction(host.ruleset, objects)
        before, after = (nftables.diff_lines(table) for table in (nftables.in_force(host.ruleset), objects))
        changes.append(Change(NFT, commands, before, after, functools.partial(host.replace, commands, objects)))
        if params["persist"]:
            fragments["nft"] = nftables.fragment(objects)
    # Write the new rules before old rules of another firewall program are removed.
    return sorted(changes, key=lambda change: not change.after), fragments


def apply(module: AnsibleModule) -> dict[str, t.Any]:
    """Apply the rules; return the result of the module."""
    host = HostFirewall(module)
    backend = host.backend()
    for warning in host.warnings:
        module.warn(warning)
    if not backend:
        if not module.params["missing_ok"]:
            chosen = module.params["backend"]
            programs = "Neither iptables nor nftables is" if chosen == "auto" else f"{chosen} is not"
            raise iptables.FirewallError(f"{programs} installed on this host. Install it, or set missing_ok.")
        # The role installs a firewall program and runs the module again.
        return {"changed": module.check_mode, "installed": False}
    check_ports(module.params["chains"], {*module.params["protected_ports"], ssh_port() or 0} - {0})
    changes, fragments = pending_changes(host, backend, module.params)
    pending = [change for change in changes if change.commands]
    obstacles = host.obstacles(backend)
    files = persistence.plan(fragments)
    result: dict[str, t.Any] = {
        "changed": bool(files or pending),
        "installed": True,
        "backend": backend,
        "changed_families": [change.name for change in pending],
        "rules": {change.name: change.after for change in changes if change.after},
        "blocked": describe(obstacles, certain=True),
    }
    if module._diff:  # noqa: SLF001 - the only way to know about --diff
        result["diff"] = [
            {
                "before_header": f"{change.name} (in force)",
                "after_header": change.name,
                "before": "".join(f"{line}\n" for line in change.before),
                "after": "".join(f"{line}\n" for line in change.after),
            }
            for change in pending
        ]
        result["diff"] += [
            {"before": "", "after": "", "prepare": f"{path}: {'written' if new else 'removed'}\n"} for path, new in files.items()
        ]
    for text in describe(obstacles, certain=False):
        module.warn(text)
    if not module.check_mode:
        with uninterrupted():
            for change in pending:
                change.apply()
            if files:
                persistence.apply(files, module.run_command)
    return result


def main() -> None:
    """Run the module."""
    rule = {
        "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
        "source": {"type": "str", "default": ""},
        "destination": {"type": "str", "default": ""},
        "in_interface": {"type": "str", "default": ""},
        "out_interface": {"type": "str", "default": ""},
        "source_port": {"type": "int", "default": 0},
        "destination_port": {"type": "int", "default": 0},
        "established": {"type": "bool", "default": False},
        "jump": {"type": "str", "choices": ["ACCEPT", "DROP", "REJECT", "RETURN"], "required": True},
        "comment": {"type": "str", "required": True},
        "when_closed": {"type": "bool", "default": False},
    }
    chain = {
        "name": {"type": "str", "required": True},
        "parent": {"type": "str", "choices": ["INPUT", "OUTPUT", "FORWARD", iptables.DOCKER], "required": True},
        "rules": {"type": "list", "elements": "dict", "default": [], "options": rule},
        "still_refused": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(
        argument_spec={
            "chains": {"type": "list", "elements": "dict", "required": True, "options": chain},
            "backend": {"type": "str", "choices": ["auto", "iptables", NFT], "default": "auto"},
            "on_blocked": {"type": "str", "choices": ["fail", "warn"], "default": "fail"},
            "persist": {"type": "bool", "default": True},
            "protected_ports": {"type": "list", "elements": "int", "default": []},
            "missing_ok": {"type": "bool", "default": False},
            **locks.LOCK_SPEC,
        },
        supports_check_mode=True,
    )
    # With the umask of the host, such as 077, other programs could not read the directories.
    os.umask(UMASK)
    try:
        with locks.held([locks.FIREWALL], module.params["lock_timeout"], shared=module.check_mode):
            result = apply(module)
    except locks.BusyError as error:
        module.fail_json(msg=str(error), busy=error.busy)
    except (iptables.FirewallError, ServiceError, InterruptedRunError, UnsafePathError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(
            msg=f"The firewall rules are in force, but cannot be saved for the next start: {error.strerror} ({error.filename}). "
            "Remove the cause and run again."
        )
    if result.get("blocked"):
        text = blocked_message(result["blocked"])
        if module.params["on_blocked"] == "fail":
            module.fail_json(msg=text, **result)
        module.warn(text)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
