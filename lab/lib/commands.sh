# The commands, as `usage.sh` explains them. Sourced by `lab`.

main() {
    local command=${1:-}
    shift || true
    case $command in
        # It only reads files.
        compare) program compare "$@" ;;
        build | up | down | clean | status | exec | power | virtual | probe | drill | mail | live | heal | footprint | \
            quick-start)
            if wants_help "$command" "$@"; then
                "usage_${command//-/_}"
                return
            fi
            require_root
            "command_${command//-/_}" "$@"
            ;;
        fault)
            [[ ${1:-} == --help || ${1:-} == -h ]] || require_root
            begin_unless_help "$@"
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
        exec | virtual | probe | drill | mail | live) [[ ${1:-} == --help || ${1:-} == -h ]] ;;
        *) [[ " $* " == *" --help "* || " $* " == *" -h "* ]] ;;
    esac
}

begin_unless_help() { [[ ${1:-} == --help || ${1:-} == -h ]] || begin; }

require_up() { [[ -e /run/netns/$SWITCH_NETNS ]] || die "the lab is down; \`lab up\` starts it"; }
require_built() { [[ -e $STATE/rootfs.stamp ]] || die "the lab is not built; \`lab build\` does it"; }

command_build() {
    local images=yes
    case ${1:-} in
        --no-images) images=no ;;
        "") ;;
        *) misuse "build does not know \"$1\"" ;;
    esac
    begin
    mkdir -p "$STATE"
    build_tools
    build_program
    # Running servers stand on the system that may be about to change.
    [[ ! -e /run/netns/$SWITCH_NETNS ]] || die "the lab is up; \`lab down\` first"
    build_rootfs
    [[ $images == no ]] || build_images
    step "Built; $(du -sh --apparent-size "$STATE" | cut -f 1) in $STATE"
}

command_up() {
    local manager=none program="" profile=guarded firmware_s="" keep=no
    while [[ $# -gt 0 ]]; do
        case $1 in
            --keep)
                keep=yes
                shift
                continue
                ;;
            --manager | --agent | --package | --profile | --firmware) [[ $# -ge 2 ]] || misuse "$1 takes a value" ;;
            *) misuse "up does not know \"$1\"" ;;
        esac
        case $1 in
            --manager) manager=$2 ;;
            --agent) program=$2 manager=agent ;;
            --package) program=$2 manager=package ;;
            --profile) profile=$2 ;;
            --firmware) firmware_s=$2 ;;
        esac
        shift 2
    done
    profile_load "$profile"
    firmware_s=${firmware_s:-$PROFILE_FIRMWARE_S}
    [[ $firmware_s =~ ^[0-9]+$ ]] || misuse "--firmware takes whole seconds, not \"$firmware_s\""
    manager_check "$manager" "$program"
    require_built
    program_path >/dev/null
    take_lock
    [[ ! -e /run/netns/$SWITCH_NETNS ]] || die "the lab is up already; \`lab down\` first"
    remove_all
    cgroup_join command
    if [[ $keep == yes ]]; then
        manager=$(cat "$STATE/manager" 2>/dev/null) || die "there are no disks to keep"
    else
        disks_make "$manager" "$program"
    fi
    switch_on_all "$manager" "$firmware_s"
    say "The lab is up (manager: $manager)."
}

disks_make() {
    local server
    rm -f "$STATE/manager"
    case $1 in
        agent) site_make "$2" ;;
        package) shared_make ;;
    esac
    for server in "${SERVERS[@]}"; do
        disk_make "$server"
        manager_install "$1" "$server" "$2"
    done
    printf '%s\n' "$1" >"$STATE/manager"
}

# switch_on_all MANAGER FIRMWARE_S: the switch, then all servers at once; waits for their services.
switch_on_all() {
    local server
    mkdir -p "$RUN" "$STATE/log"
    printf '%s\n' "$2" >"$RUN/firmware_s"
    printf '%s\n' "$PROFILE_RESTART_S" >"$RUN/restart_s"
    group_describe "$1" >"$RUN/group.toml"
    switch_up
    wake_listener_start
    for server in "${SERVERS[@]}"; do
        power_on "$server"
    done
    for server in "${SERVERS[@]}"; do
        wait_until $((60 + $2)) server_ready "$server" ||
            die "the services of $server do not start; see $(console_of "$server")"
    done
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

command_down() {
    [[ $# -eq 0 ]] || misuse "down takes nothing"
    take_lock
    remove_all
}

# Finds what is the lab's by its names alone, not by what was noted down: a killed command has
# noted nothing.
remove_all() {
    local path name mount
    # Whoever starts others first, or they would start again what is stopped.
    for name in command wake $(printf 'supervisor-%s ' "${SERVERS[@]}"); do
        cgroup_kill "$name"
    done
    for name in $(cgroup_names); do
        cgroup_kill "$name"
    done
    for path in $(cgroup_roots); do
        [[ ! -d $path/$PREFIX ]] || rmdir "$path/$PREFIX"
    done
    while read -r mount; do
        umount "$mount"
    done < <(findmnt --noheadings --list --output TARGET | grep -E "^($STATE|$RUN)/" | sort -r)
    for name in $(ip netns list | awk -v prefix="$PREFIX-" 'index($1, prefix) == 1 { print $1 }'); do
        ip netns del "$name"
    done
    # What nspawn leaves behind when it is killed.
    find /run/systemd/nspawn/propagate -mindepth 1 -maxdepth 1 -name "$PREFIX-*" -exec rmdir {} + 2>/dev/null || true
    # The lock that this command holds stays.
    find "$RUN" -mindepth 1 -maxdepth 1 ! -name lock ! -name holder -exec rm -rf {} +
}

command_clean() {
    [[ $# -eq 0 ]] || misuse "clean takes nothing"
    take_lock
    remove_all
    rm -rf "$STATE" "$RUN"
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
            # shellcheck disable=SC2046 # a list of units
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

command_power() {
    [[ $# -eq 2 ]] || misuse "power takes an action and a server"
    require_server "$2"
    begin
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

command_virtual() {
    [[ $# -ge 3 ]] || misuse "virtual takes a host, an action and a function"
    require_server "$1"
    require_server "$3"
    require_up
    enter "$1" /usr/lib/tetrarch-lab/virtual-server "${@:2}"
}

command_heal() {
    [[ $# -eq 0 ]] || misuse "heal takes nothing"
    begin
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

usage_mail() { program mail --help; }
command_mail() {
    require_up
    exec_in "$CLIENT_NETNS" "$(program_path)" mail --lab "$LAB" "$@"
}

usage_live() { program live --help; }
command_live() {
    require_up
    exec_in "$CLIENT_NETNS" "$(program_path)" live --lab "$LAB" "$@"
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
