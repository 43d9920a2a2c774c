# keepalived as the manager: a ring of hot standbys. Sourced by lib/manager.sh.
#
# Each function's address is held by its own server and, when that fails, by the server before it in
# the ring, on which the same service programs always run. K1 is keepalived as its documentation
# shows it (an advertisement a second); K2 is VRRP version 3 with ten a second. Both check the
# service once a second, keepalived's default.

# install_keepalived k1|k2 SERVER ROOT
install_keepalived() {
    local variant=$1 server=$2 root=$3 function holder standby version=2 interval=1
    if [[ $variant == k2 ]]; then
        version=3 interval=0.1
    fi
    mkdir -p "$root/etc/keepalived"
    {
        cat <<CONF
global_defs {
    router_id $server
    vrrp_version $version
    enable_script_security
    script_user root
}
CONF
        for function in "${SERVERS[@]}"; do
            holder=$function
            standby=$(before "$function")
            case $server in
                "$holder") keepalived_instance "$function" MASTER 150 "$interval" ;;
                "$standby") keepalived_instance "$function" BACKUP 100 "$interval" ;;
            esac
        done
    } >"$root/etc/keepalived/keepalived.conf"
    # The hot standby of the function behind this server in the ring.
    # shellcheck disable=SC2046 # a list of units
    systemctl --quiet --root="$root" enable keepalived.service $(enabled_units_of "$(after "$server")")
    keepalived_order "$root"
}

# keepalived_instance FUNCTION STATE PRIORITY INTERVAL_S
keepalived_instance() {
    cat <<CONF

vrrp_script check_$1 {
    script "/usr/lib/tetrarch-lab/services-active $(units_of "$1")"
    interval 1
}

vrrp_instance $1 {
    state $2
    interface br0
    virtual_router_id $(index_of "$1")
    priority $3
    advert_int $4
    virtual_ipaddress {
        $(vip_of "$1")/32 dev br0
    }
    track_script {
        check_$1
    }
}
CONF
}

# keepalived stops first at a shutdown and says so to its peers; only then do the services stop.
keepalived_order() {
    mkdir -p "$1/etc/systemd/system/keepalived.service.d"
    cat >"$1/etc/systemd/system/keepalived.service.d/lab.conf" <<'UNIT'
[Unit]
After=postfix.service dovecot.service nginx.service vsftpd.service squid.service
UNIT
}
