# What all parts of the lab share: names, places, the group, and how processes are found again.
# Sourced by `lab`.

# Everything of the lab that the machine can see carries this prefix (namespaces, cgroups), so
# that `clean` can find it and touches nothing else.
readonly PREFIX=tlab
readonly STATE=/var/lib/tetrarch-lab
readonly RUN=/run/tetrarch-lab
readonly SUITE=bookworm

# The group in ring order. Addresses and MAC addresses follow from the place in it.
readonly SERVERS=(mail web ftp proxy)
readonly NETWORK=10.77.0
readonly CLIENT_ADDRESS=$NETWORK.200
readonly SWITCH_ADDRESS=$NETWORK.254
readonly SWITCH_NETNS=$PREFIX-switch
readonly CLIENT_NETNS=$PREFIX-client

say() { printf '%s\n' "$*"; }
step() { printf '== %s\n' "$*"; }
warn() { printf 'lab: %s\n' "$*" >&2; }
die() {
    warn "$*"
    exit 1
}
# Wrong usage has an exit code of its own, as in other programs.
misuse() {
    warn "$*"
    exit 2
}

require_root() { [[ $EUID -eq 0 ]] || die "only root can do this"; }

# A server's place in the ring, from 1; ends the program when there is no such server.
index_of() {
    local i
    for i in "${!SERVERS[@]}"; do
        if [[ ${SERVERS[i]} == "$1" ]]; then
            printf '%d' "$((i + 1))"
            return
        fi
    done
    misuse "no server \"$1\"; there are: ${SERVERS[*]}"
}
require_server() { index_of "$1" >/dev/null; }

# The neighbours in the ring.
before() { printf '%s' "${SERVERS[($(index_of "$1") + ${#SERVERS[@]} - 2) % ${#SERVERS[@]}]}"; }
after() { printf '%s' "${SERVERS[$(index_of "$1") % ${#SERVERS[@]}]}"; }

address_of() { printf '%s.1%s' "$NETWORK" "$(index_of "$1")"; }
vip_of() { printf '%s.10%s' "$NETWORK" "$(index_of "$1")"; }
mac_of() { printf '02:7a:00:00:00:0%s' "$(index_of "$1")"; }
virtual_mac_of() { printf '02:7a:00:00:01:0%s' "$(index_of "$1")"; }
netns_of() { printf '%s-%s' "$PREFIX" "$1"; }

# The units that are a function's services.
units_of() {
    case $1 in
        mail) echo postfix@-.service dovecot.service ;;
        web) echo nginx.service ;;
        ftp) echo vsftpd.service ;;
        proxy) echo squid.service ;;
    esac
}
# The same for `systemctl enable`, to which postfix has another name, with what brings mail home.
enabled_units_of() {
    case $1 in
        mail) echo postfix.service dovecot.service rsync.service ;;
        *) units_of "$1" ;;
    esac
}

# Runs one command at a time on the lab, in a cgroup of its own: what it had just started when it was
# killed is found there. Whatever stays behind in the background must not hold the lock, so it is
# started with `9>&-`.
begin() {
    take_lock
    cgroup_join command
}

take_lock() {
    mkdir -p "$RUN"
    exec 9>"$RUN/lock"
    if ! flock -n 9; then
        # A dead process that nobody has buried yet has no program.
        if [[ -e /proc/$(cat "$RUN/holder" 2>/dev/null || echo none)/exe ]]; then
            warn "another lab command is at work; waiting for it"
        else
            # The command was killed, but what it had started still holds its lock.
            cgroup_kill command
        fi
        flock 9
    fi
    printf '%s\n' "$$" >"$RUN/holder"
}

# The control groups in which the lab's processes live: by them they are found again, whatever
# became of the program that started them. Machines with the old hierarchies need the same place in
# systemd's own, where nspawn looks for it.
cgroup_roots() {
    if [[ -e /sys/fs/cgroup/cgroup.procs ]]; then
        echo /sys/fs/cgroup
    else
        local root
        for root in unified systemd freezer; do
            [[ ! -d /sys/fs/cgroup/$root ]] || echo "/sys/fs/cgroup/$root"
        done
    fi
}
# The hierarchy that has cgroup.kill and cgroup.freeze.
cgroup_unified() { cgroup_roots | head -n 1; }
cgroup_path() { printf '%s/%s/%s' "$(cgroup_unified)" "$PREFIX" "$1"; }

# Moves this very process into the lab's cgroup NAME.
cgroup_join() {
    local root
    for root in $(cgroup_roots); do
        mkdir -p "$root/$PREFIX/$1"
        echo "$BASHPID" >"$root/$PREFIX/$1/cgroup.procs"
    done
}

cgroup_pids() {
    local path
    path=$(cgroup_path "$1")
    [[ ! -d $path ]] || find "$path" -name cgroup.procs -exec cat {} + 2>/dev/null
}

# The lab's cgroups that there are now.
cgroup_names() {
    local root
    for root in $(cgroup_roots); do
        [[ ! -d $root/$PREFIX ]] || find "$root/$PREFIX" -mindepth 1 -maxdepth 1 -type d -printf '%f\n'
    done | sort -u
}

# Kills everything in the lab's cgroup NAME at once and removes it. The freezer must be open, or the
# dead would stay.
cgroup_kill() {
    local path
    path=$(cgroup_path "$1")
    if [[ -d $path ]]; then
        echo 0 >"$path/cgroup.freeze"
        echo 1 >"$path/cgroup.kill"
    fi
    # The kernel lets go of a dead process's group a little after the process.
    wait_until 10 cgroup_remove "$1" || die "processes of $1 do not end: $(cgroup_pids "$1" | paste -sd ' ')"
}

cgroup_remove() {
    local root left=0
    for root in $(cgroup_roots); do
        [[ ! -d $root/$PREFIX/$1 ]] ||
            find "$root/$PREFIX/$1" -depth -type d -exec rmdir {} + 2>/dev/null || left=1
    done
    return "$left"
}

# wait_until SECONDS COMMAND...: polls until the command succeeds.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# The process that is number 1 inside a server, seen from here; nothing when it is off.
leader_of() {
    local pid
    for pid in $(cgroup_pids "server-$1"); do
        if grep -qsE '^NSpid:\s+[0-9]+\s+1$' "/proc/$pid/status"; then
            printf '%s' "$pid"
            return
        fi
    done
    return 1
}
is_on() { leader_of "$1" >/dev/null; }

# Becomes a command in a network namespace. `ip netns exec` would also hide the control groups, and
# what runs here may have to start servers.
exec_in() { exec nsenter --net="/run/netns/$1" -- "${@:2}"; }

# Runs a command inside a server, as its root.
enter() {
    local leader
    leader=$(leader_of "$1") || die "$1 is off"
    shift
    nsenter -t "$leader" -m -u -i -n -p -C -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "TERM=${TERM:-dumb}" "$@"
}
