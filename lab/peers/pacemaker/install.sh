# Pacemaker and corosync as the manager. Sourced by lib/manager.sh.
#
# Each function is a group of its service programs and its address, which prefers its own server and
# then the one before it in the ring. The service programs start where the group is, so systemd
# starts none of them. P1 is what the documentation's first example has (token 3 s, a monitor every
# 10 s); P3 is tuned (token 0.5 s, a monitor every second, no stickiness to a failed place).

# install_pacemaker p1|p3 SERVER ROOT
install_pacemaker() {
    local variant=$1 server=$2 root=$3 monitor_s=10
    [[ $variant == p1 ]] || monitor_s=1
    pacemaker_corosync "$variant" >"$root/etc/corosync/corosync.conf"
    mkdir -p "$root/var/lib/pacemaker/cib"
    # The same starting configuration lies on every disk, so that nobody has to load it later.
    pacemaker_cib "$monitor_s" >"$root/var/lib/pacemaker/cib/cib.xml"
    chroot "$root" chown -R hacluster:haclient /var/lib/pacemaker/cib
    chmod 600 "$root/var/lib/pacemaker/cib/cib.xml"
    # shellcheck disable=SC2046 # a list of units
    systemctl --quiet --root="$root" disable $(enabled_units_of "$server") 2>/dev/null
    systemctl --quiet --root="$root" enable corosync.service pacemaker.service
}

pacemaker_corosync() {
    local server
    printf 'totem {\n    version: 2\n    cluster_name: lab\n    transport: knet\n'
    printf '    crypto_cipher: none\n    crypto_hash: none\n'
    if [[ $1 == p3 ]]; then
        printf '    token: 500\n    token_coefficient: 0\n    token_retransmits_before_loss_const: 4\n'
        printf '    interface {\n        linknumber: 0\n'
        # The link must be found dead before the token is.
        printf '        knet_ping_interval: 100\n        knet_ping_timeout: 200\n    }\n'
    fi
    printf '}\nquorum {\n    provider: corosync_votequorum\n}\n'
    printf 'logging {\n    to_syslog: yes\n}\nnodelist {\n'
    for server in "${SERVERS[@]}"; do
        printf '    node {\n        name: %s\n        nodeid: %s\n        ring0_addr: %s\n    }\n' \
            "$server" "$(index_of "$server")" "$(address_of "$server")"
    done
    printf '}\n'
}

pacemaker_cib() {
    local server
    cat <<XML
<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="1">
  <configuration>
    <crm_config>
      <cluster_property_set id="options">
        <nvpair id="option-fencing" name="stonith-enabled" value="false"/>
      </cluster_property_set>
    </crm_config>
    <nodes>
XML
    for server in "${SERVERS[@]}"; do
        printf '      <node id="%s" uname="%s"/>\n' "$(index_of "$server")" "$server"
    done
    printf '    </nodes>\n    <resources>\n'
    for server in "${SERVERS[@]}"; do
        pacemaker_group "$server" "$1"
    done
    printf '    </resources>\n    <constraints>\n'
    for server in "${SERVERS[@]}"; do
        printf '      <rsc_location id="%s-home" rsc="%s" node="%s" score="200"/>\n' "$server" "$server" "$server"
        printf '      <rsc_location id="%s-next" rsc="%s" node="%s" score="100"/>\n' "$server" "$server" "$(before "$server")"
    done
    printf '    </constraints>\n  </configuration>\n  <status/>\n</cib>\n'
}

# pacemaker_group FUNCTION MONITOR_S
pacemaker_group() {
    local unit id
    printf '      <group id="%s">\n' "$1"
    for unit in $(units_of "$1"); do
        unit=${unit%.service}
        # An id of XML has no @.
        id=$1-${unit%@-}
        printf '        <primitive id="%s" class="systemd" type="%s">\n' "$id" "$unit"
        pacemaker_monitor "$id" "$2"
    done
    printf '        <primitive id="%s-vip" class="ocf" provider="heartbeat" type="IPaddr2">\n' "$1"
    printf '          <instance_attributes id="%s-vip-where">\n' "$1"
    printf '            <nvpair id="%s-vip-ip" name="ip" value="%s"/>\n' "$1" "$(vip_of "$1")"
    printf '            <nvpair id="%s-vip-mask" name="cidr_netmask" value="32"/>\n' "$1"
    printf '            <nvpair id="%s-vip-nic" name="nic" value="br0"/>\n' "$1"
    printf '          </instance_attributes>\n'
    pacemaker_monitor "$1-vip" "$2"
    printf '      </group>\n'
}

# Ends the primitive that it is in. A service that fails goes elsewhere at once when it is tuned so.
pacemaker_monitor() {
    printf '          <operations><op id="%s-monitor" name="monitor" interval="%ss"/></operations>\n' "$1" "$2"
    if [[ $2 == 1 ]]; then
        printf '          <meta_attributes id="%s-meta"><nvpair id="%s-threshold" name="migration-threshold" value="1"/></meta_attributes>\n' "$1" "$1"
    fi
    printf '        </primitive>\n'
}
