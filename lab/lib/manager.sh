# Who cares for the addresses. Sourced by `lab`.

manager_exists() { [[ " none k1 k2 p1 p3 agent " == *" $1 "* ]]; }

# manager_install MANAGER SERVER AGENT: on the server's disk, before it is switched on.
manager_install() {
    local root
    root=$(server_dir "$2")/root
    case $1 in
        none) systemctl --quiet --root="$root" enable lab-address.service ;;
        k1 | k2) . "$LAB_DIR/peers/keepalived/install.sh" && install_keepalived "$1" "$2" "$root" ;;
        p1 | p3) . "$LAB_DIR/peers/pacemaker/install.sh" && install_pacemaker "$1" "$2" "$root" ;;
        agent) install_agent "$2" "$root" "$3" ;;
    esac
}
