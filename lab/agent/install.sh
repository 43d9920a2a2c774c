# Tetrarch's own agent as the manager. Sourced by lib/manager.sh.

# install_agent SERVER ROOT PROGRAM SITE: the same site file in each server, with @NAME@ for its own
# name, and the unit that starts the agent.
install_agent() {
    local server=$1 root=$2 program=$3 site=$4
    install -D -m 755 "$program" "$root/usr/bin/tetrarch"
    install -D -m 644 "$LAB_DIR/agent/tetrarch.service" "$root/etc/systemd/system/tetrarch.service"
    mkdir -p "$root/etc/tetrarch"
    sed "s/@NAME@/$server/g" "$site" >"$root/etc/tetrarch/site.toml"
    systemctl --quiet --root="$root" enable tetrarch.service
}
