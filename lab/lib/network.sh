# The switch, the cables and what cuts them. Sourced by `lab`.
#
# The switch is a bridge in a namespace of its own; each server has a namespace with one cable into
# it. Frames between two ports pass the bridge's forward hook, where a pair in the set "cut" is
# dropped: from the first port to the second only, so a cut in one direction is one pair.

switch_up() {
    ip netns add "$SWITCH_NETNS"
    # Neither spanning tree nor a learning delay: a plugged cable works at once. Multicast goes to
    # all ports, as nobody here asks who listens.
    ip -n "$SWITCH_NETNS" link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
    ip -n "$SWITCH_NETNS" link set br0 address 02:7a:00:00:02:fe
    ip -n "$SWITCH_NETNS" address add "$SWITCH_ADDRESS/24" dev br0
    ip -n "$SWITCH_NETNS" link set lo up
    ip -n "$SWITCH_NETNS" link set br0 up
    ip netns exec "$SWITCH_NETNS" nft -f - <<'NFT'
table bridge lab {
    set cut {
        type ifname . ifname
    }
    chain forward {
        type filter hook forward priority 0; policy accept;
        iifname . oifname @cut drop
        jump loss
    }
    chain loss {
    }
}
NFT
    plug client "$CLIENT_NETNS" 02:7a:00:00:02:01
    ip -n "$CLIENT_NETNS" address add "$CLIENT_ADDRESS/24" dev eth0
    ip -n "$CLIENT_NETNS" link set eth0 up
}

# plug PORT NAMESPACE MAC: makes the namespace anew and lays its cable. A port that a fault has put
# down stays down.
plug() {
    local port=$1 netns=$2 mac=$3 state=up
    unplug "$port" "$netns"
    [[ ! -e $RUN/fault/port-$port ]] || state=down
    ip netns add "$netns"
    ip -n "$netns" link set lo up
    ip -n "$SWITCH_NETNS" link add "$port" type veth peer name eth0 netns "$netns" address "$mac"
    ip -n "$SWITCH_NETNS" link set "$port" master br0
    ip -n "$SWITCH_NETNS" link set "$port" "$state"
}

# The cable goes first: it is the moment from which nobody sees the machine any more.
unplug() {
    ip -n "$SWITCH_NETNS" link del "$1" 2>/dev/null || true
    ip netns del "$2" 2>/dev/null || true
}

port_set() {
    mkdir -p "$RUN/fault"
    if [[ $2 == down ]]; then
        : >"$RUN/fault/port-$1"
    else
        rm -f "$RUN/fault/port-$1"
    fi
    # A server that is off has no cable; the port is put down or up when it gets one.
    ip -n "$SWITCH_NETNS" link set "$1" "$2" 2>/dev/null || true
}

# cut_add FROM TO: frames from the first port no longer reach the second.
cut_add() {
    ip netns exec "$SWITCH_NETNS" nft add element bridge lab cut "{ \"$1\" . \"$2\" }"
}
# loss_add FROM TO PERCENT: so many of the frames from the first port to the second are lost.
loss_add() {
    ip netns exec "$SWITCH_NETNS" nft add rule bridge lab loss \
        iifname "$1" oifname "$2" numgen random mod 100 '<' "$3" drop
}
cut_clear() {
    ip netns exec "$SWITCH_NETNS" nft -f - <<'NFT'
flush set bridge lab cut
flush chain bridge lab loss
NFT
}
cut_list() {
    ip netns exec "$SWITCH_NETNS" nft list set bridge lab cut | grep -oE '"[a-z]+" \. "[a-z]+"' |
        sed -E 's/"([a-z]+)" \. "([a-z]+)"/\1 -> \2 is cut/' || true
    ip netns exec "$SWITCH_NETNS" nft list chain bridge lab loss |
        sed -nE 's/.*iifname "([a-z]+)" oifname "([a-z]+)" .* < ([0-9]+) drop/\1 -> \2 loses \3 %/p'
}
