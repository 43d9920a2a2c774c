# Who cares for the addresses. Sourced by `lab`.

readonly MANAGERS=(none k1 k2 p1 p3 agent package)

# manager_check MANAGER FILE: ends the program when there is no such manager, or its program or package
# is not there.
manager_check() {
    [[ " ${MANAGERS[*]} " == *" $1 "* ]] || misuse "no manager \"$1\"; there are: ${MANAGERS[*]}"
    case $1 in
        agent) [[ -f $2 && -x $2 ]] || misuse "--agent takes the program tetrarch" ;;
        package) [[ -f $2 && $2 == *.deb ]] || misuse "--package takes the Debian package of tetrarch" ;;
    esac
}

# manager_install MANAGER SERVER FILE: on the server's disk, before it is switched on. The file is the agent's
# program or package.
manager_install() {
    local root
    root=$(server_dir "$2")/root
    case $1 in
        none) systemctl --quiet --root="$root" enable lab-address.service ;;
        k1 | k2) install_keepalived "$1" "$2" "$root" ;;
        p1 | p3) install_pacemaker "$1" "$2" "$root" ;;
        agent) install_agent "$2" "$root" "$3" ;;
        package) install_package "$root" "$3" ;;
    esac
}

# What the administrator of a manager does after a failure. Pacemaker remembers it, and leaves a function where it
# went, until it is told to forget.
manager_heal() {
    local server
    case $(cat "$STATE/manager") in
        p1 | p3)
            for server in "${SERVERS[@]}"; do
                ! is_on "$server" || ! enter "$server" crm_resource --cleanup >/dev/null 2>&1 || return 0
            done
            ;;
    esac
}
