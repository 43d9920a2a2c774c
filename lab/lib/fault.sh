# What can be broken, and mended again. Sourced by `lab`.

fault() {
    local kind=${1:-} server
    shift || true
    case $kind in
        stop | kill | break | hang | reboot | poweroff | powercut | destroy | pause | port)
            [[ $# -eq 1 ]] || misuse "fault $kind takes one server"
            require_server "$1"
            ;;
        cut | oneway)
            [[ $# -eq 2 && $1 != "$2" ]] || misuse "fault $kind takes two different ends"
            require_end "$1"
            require_end "$2"
            ;;
        loss)
            [[ $# -eq 3 && $1 != "$2" ]] || misuse "fault loss takes two different ends and a percentage"
            require_end "$1"
            require_end "$2"
            [[ $3 =~ ^[0-9]+$ && $3 -ge 1 && $3 -le 100 ]] || misuse "\"$3\" is no percentage from 1 to 100"
            ;;
        isolate)
            [[ $# -ge 1 ]] || misuse "fault isolate takes one server or more"
            for server in "$@"; do require_server "$server"; done
            ;;
        peers) [[ $# -eq 0 ]] || misuse "fault peers takes nothing" ;;
        --help | -h)
            usage_fault
            return
            ;;
        *)
            usage_fault >&2
            misuse "no fault \"$kind\""
            ;;
    esac
    require_up
    "fault_$kind" "$@"
}

require_end() { [[ $1 == client ]] || require_server "$1"; }

fault_stop() { stop_units "$1"; }
# A manager that is quick enough starts them again before all have stopped, and the stop then counts as cancelled.
stop_units() {
    local said
    # shellcheck disable=SC2046 # a list of units
    said=$(enter "$1" systemctl stop $(units_of "$1") 2>&1) || [[ $said == *canceled* ]] ||
        die "$1: $said"
}
fault_kill() {
    local unit
    for unit in $(units_of "$1"); do
        enter "$1" systemctl kill --kill-whom=all --signal=KILL "$unit"
    done
}
fault_break() {
    enter "$1" touch /run/tetrarch-lab-broken
    fault_kill "$1"
}
# What is in /run goes with a restart of the server.
fault_hang() {
    local unit
    for unit in $(units_of "$1"); do
        # shellcheck disable=SC2016 # the server's own shell fills it in
        enter "$1" bash -c 'mkdir -p "/run/systemd/system/$1.d" && cat >"/run/systemd/system/$1.d/hang.conf"' \
            hang "$unit" <<'UNIT'
[Service]
Type=simple
ExecStartPre=
ExecStart=
ExecStart=/usr/bin/sleep infinity
ExecStop=
UNIT
    done
    enter "$1" systemctl daemon-reload
    stop_units "$1"
}
fault_reboot() { press "$1" reboot; }
fault_poweroff() { press "$1" poweroff; }
fault_powercut() { power_cut "$1"; }
fault_destroy() {
    mkdir -p "$RUN/fault"
    : >"$RUN/fault/dead-$1"
    power_cut "$1"
}
fault_pause() { echo 1 >"$(cgroup_path "server-$1")/cgroup.freeze"; }
fault_port() { port_set "$1" down; }
fault_cut() {
    cut_add "$1" "$2"
    cut_add "$2" "$1"
}
fault_loss() {
    loss_add "$1" "$2" "$3"
    loss_add "$2" "$1" "$3"
}
fault_oneway() { cut_add "$1" "$2"; }
fault_isolate() {
    local a b
    for a in "$@"; do
        for b in "${SERVERS[@]}"; do
            [[ " $* " == *" $b "* ]] || fault_cut "$a" "$b"
        done
    done
}
fault_peers() {
    local a b
    for a in "${SERVERS[@]}"; do
        for b in "${SERVERS[@]}"; do
            [[ $a == "$b" ]] || cut_add "$a" "$b"
        done
    done
}

# Mends the network first, then what stands still, then what is broken, then what is off.
heal() {
    local server
    heal_network
    rm -f "$RUN"/fault/dead-*
    for server in "${SERVERS[@]}"; do
        ! is_on "$server" || echo 0 >"$(cgroup_path "server-$server")/cgroup.freeze"
    done
    for server in "${SERVERS[@]}"; do
        if is_on "$server"; then
            heal_services "$server"
        else
            # A server on its way down or up is left to its supervisor.
            supervisor_lives "$server" || power_on "$server"
        fi
    done
    manager_heal
}

heal_network() {
    local port
    cut_clear
    for port in "${SERVERS[@]}" client; do
        port_set "$port" up
    done
}

heal_services() {
    local units
    units=$(units_of "$1")
    # shellcheck disable=SC2086 # a list of units
    enter "$1" bash -c 'rm -f /run/tetrarch-lab-broken
        if rm /run/systemd/system/*.d/hang.conf; then
            systemctl daemon-reload
            systemctl restart "$@"
        fi
        /usr/lib/tetrarch-lab/services-active "$@" || { systemctl reset-failed "$@"; systemctl start "$@"; }' \
        heal $units 2>/dev/null || true
}

fault_list() {
    local file
    for file in "$RUN"/fault/port-*; do
        [[ ! -e $file ]] || say "port ${file##*/port-} is down"
    done
    for file in "$RUN"/fault/dead-*; do
        [[ ! -e $file ]] || say "${file##*/dead-} is destroyed"
    done
    cut_list
}
