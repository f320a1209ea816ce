#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Write schema.json, with which tests validate the dashboards. The script converts the types in Grafana's npm package @grafana/schema, of
# the version that the role installs, to JSON Schema. Run the script for a new version of Grafana. It needs Node.js and npm.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^grafana_version: //p' "$here/../../roles/grafana/defaults/main.yml")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-save "@grafana/schema@$version" typescript@5 ts-json-schema-generator@2 >&2
types=node_modules/@grafana/schema/dist/types/raw
echo '{"compilerOptions": {"strict": true, "skipLibCheck": true, "module": "nodenext", "moduleResolution": "nodenext"}}' >tsconfig.json

generate() {
    npx ts-json-schema-generator --tsconfig tsconfig.json --no-type-check --path "$types/$1/x/types.gen.d.ts" --type "$2" >"$3.json"
}

generate dashboard Dashboard dashboard
generate composable/logs/panelcfg Options logs-options
for panel in timeseries stat table bargauge statetimeline; do
    generate "composable/$panel/panelcfg" Options "$panel-options"
    generate "composable/$panel/panelcfg" FieldConfig "$panel-custom"
done
python3 - "$version" >"$here/schema.json" <<'END'
import json, sys

def bare(value):
    """Return a schema without descriptions."""
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items() if not (key == "description" and isinstance(item, str))}
    return [bare(item) for item in value] if isinstance(value, list) else value

def read(name):
    return bare(json.load(open(f"{name}.json")))

def panel(name):
    return {"options": read(f"{name}-options"), "custom": read(f"{name}-custom")}

names = {"timeseries": "timeseries", "stat": "stat", "table": "table", "bargauge": "bargauge", "state-timeline": "statetimeline"}
print(json.dumps({
    "$comment": "Made by schema.sh from the npm package @grafana/schema (Grafana Labs, Apache-2.0).",
    "version": sys.argv[1],
    "dashboard": read("dashboard"),
    # The logs panel has no options of fields.
    "panels": {**{kind: panel(name) for kind, name in names.items()}, "logs": {"options": read("logs-options")}},
}, indent=None, separators=(",", ":")).replace('"$schema"', '\n"$schema"'))
END
