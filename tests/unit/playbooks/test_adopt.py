# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What adopt.yml writes, and what it does not show."""

from __future__ import annotations

import stat
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from inventories import write

ROOT = Path(__file__).parents[3]
PROMETHEUS = {
    "scrape_configs": [
        {
            "job_name": "shop",
            "dns_sd_configs": [{"names": ["x"]}],
            "static_configs": [{"targets": ["web1:9200"]}],
            "basic_auth": {"username": "user", "password": "swordfish {{ 1 }}"},
        }
    ]
}
ALERTMANAGER = {
    "route": {"receiver": "hook"},
    "receivers": [{"name": "hook", "webhook_configs": [{"url": "https://192.0.2.1/swordfish"}]}],
}


def run(program: str, *arguments: str | Path) -> str:
    """Run one of Ansible's programs and return what it prints."""
    command = [ROOT / ".venv/bin" / program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def adopt(path: Path, *arguments: str) -> str:
    """Adopt what lies in *path*, into ``path/inventory``."""
    named = {
        "adopt_from": path / "prometheus.yml",
        "adopt_alertmanager": path / "alertmanager.yml",
        "adopt_server": "mon",
        "adopt_dir": path / "inventory",
    }
    variables = [part for name, value in named.items() for part in ("-e", f"{name}={value}")]
    return run("ansible-playbook", "playbooks/adopt.yml", *variables, *arguments)


def modes(path: Path) -> dict[str, str]:
    """Return the modes of the files below *path*."""
    return {
        str(file.relative_to(path)): oct(stat.S_IMODE(file.stat().st_mode)) for file in sorted(path.rglob("*")) if file.is_file()
    }


def test_secrets_are_for_the_owner_alone_and_for_a_vault(tmp_path: Path) -> None:
    """They are in no output, in files of mode 0600, and in force still when the files are encrypted."""
    write(tmp_path, {"prometheus.yml": PROMETHEUS, "alertmanager.yml": ALERTMANAGER})
    predicted = adopt(tmp_path, "--check", "--diff", "-vvv")
    assert not (tmp_path / "inventory").exists()
    said = adopt(tmp_path, "--diff", "-vvv")
    assert "changed=3" in predicted
    assert "changed=3" in said
    assert "swordfish" not in predicted + said
    assert "group_vars/prometheus/vault.yml contains secrets in plain text (vault_prometheus_shop_basic_auth_password)" in said
    assert modes(tmp_path / "inventory") == {
        "group_vars/alertmanager/vars.yml": "0o644",
        "group_vars/alertmanager/vault.yml": "0o600",
        "group_vars/prometheus/vars.yml": "0o644",
        "group_vars/prometheus/vault.yml": "0o600",
        "hosts.yml": "0o644",
    }
    (tmp_path / "password").write_text("x")
    vault = ("--vault-password-file", tmp_path / "password")
    for group in ("prometheus", "alertmanager"):
        run("ansible-vault", "encrypt", *vault, tmp_path / f"inventory/group_vars/{group}/vault.yml")
    assert not [file for file in (tmp_path / "inventory").rglob("*.yml") if "swordfish" in file.read_text()]
    # What the servers would get, as the playbooks ask for it.
    file = "{{ (lookup('vigie.monitoring.fleet') | vigie.monitoring._prometheus_files('mon'))['prometheus.yml'] }}"
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [
            {
                "ansible.builtin.copy": {
                    "content": "{{ file if file is string else file.content }}",
                    "dest": str(tmp_path / "out.yml"),
                    "mode": "0600",
                },
                "vars": {"file": file},
            }
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    run("ansible-playbook", "-i", tmp_path / "inventory", *vault, tmp_path / "play.yml")
    rendered: dict[str, t.Any] = yaml.safe_load((tmp_path / "out.yml").read_text())
    assert rendered["scrape_configs"][-1] == PROMETHEUS["scrape_configs"][0]


def test_an_inventory_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """Also in part: nothing is written over."""
    write(tmp_path, {"prometheus.yml": PROMETHEUS, "alertmanager.yml": ALERTMANAGER})
    write(tmp_path, {"inventory/hosts.yml": "edited"})
    with pytest.raises(AssertionError, match="already exists"):
        adopt(tmp_path)
    assert modes(tmp_path / "inventory").keys() == {"hosts.yml"}
    assert (tmp_path / "inventory/hosts.yml").read_text() == "edited"
