#!/bin/sh
# The rules that the hosts of this scenario have before the first run.
set -eu
both() { iptables -w "$@" && ip6tables -w "$@"; }

case $1 in
    rejecting)
        both -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
        both -A INPUT -i lo -j ACCEPT
        both -A INPUT -p tcp --dport 22 -j ACCEPT
        ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
        both -A INPUT -j REJECT
        # What people append; it never matches.
        iptables -A INPUT -p tcp -s 198.18.3.10 --dport 9100 -j ACCEPT
        ;;
    dropping)
        both -A INPUT -i lo -j ACCEPT
        both -A OUTPUT -o lo -j ACCEPT
        both -A INPUT -p tcp --dport 22 -j ACCEPT
        both -A OUTPUT -p tcp --sport 22 -j ACCEPT
        ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
        ip6tables -A OUTPUT -p ipv6-icmp -j ACCEPT
        # The mirror of releases.
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
        # Not by its own save: that would keep what Docker has in other tables for this one start.
        iptables-save -t filter >/etc/iptables/rules.v4
        ip6tables-save -t filter >/etc/iptables/rules.v6
        ;;
esac
