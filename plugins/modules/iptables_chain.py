#!/usr/bin/python
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module iptables_chain: chains of one's own, replaced as a whole, before all other rules."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iptables_chain
short_description: Keep chains of one's own in front of a host's other firewall rules
version_added: 0.1.0
author:
  - The Vigie authors (!UNKNOWN)
description:
  - Replaces whole chains of the table C(filter), for IPv4 and IPv6, each family in one transaction, and keeps the jumps to
    them at the first position of their parents, before anything that rejects.
  - No other rule is touched, moved or saved. The chains are there again after a restart, before the network is.
  - Works with iptables-nft and with iptables-legacy, whichever C(iptables) is on the host.
  - Refuses rules about the port of the SSH connection that it is called by.
options:
  chains:
    description: The chains. One without rules is removed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the chain; nobody else should use it.
        type: str
        required: true
      parent:
        description: The chain that jumps to it, at its first position.
        type: str
        choices: [INPUT, OUTPUT, FORWARD]
        required: true
      rules:
        description: Its rules, in their order.
        type: list
        elements: dict
        default: []
        suboptions:
          protocol:
            description: Protocol.
            type: str
            choices: [tcp, udp]
            default: tcp
          source:
            description:
              - Address, network or name that packets come from; empty for any.
              - Of a name, all addresses of both families are taken, as the host resolves it when the rules are applied.
            type: str
            default: ""
          destination:
            description: Likewise, where packets go to.
            type: str
            default: ""
          in_interface:
            description: Interface that packets come in by; empty for any.
            type: str
            default: ""
          out_interface:
            description: Interface that packets go out by; empty for any.
            type: str
            default: ""
          source_port:
            description: Port that packets come from; 0 for any.
            type: int
            default: 0
          destination_port:
            description: Port that packets go to; 0 for any.
            type: int
            default: 0
          established:
            description: Only packets of connections that are there already.
            type: bool
            default: false
          jump:
            description: What becomes of them. V(REJECT) resets a TCP connection.
            type: str
            choices: [ACCEPT, DROP, REJECT, RETURN]
            required: true
          comment:
            description: What the rule is for. It is kept with the rule.
            type: str
            required: true
          when_closed:
            description:
              - Leave the rule out where the parent lets through what no rule stops.
              - That is, its policy is ACCEPT, and no rule of it rejects or drops everything.
            type: bool
            default: false
  persist:
    description:
      - Put the chains back when the host starts, by a plugin of netfilter-persistent where that is installed, else by the unit
        C(vigie-firewall.service).
    type: bool
    default: true
  protected_ports:
    description: Ports that no rule may be about, beside that of the SSH connection.
    type: list
    elements: int
    default: []
  lock_timeout:
    description: Seconds to wait for another run that is changing the rules. See O(vigie.monitoring.release#module:lock_timeout).
    type: int
    default: 600
  missing_ok:
    description: Where iptables is not installed, return RV(installed) as false instead of failing.
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
- name: Let the monitoring server reach node_exporter, and nobody else
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
  description: Whether iptables is there.
  returned: success
  type: bool
rules:
  description: By family (C(iptables), C(ip6tables)), the rules of the chains that should be in force.
  returned: where iptables is there
  type: dict
changed_families:
  description: The families whose rules changed, or would change.
  returned: where iptables is there
  type: list
  elements: str
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vigie.monitoring.plugins.module_utils import _files, _iptables, _locks, _persistence
from ansible_collections.vigie.monitoring.plugins.module_utils._module import UMASK
from ansible_collections.vigie.monitoring.plugins.module_utils._service import ServiceError


def ssh_port() -> int | None:
    """Return the port of this host that the SSH connection uses which this process runs by.

    sudo takes SSH_CONNECTION out of the environment, but not out of that of its parents.
    """
    process = os.getpid()
    while process > 1:
        try:
            with open(f"/proc/{process}/environ", "rb") as file:
                environment = file.read().split(b"\0")
            with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
                # The name of the program, in parentheses, may hold anything.
                process = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return None
        for variable in environment:
            name, _equals, value = variable.partition(b"=")
            if name == b"SSH_CONNECTION":
                return int(value.split()[3])
    return None


def check_ports(chains: list[dict[str, t.Any]], protected: set[int]) -> None:
    """Refuse rules about *protected* ports.

    :raises FirewallError: naming the rule.
    """
    for chain in chains:
        for rule in chain["rules"]:
            ports = {rule["destination_port"]} if chain["parent"] == "INPUT" else {rule["source_port"]}
            if protected & ports:
                raise _iptables.FirewallError(
                    f"Rule {rule['comment']!r} is about port {ports.pop()}, by which this host is administered (SSH). "
                    "Nothing has changed. Give what is monitored there another port, or take it out of the inventory."
                )


class Host:
    """The firewall of this host."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read what is in force."""
        self._module = module
        # A host without IPv6 has no rules for it.
        families = [f for f in _iptables.FAMILIES if f.version == 4 or os.path.exists("/proc/net/if_inet6")]  # noqa: PLR2004
        self.families = [f for f in families if module.get_bin_path(f.name)]
        self.chains = {family: self._read(family) for family in self.families}

    def _run(self, *command: str, data: str | None = None) -> str:
        """Run a command and return what it prints.

        :raises FirewallError: where it fails.
        """
        code, out, err = self._module.run_command(list(command), data=data)
        if code:
            raise _iptables.FirewallError(
                f"{' '.join(command)} failed, nothing of this family has changed: {(err or out).strip()}"
            )
        return str(out)

    def _read(self, family: _iptables.Family) -> dict[str, _iptables.Chain]:
        return _iptables.parse(self._run(f"{family.name}-save", "-t", "filter"))

    def wanted(self, family: _iptables.Family) -> list[_iptables.Wanted]:
        """Return the chains as they should be."""
        return [
            _iptables.Wanted(
                chain["name"],
                chain["parent"],
                _iptables.lines(
                    chain["name"],
                    chain["rules"],
                    family,
                    closed=_iptables.is_closed(self.chains[family].get(chain["parent"])),
                ),
            )
            for chain in self._module.params["chains"]
        ]

    def restore(self, family: _iptables.Family, commands: str, wanted: list[_iptables.Wanted]) -> None:
        """Bring a transaction about, and see that it did what it should."""
        self._run(f"{family.name}-restore", "--wait=30", "--noflush", data=commands)
        left = _iptables.transaction(self._read(family), wanted)
        if left:
            raise _iptables.FirewallError(
                f"{family.name} has taken the rules, but does not show them as they were given; another program may have changed "
                f"them at the same time. What would be left to do:\n{left}"
            )


def apply(module: AnsibleModule) -> dict[str, t.Any]:
    """Bring about what the parameters say."""
    host = Host(module)
    if not host.families:
        if not module.params["missing_ok"]:
            raise _iptables.FirewallError("iptables is not installed on this host.")
        # Whoever asked for this will install it, and call again.
        return {"changed": module.check_mode, "installed": False}
    check_ports(module.params["chains"], {*module.params["protected_ports"], ssh_port() or 0} - {0})
    wanted = {family: host.wanted(family) for family in host.families}
    pending = {family: _iptables.transaction(host.chains[family], chains) for family, chains in wanted.items()}
    fragments = {
        family.name: _iptables.fragment(wanted.get(family, [])) if module.params["persist"] else ""
        for family in _iptables.FAMILIES
    }
    files = _persistence.plan(fragments)
    result: dict[str, t.Any] = {
        "changed": bool(files) or any(pending.values()),
        "installed": True,
        "changed_families": [family.name for family, commands in pending.items() if commands],
        "rules": {family.name: _iptables.shown_wanted(chains) for family, chains in wanted.items()},
    }
    if module._diff:  # noqa: SLF001 - the way that a module learns of --diff
        result["diff"] = [
            {
                "before_header": f"{family.name} (in force)",
                "after_header": family.name,
                "before": "".join(f"{line}\n" for line in _iptables.shown(host.chains[family], chains)),
                "after": "".join(f"{line}\n" for line in _iptables.shown_wanted(chains)),
            }
            for family, chains in wanted.items()
            if pending[family]
        ]
        result["diff"] += [
            {"before": "", "after": "", "prepare": f"{path}: {'made' if new else 'removed'}\n"} for path, new in files.items()
        ]
    if not module.check_mode:
        with _files.uninterrupted():
            for family, commands in pending.items():
                if commands:
                    host.restore(family, commands, wanted[family])
            if files:
                _persistence.apply(files, module.run_command)
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
        "parent": {"type": "str", "choices": ["INPUT", "OUTPUT", "FORWARD"], "required": True},
        "rules": {"type": "list", "elements": "dict", "default": [], "options": rule},
    }
    module = AnsibleModule(
        argument_spec={
            "chains": {"type": "list", "elements": "dict", "required": True, "options": chain},
            "persist": {"type": "bool", "default": True},
            "protected_ports": {"type": "list", "elements": "int", "default": []},
            "missing_ok": {"type": "bool", "default": False},
            **_locks.LOCK_SPEC,
        },
        supports_check_mode=True,
    )
    # A host's own, 077 for instance, would close directories that others have to look into.
    os.umask(UMASK)
    try:
        with _locks.held([_locks.FIREWALL], module.params["lock_timeout"], shared=module.check_mode):
            result = apply(module)
    except _locks.BusyError as error:
        module.fail_json(msg=str(error), busy=error.busy)
    except (_iptables.FirewallError, ServiceError, _files.InterruptedRunError, _files.UnsafePathError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(
            msg=f"Cannot keep the rules for the next start: {error.strerror} ({error.filename}). They are in force now."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
