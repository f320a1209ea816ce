#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Configure and start the services of a host of this scenario. The script does nothing the second time.
set -eu

made=/var/lib/fleet/services
[ ! -e "$made" ] || exit 0

cat >>/etc/bind/named.conf.local <<'END'
zone "shop.example.com" {
    type primary;
    file "/etc/bind/db.shop";
};
END
cat >/etc/bind/db.shop <<'END'
$TTL 300
@   IN SOA ns.shop.example.com. admin.shop.example.com. 2026010203 3600 600 86400 300
    IN NS  ns.shop.example.com.
ns  IN A   127.0.0.1
END

cat >/etc/systemd/system/mailer.service <<'END'
[Service]
ExecStart=/bin/sh -c 'tail -f /dev/null & tail -f /dev/null & wait'
END

# A unit that fails if the file exists.
cat >/etc/systemd/system/backup.service <<'END'
[Service]
Type=oneshot
ExecStart=/bin/sh -c '! test -e /run/backup.fails'
END

# The account of the exporter in PgBouncer, and a user of PostgreSQL who uses the pool.
sed -i -e 's,^\[pgbouncer\],&\nstats_users = pgbouncer_exporter\nignore_startup_parameters = extra_float_digits,' \
    -e 's,^\[databases\],&\npostgres = host=/var/run/postgresql user=postgres,' /etc/pgbouncer/pgbouncer.ini
cat >/etc/pgbouncer/userlist.txt <<'END'
"pgbouncer_exporter" "a'b\c%d"
"postgres" "postgres"
END

# No server accepts the mails of Postfix.
postconf -e 'default_transport = smtp:[127.0.0.1]:9' 'inet_protocols = ipv4'

# Everybody in the network can read the interfaces. One interface is a virtual cable, whose other end a test switches off.
cat >/etc/snmp/snmpd.conf <<END
agentaddress udp:$(hostname -I | cut -d' ' -f1):161
rocommunity secret-of-the-fleet
END
ip link add uplink type veth peer name switch
ip link set uplink up
ip link set switch up

echo 'max_filedescriptors 4096' >/etc/squid/conf.d/fleet.conf

systemctl daemon-reload
systemctl restart mailer mariadb named nginx pgbouncer php8.2-fpm postfix snmpd squid varnish
echo hello | sendmail somebody@mail.example.com
PGPASSWORD=postgres psql --host 127.0.0.1 --port 6432 --username postgres --command 'SELECT 1' postgres >/dev/null
python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:6081/')" 2>/dev/null || true

# Ask BIND for a name of its own, and for a name of another server, which the network of the containers does not reach.
cat >/tmp/ask.py <<'END'
import socket, struct
for name in ("ns.shop.example.com", "www.example.org"):
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + struct.pack(">BHH", 0, 1, 1)
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(1)
    client.sendto(struct.pack(">6H", 1, 256, 1, 0, 0, 0) + question, ("127.0.0.1", 53))
    try:
        client.recv(512)
    except TimeoutError:
        pass
END
python3 /tmp/ask.py
touch "$made"
