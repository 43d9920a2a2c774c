# The page for a first group, carried out on the lab's servers. Sourced by `lab`.

readonly QUICK_START=$LAB_DIR/../docs/quick-start.md

# How long the servers may take to find each other, and to let go of their addresses.
readonly QUICK_START_S_MAX=60

command_quick_start() {
    [[ $# -eq 1 ]] || misuse "quick-start takes the Debian package"
    local admin package
    package=$(readlink -f "$1")
    command_up --package "$package"
    admin=$RUN/admin
    mkdir -p "$admin"
    # The administrator has the program too.
    dpkg-deb --extract "$package" "$admin/system"
    quick_start_read "$admin"
    quick_start_run "$admin"
    quick_start_ended
    say "The quick start works, word for word."
}

# quick_start_read FOLDER: the group file and the commands of the page, a file for each block, and beside it a
# file with the place where it is run.
quick_start_read() {
    mkdir -p "$1/blocks"
    awk -v folder="$1" '
        /^```/ && inside { inside = 0; close(file); next }
        /^```toml$/ { file = folder "/group.toml"; inside = 1; next }
        /^```sh$/ && place != "" {
            file = sprintf("%s/blocks/%02d", folder, ++count)
            print place >(file ".place")
            inside = 1
            place = ""
            next
        }
        /^<!-- run on: .* -->$/ { place = $0; gsub(/^<!-- run on: | -->$/, "", place) }
        inside { print >file }
    ' "$QUICK_START"
    [[ -s $1/group.toml && -s $1/blocks/01 ]] || die "$QUICK_START has no group file or no commands"
}

quick_start_run() {
    local admin=$1 block place server
    for block in "$admin"/blocks/??; do
        place=$(cat "$block.place")
        case $place in
            admin)
                quick_start_show "$place" "$block"
                (cd "$admin" && env "PATH=$LAB_DIR/files/admin:$admin/system/usr/bin:$PATH" "LAB=$LAB" \
                    bash -euo pipefail "$block")
                ;;
            "every server")
                for server in "${SERVERS[@]}"; do
                    quick_start_enter "$server" "$block"
                done
                quick_start_wait
                ;;
            *)
                require_server "$place"
                quick_start_enter "$place" "$block"
                ;;
        esac
    done
}

quick_start_show() { sed "s/^/$1\$ /" "$2"; }

quick_start_enter() {
    quick_start_show "$1" "$2"
    enter "$1" bash -euo pipefail -c "$(cat "$2")"
}

# The page says that the servers find each other within seconds.
quick_start_wait() {
    local first=${SERVERS[0]}
    if ! wait_until "$QUICK_START_S_MAX" quick_start_well "$first"; then
        enter "$first" tetrarch status || true
        die "the servers do not find each other"
    fi
}
quick_start_well() { enter "$1" tetrarch status --all-well >/dev/null 2>&1; }

# The page ends with the end of managing: no server has the address of a function any more.
quick_start_ended() {
    wait_until "$QUICK_START_S_MAX" quick_start_let_go || die "an address is still held"
}
quick_start_let_go() {
    local server
    for server in "${SERVERS[@]}"; do
        [[ " $(addresses_of "$server") " != *" $(vip_of "$server")/"* ]] || return 1
    done
}
