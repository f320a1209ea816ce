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

# A simulated BMC with one temperature sensor, which a test heats up. The last line describes the sensor in the format of IPMI (a
# full sensor record): number 1, degrees Celsius, named Inlet.
mkdir -p /etc/bmc
cat >/etc/bmc/lan.conf <<'END'
name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 9001
    priv_limit admin
    allowed_auths_user md5
    allowed_auths_operator md5
    allowed_auths_admin md5
  endlan
  user 2 true "vigie" "secret-of-bmc" admin 10 md5
END
cat >/etc/bmc/commands <<'END'
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
sensor_add 0x20 0 0 35 0x6f event-only
sensor_add 0x20 0 1 1 1 poll 500 file "/run/inlet"
sensor_set_threshold 0x20 0 1 settable 111000 90 80 70 0 0 0
sensor_set_event_support 0x20 0 1 enable scanning per-state \
    000111111000000 000111111000000 000111111000000 000111111000000
main_sdr_add 0x20 \
    1 0 81 1 48  32 0 1 7 1 69 0 1 1  0 0 0 0 0 0 0 1 0 0 1 0 0 1 1 0 0 0 0 0 255 0 0 0 0 0 0 0 0 0 0 0 0 197 73 110 108 101 116
mc_enable 0x20
END
cat >/etc/systemd/system/bmc.service <<'END'
[Service]
ExecStartPre=/bin/sh -c 'echo 41 >/run/inlet'
ExecStart=/usr/bin/ipmi_sim -n -c /etc/bmc/lan.conf -f /etc/bmc/commands
END

# What smartctl prints for three disks: NVMe, SATA and SAS. The first one fails while the file exists.
cat >/usr/local/sbin/smartctl-of-disks <<'END'
#!/bin/sh
head='"json_format_version": [1, 0], "smartctl": {"version": [7, 3], "exit_status": 0}'
passed=true
[ ! -e /run/disk.fails ] || passed=false
case $* in
*--scan*)
    echo "{$head, \"devices\": [{\"name\": \"/dev/nvme0\", \"type\": \"nvme\"}, {\"name\": \"/dev/sda\", \"type\": \"sat\"},
      {\"name\": \"/dev/sdb\", \"type\": \"scsi\"}]}" ;;
*/dev/nvme0)
    cat <<JSON
{$head, "device": {"name": "/dev/nvme0", "type": "nvme", "protocol": "NVMe"}, "model_name": "Disk", "serial_number": "1",
 "user_capacity": {"blocks": 1000215216, "bytes": 512110190592}, "logical_block_size": 512, "smart_status": {"passed": $passed},
 "nvme_smart_health_information_log": {"critical_warning": 0, "temperature": 38, "available_spare": 100,
  "available_spare_threshold": 10, "percentage_used": 12, "data_units_read": 1000, "data_units_written": 2000, "media_errors": 0,
  "num_err_log_entries": 0},
 "temperature": {"current": 38}, "power_cycle_count": 7, "power_on_time": {"hours": 4321}}
JSON
    ;;
*/dev/sda)
    cat <<JSON
{$head, "device": {"name": "/dev/sda", "type": "sat", "protocol": "ATA"}, "model_name": "Disk", "serial_number": "2",
 "smart_status": {"passed": true}, "ata_smart_attributes": {"table": [{"id": 5, "name": "Reallocated_Sector_Ct", "value": 100,
  "worst": 100, "thresh": 10, "flags": {"value": 51, "string": "PO--CK "}, "raw": {"value": 3, "string": "3"}}]},
 "temperature": {"current": 31}, "power_on_time": {"hours": 9876}}
JSON
    ;;
*)
    cat <<JSON
{$head, "device": {"name": "/dev/sdb", "type": "scsi", "protocol": "SCSI"}, "scsi_model_name": "Disk", "serial_number": "3",
 "smart_status": {"passed": true}, "scsi_grown_defect_list": 2, "temperature": {"current": 33}, "power_on_time": {"hours": 77}}
JSON
    ;;
esac
END
chmod 0755 /usr/local/sbin/smartctl-of-disks

echo 'max_filedescriptors 4096' >/etc/squid/conf.d/fleet.conf

systemctl daemon-reload
systemctl restart bmc mailer mariadb named nginx pgbouncer php8.2-fpm postfix snmpd squid varnish
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
