#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A stand-in for the collection prometheus.prometheus, which is only on Galaxy: users, paths, units, flags and files as its roles
# create them (0.30.1: defaults, templates and tasks), with the real programs.
# Usage: layout_of_prometheus_prometheus.sh MIRROR NODE_EXPORTER [PROMETHEUS ALERTMANAGER]
set -eu

mirror=$1 arch=$(dpkg --print-architecture)

# fetch PROGRAM VERSION BINARY...: download a release and install its binaries into /usr/local/bin.
fetch() {
    program=$1 version=$2
    shift 2
    name=$program-$version.linux-$arch
    python3 -c "import sys, urllib.request as u; u.urlretrieve(sys.argv[1], '/tmp/it.tar.gz')" \
        "$mirror/prometheus/$program/releases/download/v$version/$name.tar.gz"
    tar -C /tmp -xzf /tmp/it.tar.gz
    for binary; do
        install -o root -g root -m 0755 "/tmp/$name/$binary" "/usr/local/bin/$binary"
    done
}

# account NAME HOME: create a system user and its group.
account() {
    groupadd --system "$1"
    useradd --system --gid "$1" --shell /usr/sbin/nologin --home-dir "$2" --no-create-home "$1"
}

# unit NAME USER OPTIONS: create and start a unit. The command is on standard input.
unit() {
    { printf '[Unit]\nDescription=%s\nAfter=network-online.target\n\n[Service]\nType=simple\nUser=%s\nGroup=%s\n' "$1" "$2" "$2"
      cat
      printf 'SyslogIdentifier=%s\nRestart=always\nNoNewPrivileges=yes\nProtectHome=yes\nProtectSystem=strict\n%s\n' "$1" "$3"
      printf '\n[Install]\nWantedBy=multi-user.target\n'; } >"/etc/systemd/system/$1.service"
    systemctl daemon-reload
    systemctl enable --now "$1"
}

fetch node_exporter "$2" node_exporter
account node-exp /
install -d -o node-exp -g node-exp -m 0755 /var/lib/node_exporter
unit node_exporter node-exp "" <<'UNIT'
ExecStart=/usr/local/bin/node_exporter \
    '--collector.textfile' \
    '--collector.textfile.directory=/var/lib/node_exporter' \
    '--log.level=info' \
    '--log.format=logfmt' \
    '--web.listen-address=0.0.0.0:9100' \
    '--web.telemetry-path=/metrics'
UNIT
[ $# -gt 2 ] || exit 0

fetch alertmanager "$4" alertmanager amtool
account alertmanager /etc/alertmanager
install -d -o alertmanager -g alertmanager -m 0750 /etc/alertmanager /etc/alertmanager/templates /var/lib/alertmanager
cat >/etc/alertmanager/alertmanager.yml <<'YAML'
global:
  resolve_timeout: 3m
route:
  receiver: nobody
  group_by: [alertname]
receivers:
  - name: nobody
YAML
unit alertmanager alertmanager "ReadWritePaths=/var/lib/alertmanager" <<'UNIT'
ExecReload=/bin/kill -HUP $MAINPID
ExecStart=/usr/local/bin/alertmanager \
  --cluster.listen-address= \
  --config.file=/etc/alertmanager/alertmanager.yml \
  --storage.path=/var/lib/alertmanager \
  --web.listen-address=0.0.0.0:9093 \
  --web.external-url=http://localhost:9093/
UNIT

fetch prometheus "$3" prometheus promtool
account prometheus /etc/prometheus
install -d -o root -g prometheus -m 0770 /etc/prometheus
install -d -o prometheus -g prometheus -m 0755 /var/lib/prometheus
for directory in consoles console_libraries rules file_sd scrape_configs targets; do
    install -d -o prometheus -g prometheus -m 0775 "/etc/prometheus/$directory"
done
cat >/etc/prometheus/prometheus.yml <<'YAML'
global:
  evaluation_interval: 1s
  scrape_interval: 1s
  scrape_timeout: 1s
  external_labels:
    environment: monitor
rule_files:
  - /etc/prometheus/rules/*.yml
  - /etc/prometheus/rules/*.yaml
  - /etc/prometheus/rules/*.rules
alerting:
  alertmanagers:
    - scheme: http
      static_configs:
        - targets: [monitor:9093]
scrape_configs:
  - job_name: prometheus
    metrics_path: /metrics
    static_configs:
      - targets: [monitor:9090]
  - job_name: node
    file_sd_configs:
      - files: [/etc/prometheus/file_sd/node.yml]
  - job_name: own
    file_sd_configs:
      - files: [targets/*.json]
    relabel_configs:
      # adopt keeps the job as it is: Python does not have this class of characters.
      - {source_labels: [job], regex: '\pL+', target_label: made_by, replacement: hand}
scrape_config_files:
  - scrape_configs/*
YAML
cat >/etc/prometheus/file_sd/node.yml <<'YAML'
- targets: [monitor:9100]
- targets: [app1:9100]
  labels:
    env: test
YAML
cat >/etc/prometheus/targets/a.json <<'JSON'
[{"targets": ["monitor:9093"]}]
JSON
cat >/etc/prometheus/rules/ansible_managed.yml <<'YAML'
groups:
  - name: ansible managed alert rules
    rules:
      - alert: Watchdog
        expr: vector(1)
        labels: {severity: warning}
        annotations: {summary: "Always there, {{ $value }}"}
YAML
chown -R root:prometheus /etc/prometheus/prometheus.yml /etc/prometheus/file_sd/node.yml /etc/prometheus/rules/ansible_managed.yml
unit prometheus prometheus "ReadWritePaths=/var/lib/prometheus" <<'UNIT'
ExecReload=/bin/kill -HUP $MAINPID
ExecStart=/usr/local/bin/prometheus \
  --storage.tsdb.path=/var/lib/prometheus \
  --storage.tsdb.retention.time=30d \
  --storage.tsdb.retention.size=0 \
  --web.listen-address=0.0.0.0:9090 \
  --web.external-url= \
  --config.file=/etc/prometheus/prometheus.yml
UNIT
