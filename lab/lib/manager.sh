# Who cares for the addresses. Sourced by `lab`.

readonly MANAGERS=(none k1 k2 p1 p3 agent)

# manager_check MANAGER PROGRAM: ends the program when there is no such manager, or the agent
# lacks something.
manager_check() {
    [[ " ${MANAGERS[*]} " == *" $1 "* ]] || misuse "no manager \"$1\"; there are: ${MANAGERS[*]}"
    if [[ $1 == agent ]]; then
        [[ -f $2 && -x $2 ]] || misuse "--agent takes the program tetrarch"
    fi
}

# manager_install MANAGER SERVER PROGRAM: on the server's disk, before it is switched on. The program
# is the agent's.
manager_install() {
    local root
    root=$(server_dir "$2")/root
    case $1 in
        none) systemctl --quiet --root="$root" enable lab-address.service ;;
        k1 | k2) install_keepalived "$1" "$2" "$root" ;;
        p1 | p3) install_pacemaker "$1" "$2" "$root" ;;
        agent) install_agent "$2" "$root" "$3" ;;
    esac
}
