#!/bin/sh
# Create the firewall rules that the host $1 of this scenario has before the first run.
set -eu
# Add names to /etc/hosts: the rules of some hosts replace the rules that Docker's name server needs.
hosts() { printf '198.18.3.10 monitor\nfd00:18:3::10 monitor\n' >>/etc/hosts; }
both() { iptables -w "$@" && ip6tables -w "$@"; }

case $1 in
    rejecting)
        both -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
        both -A INPUT -i lo -j ACCEPT
        both -A INPUT -p tcp --dport 22 -j ACCEPT
        ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
        both -A INPUT -j REJECT
        # A rule that operators append by mistake. It never matches.
        iptables -A INPUT -p tcp -s 198.18.3.10 --dport 9100 -j ACCEPT
        ;;
    dropping)
        both -A INPUT -i lo -j ACCEPT
        both -A OUTPUT -o lo -j ACCEPT
        both -A INPUT -p tcp --dport 22 -j ACCEPT
        both -A OUTPUT -p tcp --sport 22 -j ACCEPT
        ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
        ip6tables -A OUTPUT -p ipv6-icmp -j ACCEPT
        # Connections to the mirror of releases.
        iptables -A OUTPUT -p tcp -d 198.18.3.2 --dport 80 -j ACCEPT
        iptables -A INPUT -p tcp -s 198.18.3.2 --sport 80 -j ACCEPT
        for parent in INPUT OUTPUT FORWARD; do
            both -P $parent DROP
        done
        ;;
    crowded)
        {
            echo '*filter'
            echo ':OTHERS - [0:0]'
            echo '-A INPUT -j OTHERS'
            i=0
            while [ $i -lt 2000 ]; do
                echo "-A OTHERS -s 10.$((i / 250)).$((i % 250)).0/24 -p udp -m udp --dport $((20000 + i)) -m comment --comment \"rule \\\"$i\\\" of others\" -j DROP"
                i=$((i + 1))
            done
            echo COMMIT
        } | iptables-restore --noflush
        ;;
    legacy)
        update-alternatives --set iptables /usr/sbin/iptables-legacy
        update-alternatives --set ip6tables /usr/sbin/ip6tables-legacy
        both -A INPUT -p tcp --dport 25 -j REJECT
        ;;
    persistent)
        DEBIAN_FRONTEND=noninteractive dpkg --install /var/lib/fleet/*.deb
        both -A INPUT -p tcp --dport 25 -j REJECT
        # Not with netfilter-persistent save, which would also save Docker's rules in other tables.
        iptables-save -t filter >/etc/iptables/rules.v4
        ip6tables-save -t filter >/etc/iptables/rules.v6
        ;;
    native)
        hosts
        cat >/etc/nftables.conf <<'END'
table inet site
delete table inet site
table inet site {
    set trusted {
        type ipv4_addr
        flags interval
        elements = { 198.18.3.8/29, 192.0.2.0/24 }
    }
    chain input {
        type filter hook input priority filter; policy drop;
        ct state vmap { established : accept, related : accept, invalid : drop }
        iifname "lo" accept
        meta l4proto { icmp, ipv6-icmp } accept
        tcp dport 22 accept
        jump scraped
    }
    chain scraped {
        ip saddr @trusted tcp dport { 9100, 9101-9110 } accept
        ip6 saddr fd00:18:3::10 tcp dport 9100 accept
    }
}
END
        systemctl enable --now nftables
        ;;
    zoned)
        hosts
        for address in 'ipv4" source address="198.18.3.10' 'ipv6" source address="fd00:18:3::10'; do
            firewall-cmd --quiet --permanent --add-rich-rule="rule family=\"$address\" port port=\"9100\" protocol=\"tcp\" accept"
        done
        firewall-cmd --quiet --reload
        ;;
    published)
        # Docker in a container needs writable control groups. They are mounted read-only by default.
        mkdir -p /etc/systemd/system/docker.service.d /opt/app
        cat >/etc/systemd/system/docker.service.d/fleet.conf <<'END'
[Service]
ExecStartPre=/bin/sh -c 'for group in /sys/fs/cgroup/*; do mount -o remount,bind,rw $group 2>/dev/null; done; true'
END
        cat >/opt/app/serve.py <<'END'
import http.server


class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"app_running 1\n")


http.server.ThreadingHTTPServer(("", 80), Metrics).serve_forever()
END
        systemctl daemon-reload
        systemctl restart docker
        # Create a container from the programs of the host.
        cd "$(mktemp -d)"
        mkdir usr proc sys dev etc
        for directory in bin lib lib64 sbin; do
            ln -s usr/$directory $directory
        done
        tar -c . | docker import - host >/dev/null
        docker run --detach --name app --restart always --publish 8080:80 --volume /usr:/usr:ro --volume /opt/app:/opt/app:ro \
            host /usr/bin/python3 /opt/app/serve.py
        ;;
esac
