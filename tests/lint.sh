#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Check style, types, documentation, generated files and the built artefact. All checks run, also after a check that fails.
set -u
cd "$(dirname "$0")/.." || exit
PATH=$PWD/.venv/bin:$PATH
export PATH MYPYPATH=.collections ANSIBLE_CONFIG="$PWD/ansible.cfg"
failed=

check() {
    name=$1
    shift
    if said=$("$@" 2>&1); then
        echo "lint: $name: fine"
    else
        failed="$failed $name"
        printf 'lint: %s:\n%s\n' "$name" "$said"
    fi
}

# The artefact contains only what a user of the collection needs.
artefact() {
    directory=$(mktemp -d)
    ansible-galaxy collection build --output-path "$directory" . >/dev/null &&
        tar -tzf "$directory"/*.tar.gz | grep -vE '/$' |
        grep -vE '^([A-Z]+\.md|FILES\.json|LICENSE|MANIFEST\.json|meta/runtime\.yml|(changelogs|docs|playbooks|plugins|roles)/.*)$' >"$directory/extra"
    cat "$directory/extra"
    test ! -s "$directory/extra"
    found=$?
    rm -rf "$directory"
    return $found
}

check ruff ruff check --quiet .
check ruff-format ruff format --quiet --check .
check mypy mypy --package ansible_collections.vigie.monitoring.plugins
check yamllint yamllint --strict .
check shell sh -c 'for script in .ci/run tests/*.sh tools/*/*.sh; do sh -n "$script" || exit; done'
check changelog antsibull-changelog lint
check documentation antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs all .
check generated python tools/generate.py --check
check architecture python tools/architecture.py --check
check dashboards python tools/dashboards/write.py --check
check artefact artefact
check ansible-lint ansible-lint -q
[ -z "$failed" ] || {
    echo "lint: failed:$failed" >&2
    exit 1
}
