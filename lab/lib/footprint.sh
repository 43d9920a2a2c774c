# What an agent costs its server. Sourced by `lab`.
#
# Servers without a system of their own: a namespace with a cable, a web server and an agent. So there may be
# many of them, in groups of four, on one switch.

readonly CROWD=$PREFIX-crowd
# The first two numbers of all addresses; the third is the group, the fourth the server's place or its VIP's.
readonly CROWD_NETWORK=10.78
readonly CROWD_GROUP=4

usage_footprint() {
    cat <<'USAGE'
usage: lab footprint --agent PROGRAM [--servers N] [--interval SPAN] [--for SECONDS]

Starts agents in groups of four, each in a network namespace with a web server, waits until each serves its own
address, and prints what an agent and its guards cost their server: memory, processor, traffic. The rest of the
lab is not needed, and must be down.

  --agent PROGRAM    the program tetrarch
  --servers N        how many, a multiple of 4 (4)
  --interval SPAN    between two monitoring cycles (10s, the paper's)
  --for SECONDS      for how long is measured (60)

Needs nginx on this machine.
USAGE
}

command_footprint() {
    local agent="" servers=4 interval=10s for_s=60
    while [[ $# -gt 0 ]]; do
        [[ $# -ge 2 ]] || misuse "$1 takes a value"
        case $1 in
            --agent) agent=$2 ;;
            --servers) servers=$2 ;;
            --interval) interval=$2 ;;
            --for) for_s=$2 ;;
            *) misuse "footprint does not know \"$1\"" ;;
        esac
        shift 2
    done
    [[ -f $agent && -x $agent ]] || misuse "--agent takes the program tetrarch"
    [[ $servers =~ ^[0-9]+$ && $for_s =~ ^[1-9][0-9]*$ ]] || misuse "--servers and --for take whole numbers"
    ((servers > 0 && servers <= 1000 && servers % CROWD_GROUP == 0)) ||
        misuse "--servers takes a multiple of $CROWD_GROUP up to 1000, not $servers"
    command -v nginx >/dev/null || die "there is no nginx"
    take_lock
    [[ ! -e /run/netns/$SWITCH_NETNS ]] || die "the lab is up; \`lab down\` first"
    remove_all
    trap remove_all EXIT
    crowd_start "$(readlink -f "$agent")" "$servers" "$interval"
    wait_until 120 crowd_serves "$servers" || {
        tail -n 3 "$RUN"/crowd/log-* >&2
        die "not every server serves"
    }
    crowd_measure "$servers" "$for_s"
}

crowd_netns() { printf '%s-%d' "$CROWD" "$1"; }
# crowd_address N [VIP]: the address of server N, or its VIP.
crowd_address() { printf '%s.%d.%d' "$CROWD_NETWORK" $((($1 - 1) / CROWD_GROUP + 1)) $(((${2:-0}) + ($1 - 1) % CROWD_GROUP + 1)); }

crowd_start() {
    local agent=$1 servers=$2 n
    mkdir -p "$RUN/crowd"
    printf '#!/bin/sh\nexit 0\n' >"$RUN/crowd/parts"
    chmod 755 "$RUN/crowd/parts"
    ip netns add "$CROWD"
    ip -n "$CROWD" link add br0 type bridge stp_state 0 forward_delay 0
    ip -n "$CROWD" link set br0 up
    for ((n = 1; n <= servers; n += CROWD_GROUP)); do
        crowd_site "$agent" "$n"
    done
    for ((n = 1; n <= servers; n++)); do
        crowd_server "$n" "$3"
        crowd_run "$n" nginx -c "$RUN/crowd/nginx-$n.conf"
        crowd_run "$n" "$agent" agent --site "$(crowd_folder "$n")/site.toml"
    done
}

crowd_folder() { printf '%s/crowd/group%d/s%d' "$RUN" $((($1 - 1) / CROWD_GROUP + 1)) "$1"; }

# The servers of the group of server N.
crowd_group_of() {
    local first=$((($1 - 1) / CROWD_GROUP * CROWD_GROUP + 1))
    seq "$first" $((first + CROWD_GROUP - 1))
}

# crowd_site AGENT FIRST: the settings of one group.
crowd_site() {
    local n file=$RUN/crowd/group.toml
    for n in $(crowd_group_of "$2"); do
        printf '[[server]]\nhost = "s%d"\nvip = "%s"\naddress = "%s"\nmac = "02:7a:00:01:%02x:%02x"\n' \
            "$n" "$(crowd_address "$n" 100)" "$(crowd_address "$n")" $((n / 256)) $((n % 256))
        printf 'services = ["nginx"]\nvirtual_name = "s%db"\nvirtual_server = "%s"\n\n' \
            "$n" "$(crowd_address "$n" 200)"
    done >"$file"
    "$1" --quiet init "$file" --program "$RUN/crowd/parts" --out "$(dirname "$(crowd_folder "$2")")"
}

# crowd_server N INTERVAL: its cable, its settings' places on this machine, and its web server's settings.
crowd_server() {
    local netns folder
    netns=$(crowd_netns "$1")
    folder=$(crowd_folder "$1")
    ip netns add "$netns"
    ip -n "$CROWD" link add "p$1" type veth peer name eth0 netns "$netns"
    ip -n "$CROWD" link set "p$1" master br0 up
    ip -n "$netns" link set lo up
    ip -n "$netns" link set eth0 up
    ip -n "$netns" address add "$(crowd_address "$1")/16" dev eth0
    mkdir -p "$folder/state"
    : >"$folder/state/managed"
    cat >>"$folder/site.toml" <<SETTINGS
by_program = ["services", "power", "virtual-servers"]

[network]
interface = "eth0"

[folders]
shared = "$(dirname "$folder")/shared"
state = "$folder/state"
run = "$folder/run"

[tls]
authorities = "$folder/tls/authorities.pem"
certificate = "$folder/tls/server.pem"
key = "$folder/tls/server.key"

[timing]
inter_monitoring = "$2"
SETTINGS
    crowd_group_of "$1" | while read -r n; do
        printf '\n[services.s%d]\nnginx = { examine = "http://" }\n' "$n"
    done >>"$folder/site.toml"
    cat >"$RUN/crowd/nginx-$1.conf" <<NGINX
daemon off;
master_process off;
pid $RUN/crowd/nginx-$1.pid;
error_log $RUN/crowd/nginx-$1.log;
events { worker_connections 64; }
http {
    access_log off;
    server { listen 80; return 200 "s$1\n"; }
}
NGINX
}

# crowd_run N COMMAND...: in the network of server N, found again by its control group.
crowd_run() {
    local n=$1
    shift
    (
        cgroup_join "crowd-$n"
        exec_in "$(crowd_netns "$n")" "$@" </dev/null >>"$RUN/crowd/log-$n" 2>&1 9>&-
    ) &
    # It is killed in the end, and nobody wants to read that.
    disown
}

# crowd_serves SERVERS: whether each holds its own address.
crowd_serves() {
    local n
    for ((n = 1; n <= $1; n++)); do
        ip -n "$(crowd_netns "$n")" -4 address show dev eth0 | grep -q " $(crowd_address "$n" 100)/" || return 1
    done
}

# The agent and its guards on server N.
crowd_agents() {
    local pid
    for pid in $(cgroup_pids "crowd-$1"); do
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) != tetrarch ]] || echo "$pid"
    done
}

# crowd_reading N: nanoseconds of processor time and bytes sent and received by server N so far.
crowd_reading() {
    local pid ns=0 pids
    pids=$(crowd_agents "$1")
    for pid in $pids; do
        ns=$((ns + $(cat "/proc/$pid"/task/*/schedstat | awk '{ sum += $1 } END { printf "%d", sum }')))
    done
    printf '%s %s\n' "$ns" "$(awk '$1 == "eth0:" { print $2 + $10 }' "/proc/${pids%%$'\n'*}/net/dev")"
}

# crowd_memory N: kilobytes in memory: the agent's, its guards', and of both together with each page that they
# share counted once.
crowd_memory() {
    local pid
    for pid in $(crowd_agents "$1"); do
        printf '%s %s\n' "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d ' ' -f 2)" \
            "$(awk '$1 == "Rss:" { rss = $2 } $1 ~ /^Private/ { own += $2 } END { print rss, own }' "/proc/$pid/smaps_rollup")"
    done | awk '
        $1 == "agent" { agent += $2; shared = $2 - $3 }
        $1 != "agent" { guards += $2 }
        { own += $3 }
        END { print agent, guards + 0, own + shared }'
}

# crowd_measure SERVERS SECONDS
crowd_measure() {
    local n
    local -a before
    # What is done once, at the start, is no cost of managing.
    sleep 15
    for ((n = 1; n <= $1; n++)); do
        before[n]=$(crowd_reading "$n")
    done
    sleep "$2"
    for ((n = 1; n <= $1; n++)); do
        printf '%s %s %s\n' "${before[n]}" "$(crowd_reading "$n")" "$(crowd_memory "$n")"
    done | awk -v s="$2" '
        {
            cpu = ($3 - $1) / 1e7 / s; bytes = ($4 - $2) / s
            cpus += cpu; all += bytes; agents += $5; guards += $6; both += $7
            if (cpu > cpu_max) cpu_max = cpu
            if (bytes > bytes_max) bytes_max = bytes
            if ($5 > agent_max) agent_max = $5
            if ($6 > guard_max) guard_max = $6
            if ($7 > both_max) both_max = $7
        }
        END {
            printf "%d servers, %d s       mean      largest\n", NR, s
            printf "agent, resident   %8.1f     %8.1f  MiB\n", agents / NR / 1024, agent_max / 1024
            printf "guards, resident  %8.1f     %8.1f  MiB\n", guards / NR / 1024, guard_max / 1024
            printf "both, in memory   %8.1f     %8.1f  MiB\n", both / NR / 1024, both_max / 1024
            printf "processor         %8.3f     %8.3f  %% of a core\n", cpus / NR, cpu_max
            printf "traffic           %8.0f     %8.0f  bytes/s, sent and received\n", all / NR, bytes_max
        }'
}
