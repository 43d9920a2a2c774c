# One server's life: its disk, its power, its supervisor. Sourced by `lab`.

server_dir() { printf '%s/servers/%s' "$STATE" "$1"; }
console_of() { printf '%s/log/%s.console' "$STATE" "$1"; }

# A fresh disk over the common one: who it is, and which services it offers.
disk_make() {
    local name=$1 dir index
    dir=$(server_dir "$name")
    index=$(index_of "$name")
    rm -rf "$dir"
    mkdir -p "$dir/upper" "$dir/work" "$dir/root"
    disk_mount "$name"
    mkdir -p "$dir/root/etc/tetrarch-lab" "$dir/root/srv/shared"
    cat >"$dir/root/etc/tetrarch-lab/identity" <<IDENTITY
LAB_NAME=$name
LAB_FUNCTION=$name
LAB_ADDRESS=$(address_of "$name")/24
LAB_VIP=$(vip_of "$name")
LAB_BRIDGE=yes
IDENTITY
    printf '%s\n' "$name" >"$dir/root/etc/hostname"
    printf '7e7a0000000000000000000000000%03d\n' "$index" >"$dir/root/etc/machine-id"
    # shellcheck disable=SC2046 # a list of units
    systemctl --quiet --root="$dir/root" enable $(enabled_units_of "$name")
}

disk_mount() {
    local dir
    dir=$(server_dir "$1")
    mountpoint -q "$dir/root" ||
        mount -t overlay "$PREFIX-$1" "$dir/root" \
            -o "lowerdir=$STATE/rootfs,upperdir=$dir/upper,workdir=$dir/work"
}

# Switches a server on. Its supervisor is a program of its own, in a session of its own, that
# starts the server again when it reboots.
power_on() {
    local name=$1
    if supervisor_lives "$name"; then
        say "$name is on"
        return
    fi
    if [[ -e $RUN/fault/dead-$name ]]; then
        say "$name is destroyed"
        return
    fi
    disk_mount "$name"
    mkdir -p "$RUN/power" "$STATE/log"
    setsid "$LAB" __supervise "$name" </dev/null >>"$STATE/log/$name.supervisor" 2>&1 9>&- &
    wait_until 5 supervisor_lives "$name" || die "the supervisor of $name does not start"
}

# The supervisor's number may meanwhile be another program's; its cgroup says whether it is ours.
supervisor_lives() { [[ -n $(cgroup_pids "supervisor-$1") ]]; }

# What a server's firmware and power supply do. Runs until the server is switched off.
supervise() {
    local name=$1 code
    cgroup_join "supervisor-$name"
    while true; do
        sleep "$(cat "$RUN/firmware_s")"
        plug "$name" "$(netns_of "$name")" "$(mac_of "$name")"
        code=0
        boot "$name" || code=$?
        unplug "$name" "$(netns_of "$name")"
        # nspawn's word for a reboot is 133; for a clean power-off it is 0.
        [[ $code -eq 133 ]] || break
        sleep "$(cat "$RUN/restart_s")"
    done
    printf '%(%F %T)T %s is off (%d)\n' -1 "$name" "$code"
}

boot() {
    local name=$1 dir
    dir=$(server_dir "$name")
    (
        cgroup_join "server-$name"
        exec setsid systemd-nspawn -q --register=no --keep-unit \
            --network-namespace-path="/run/netns/$(netns_of "$name")" \
            --capability=CAP_NET_ADMIN,CAP_NET_RAW,CAP_IPC_LOCK,CAP_SYS_NICE \
            --kill-signal=SIGRTMIN+3 --resolv-conf=off --timezone=off --console=pipe \
            --bind="$STATE/shared:/srv/shared" \
            --machine="$PREFIX-$name" --hostname="$name" -b -D "$dir/root" \
            </dev/null >>"$(console_of "$name")" 2>&1
    )
}

# A clean shutdown (poweroff) or restart (reboot), as its administrator or its power button begins it:
# through logind, which announces it to who wants to know.
press() { enter "$1" systemctl --no-block "$2"; }

# Pulls the power cable: nobody sees the server from the first moment on, then everything in it dies
# at once. SIGKILL to nspawn alone would leave the server's processes running.
power_cut() {
    ip -n "$SWITCH_NETNS" link del "$1" 2>/dev/null || true
    # The supervisor must not take the death of its server for a reboot; it goes too.
    cgroup_kill "supervisor-$1"
    cgroup_kill "server-$1"
    unplug "$1" "$(netns_of "$1")"
}

# Whether a server's own services run: what `up` and `heal` wait for.
server_ready() {
    local units
    units=$(units_of "$1")
    # shellcheck disable=SC2086 # a list of units
    is_on "$1" && enter "$1" /usr/lib/tetrarch-lab/services-active $units 2>/dev/null
}

is_paused() { [[ $(cat "$(cgroup_path "server-$1")/cgroup.freeze" 2>/dev/null) == 1 ]]; }
