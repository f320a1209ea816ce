#!/bin/sh
# Copyright: Contributors to the Vigie project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Configure services to monitor: HAProxy with two Apache backends, a website with an expired certificate, three uWSGI instances, and two
# programs of supervisord. The script runs on a host that has these programs, and does nothing the second time.
set -eu

made=/var/lib/fleet/services
[ ! -e "$made" ] || exit 0

cat >>/etc/haproxy/haproxy.cfg <<'END'

frontend www
    bind :8080
    default_backend app

backend app
    option httpchk GET /
    default-server inter 500ms fall 2 rise 1
    server one 127.0.0.1:8081 check
    server two 127.0.0.1:8082 check
END

cat >/etc/apache2/sites-available/000-default.conf <<'END'
Listen 8081
Listen 8082
Listen 8443
<VirtualHost *:8081 *:8082>
    DocumentRoot /var/www/html
    # A website that redirects every path: the status page must work nevertheless.
    RedirectMatch "^/(server-status.*)$" "/login?$1"
</VirtualHost>
<VirtualHost *:8443>
    SSLEngine on
    SSLCertificateFile /etc/apache2/expired.pem
</VirtualHost>
END
cd /etc/apache2
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=shop.example.com -days 1 2>/dev/null
# Sign the certificate again, with a validity in the past.
touch index && echo 01 >serial
cat >ca.cnf <<'END'
[ca]
default_ca = own
[own]
database = index
serial = serial
new_certs_dir = /tmp
default_md = sha256
policy = any
[any]
commonName = supplied
END
openssl req -new -key key.pem -subj /CN=shop.example.com -out request.pem
openssl ca -batch -config ca.cnf -selfsign -keyfile key.pem -in request.pem -out cert.pem \
    -startdate 20240101000000Z -enddate 20250101000000Z 2>/dev/null
cat key.pem cert.pem >expired.pem
a2enmod --quiet ssl
# Disable the status module, as on a hardened host.
a2dismod --quiet --force status

for instance in shop:2:127.0.0.1:1717 api:3:127.0.0.1:1718 admin:4:/run/uwsgi-admin/stats.sock; do
    name=${instance%%:*}
    rest=${instance#*:}
    http=
    if [ "$name" = api ]; then http='--stats-http'; fi
    cat >/etc/systemd/system/uwsgi-$name.service <<END
[Service]
User=www-data
Group=www-data
RuntimeDirectory=uwsgi-$name
ExecStart=/usr/bin/uwsgi-core --master --processes ${rest%%:*} --socket /run/uwsgi-$name/app.sock --stats ${rest#*:} $http
END
done

cat >/etc/supervisor/conf.d/programs.conf <<'END'
[program:worker]
command=/bin/sleep infinity
[program:mailer]
command=/bin/sleep infinity
END

if command -v redis-server >/dev/null; then
    # The unit of Debian has user namespaces, which are not available in a container.
    mkdir -p /etc/systemd/system/redis-server.service.d
    printf '[Service]\nPrivateUsers=false\n' >/etc/systemd/system/redis-server.service.d/container.conf
    systemctl daemon-reload
    systemctl reset-failed redis-server
    systemctl restart redis-server
    redis-cli set greeting hello
fi

systemctl daemon-reload
systemctl restart haproxy apache2 supervisor uwsgi-shop uwsgi-api uwsgi-admin
touch "$made"
