# The commands, and what each says of itself. Sourced by `lab`.

usage() {
    cat <<'USAGE'
usage: lab COMMAND ...

A management group of real servers on this machine: mail, web, ftp and proxy, each a container with
a system of its own, a virtual server for each, a switch between them, and a client. Only root.

  build              makes what the servers consist of (once; 5 minutes)
  up                 switches the group on (5 s)
  status             what is on, who holds which address, what is broken
  exec SERVER CMD    runs a command inside a server
  fault KIND ...     breaks something
  heal               mends everything that was broken
  power on|off|press|reset SERVER
                     the server's switch
  virtual ...        a function's virtual server, by hand
  probe ...          watches the functions as a client sees them
  drill ...          breaks, watches and mends in turn, and writes down the outages
  down               switches everything off and removes it from the kernel; disks stay
  clean              removes the disks as well: no trace is left but the packages installed

Each command explains itself with --help. Nothing outside of /var/lib/tetrarch-lab,
/run/tetrarch-lab and network namespaces and control groups named tlab* is touched.
USAGE
}

main() {
    local command=${1:-}
    shift || true
    case $command in
        build | up | down | clean | status | exec | power | virtual | probe | drill | heal)
            if wants_help "$command" "$@"; then
                "usage_$command"
                return
            fi
            require_root
            "command_$command" "$@"
            ;;
        fault)
            [[ ${1:-} == --help || ${1:-} == -h ]] || require_root
            take_lock_unless_help "$@"
            fault "$@"
            ;;
        # What a supervisor runs; not for people.
        __supervise) supervise "$@" ;;
        --help | -h | help) usage ;;
        "")
            usage >&2
            exit 2
            ;;
        *) misuse "no command \"$command\"; \`lab --help\` lists them" ;;
    esac
}

# `exec` and the programs behind `probe` and `drill` have a --help of their own further on.
wants_help() {
    local command=$1
    shift
    case $command in
        exec | virtual | probe | drill) [[ ${1:-} == --help || ${1:-} == -h ]] ;;
        *) [[ " $* " == *" --help "* || " $* " == *" -h "* ]] ;;
    esac
}

take_lock_unless_help() { [[ ${1:-} == --help || ${1:-} == -h ]] || take_lock; }

require_up() { [[ -e /run/netns/$SWITCH_NETNS ]] || die "the lab is down; \`lab up\` starts it"; }
require_built() { [[ -e $STATE/rootfs.stamp ]] || die "the lab is not built; \`lab build\` does it"; }

usage_build() {
    cat <<'USAGE'
usage: lab build [--no-images]

Makes what the servers consist of, in /var/lib/tetrarch-lab: a Debian system with all their
programs, the disk of the virtual servers, and one suspended virtual server for each function. What
is up to date is kept, so it can be run again at any time.

  --no-images    without virtual servers: two minutes less

Needs cargo and about 4 GB of disk, fetches about 300 MB from Debian, and installs mmdebstrap,
systemd-container and nftables on this machine if they are missing.
USAGE
}
command_build() {
    local images=yes
    case ${1:-} in
        --no-images) images=no ;;
        "") ;;
        *) misuse "build does not know \"$1\"" ;;
    esac
    take_lock
    mkdir -p "$STATE"
    build_tools
    build_program
    # Running servers stand on the system that is about to change.
    [[ $(cat "$STATE/rootfs.stamp" 2>/dev/null) == "$(stamp_of_rootfs)" ]] || remove_all
    build_rootfs
    [[ $images == no ]] || build_images
    step "Built; $(du -sh --apparent-size "$STATE" | cut -f 1) in $STATE"
}

usage_up() {
    cat <<'USAGE'
usage: lab up [--manager NAME] [--agent FILE] [--firmware SECONDS] [--keep]

Switches the group on and returns when all services run.

  --manager NAME      who cares for the addresses: none (each server holds its own, the default),
                      k1 or k2 (keepalived with its defaults, with VRRPv3 at 0.1 s), p1 or p3
                      (pacemaker with its defaults, tuned), agent
  --agent FILE        the program tetrarch; implies --manager agent. It is put into each server as
                      /usr/bin/tetrarch and its service is started
  --firmware SECONDS  what a server's firmware takes at a restart and at power-on; default 0
  --keep              with the disks of the last time; without it they are made anew
USAGE
}
command_up() {
    local manager=none agent="" firmware_s=0 keep=no server
    while [[ $# -gt 0 ]]; do
        case $1 in
            --manager) manager=${2:?} && shift 2 ;;
            --agent) agent=$(readlink -f "${2:?}") manager=agent && shift 2 ;;
            --firmware) firmware_s=${2:?} && shift 2 ;;
            --keep) keep=yes && shift ;;
            *) misuse "up does not know \"$1\"" ;;
        esac
    done
    [[ $firmware_s =~ ^[0-9]+$ ]] || misuse "--firmware takes whole seconds, not \"$firmware_s\""
    [[ $manager != agent || -x $agent ]] || misuse "--agent takes the program tetrarch"
    manager_exists "$manager" || misuse "no manager \"$manager\"; there are: none k1 k2 p1 p3 agent"
    require_built
    take_lock
    [[ ! -e /run/netns/$SWITCH_NETNS ]] || die "the lab is up already; \`lab down\` first"
    remove_all
    mkdir -p "$RUN" "$STATE/log"
    printf '%s\n' "$firmware_s" >"$RUN/firmware_s"
    group_describe "$manager" >"$RUN/group.toml"
    switch_up
    wake_listener_start
    for server in "${SERVERS[@]}"; do
        if [[ $keep == no || ! -d $(server_dir "$server")/upper ]]; then
            disk_make "$server"
            manager_install "$manager" "$server" "$agent"
        fi
        power_on "$server"
    done
    for server in "${SERVERS[@]}"; do
        wait_until 60 server_ready "$server" || die "the services of $server do not start; see $(console_of "$server")"
    done
    say "The lab is up (manager: $manager)."
}

# The group as the probes need it.
group_describe() {
    local server
    printf 'manager = "%s"\nclient = "%s"\n' "$1" "$CLIENT_ADDRESS"
    for server in "${SERVERS[@]}"; do
        printf '\n[[server]]\nname = "%s"\nvip = "%s"\nmac = "%s"\nvirtual_mac = "%s"\n' \
            "$server" "$(vip_of "$server")" "$(mac_of "$server")" "$(virtual_mac_of "$server")"
    done
}

usage_down() {
    cat <<'USAGE'
usage: lab down

Switches everything off at once and removes it from the kernel: processes, mounts, namespaces,
control groups. Works also when an earlier command was killed half-way. The disks stay, for
`lab up --keep` and for their logs.
USAGE
}
command_down() {
    [[ $# -eq 0 ]] || misuse "down takes nothing"
    take_lock
    remove_all
}

# Finds what is the lab's by its names alone, not by what was noted down: a killed command has
# noted nothing.
remove_all() {
    local path name mount
    # Supervisors first, or they would start again what is stopped.
    while read -r path; do
        name=${path##*/}
        cgroup_kill "$name"
    done < <(find "$(cgroup_unified)/$PREFIX" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sort -r)
    for path in $(cgroup_roots); do
        [[ ! -d $path/$PREFIX ]] || rmdir "$path/$PREFIX"
    done
    while read -r mount; do
        umount "$mount"
    done < <(findmnt --noheadings --list --output TARGET | grep -E "^($STATE|$RUN)/" | sort -r)
    for name in $(ip netns list | awk -v prefix="$PREFIX-" 'index($1, prefix) == 1 { print $1 }'); do
        ip netns del "$name"
    done
    # The lock that this command holds stays.
    find "$RUN" -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf {} +
}

usage_clean() {
    cat <<'USAGE'
usage: lab clean

`down`, and then removes /var/lib/tetrarch-lab and /run/tetrarch-lab. Packages that `build` has
installed on this machine stay.
USAGE
}
command_clean() {
    [[ $# -eq 0 ]] || misuse "clean takes nothing"
    take_lock
    remove_all
    rm -rf "$STATE" "$RUN"
}

usage_status() {
    cat <<'USAGE'
usage: lab status

One line for each server (power, services, addresses), then what is broken now.
USAGE
}
command_status() {
    local server power services
    [[ $# -eq 0 ]] || misuse "status takes nothing"
    if [[ ! -e /run/netns/$SWITCH_NETNS ]]; then
        say "The lab is down."
        return
    fi
    grep '^manager' "$RUN/group.toml"
    for server in "${SERVERS[@]}"; do
        power=off services=-
        if is_paused "$server"; then
            power=paused
        elif is_on "$server"; then
            power=on
            services=$(enter "$server" systemctl is-active $(units_of "$server") 2>/dev/null | sort -u | paste -sd, || true)
        fi
        printf '%-6s %-6s %-16s %s\n' "$server" "$power" "$services" "$(addresses_of "$server")"
    done
    fault_list
}
addresses_of() {
    ip -n "$(netns_of "$1")" -4 -brief address show 2>/dev/null |
        awk '$1 != "lo" { for (i = 3; i <= NF; i++) printf "%s ", $i }' || true
}

usage_exec() {
    cat <<'USAGE'
usage: lab exec SERVER|client|switch COMMAND [ARGUMENT...]

Runs a command inside a server, or in the network of the client or the switch.

Examples:
  lab exec web systemctl status nginx
  lab exec client ping -c 3 10.77.0.102
  lab exec switch tcpdump -n -i br0 arp
USAGE
}
command_exec() {
    [[ $# -ge 2 ]] || misuse "exec takes a server and a command"
    require_up
    case $1 in
        client | switch) exec_in "$PREFIX-$1" "${@:2}" ;;
        *)
            require_server "$1"
            enter "$@"
            ;;
    esac
}

usage_power() {
    cat <<'USAGE'
usage: lab power on|off|press|reset SERVER

  on       switches the server on; this is also what a Wake-on-LAN packet does
  off      takes its power away (the same as `lab fault powercut`)
  press    a short press of its power button: a clean shutdown
  reset    takes its power away and switches it on again
USAGE
}
command_power() {
    [[ $# -eq 2 ]] || misuse "power takes an action and a server"
    require_server "$2"
    take_lock
    require_up
    case $1 in
        on) power_on "$2" ;;
        off) power_cut "$2" ;;
        press) press "$2" poweroff ;;
        reset)
            power_cut "$2"
            power_on "$2"
            ;;
        *) misuse "power does not know \"$1\"" ;;
    esac
}

usage_virtual() {
    cat <<'USAGE'
usage: lab virtual HOST resume|start|suspend|status FUNCTION
       lab virtual HOST address FUNCTION add|del
       lab virtual HOST run FUNCTION COMMAND...

Handles the virtual server of a function on a host, as the host's own management would.

Example, by hand what a manager does when web is lost:
  lab fault powercut web
  lab virtual mail resume web
  lab virtual mail address web add
USAGE
}
command_virtual() {
    [[ $# -ge 3 ]] || misuse "virtual takes a host, an action and a function"
    require_server "$1"
    require_server "$3"
    require_up
    enter "$1" /usr/lib/tetrarch-lab/virtual-server "${@:2}"
}

usage_heal() {
    cat <<'USAGE'
usage: lab heal

Mends everything: ports up, cuts gone, paused servers run, broken services start, servers that are
off are switched on.
USAGE
}
command_heal() {
    [[ $# -eq 0 ]] || misuse "heal takes nothing"
    take_lock
    require_up
    heal
}

usage_probe() { program probe --help; }
command_probe() {
    require_up
    exec_in "$CLIENT_NETNS" "$(program_path)" probe "$@"
}

usage_drill() { program drill --help; }
command_drill() {
    require_up
    exec_in "$CLIENT_NETNS" "$(program_path)" drill --lab "$LAB" "$@"
}

# The program that speaks the protocols; `build` makes it.
program_path() {
    local path=${TETRARCH_LAB_PROGRAM:-$LAB_DIR/../target/release/tetrarch-lab}
    [[ -x $path ]] || die "no program $path; \`lab build\` makes it"
    readlink -f "$path"
}
program() { "$(program_path)" "$@"; }

# Waits for Wake-on-LAN packets at the switch; a server's power-on is the start command again.
wake_listener_start() {
    (
        cgroup_join wake
        exec_in "$SWITCH_NETNS" setsid "$(program_path)" wake -- "$LAB" power on </dev/null >>"$STATE/log/wake" 2>&1 9>&-
    ) &
}
