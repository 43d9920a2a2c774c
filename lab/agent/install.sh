# Tetrarch's own agent as the manager. Sourced by `lab`.

# The site is made new with the disks: keys, settings and management data, by the program itself.
site_make() {
    local shared=$STATE/shared/tetrarch
    rm -rf "$STATE/site" "$shared"
    "$1" --quiet init "$LAB_DIR/agent/group.toml" --name lab --out "$STATE/site"
    mkdir -p "$shared"
    cp "$STATE"/site/shared/* "$shared/"
}

# install_agent SERVER ROOT PROGRAM: the program, what carries out its decisions, this server's
# settings and keys, and the flag file, so that managing begins at the start.
install_agent() {
    local server=$1 root=$2 program=$3
    install -D -m 755 "$program" "$root/usr/bin/tetrarch"
    install -D -m 755 "$LAB_DIR/agent/parts" "$root/usr/lib/tetrarch/parts"
    install -D -m 644 "$LAB_DIR/agent/tetrarch.service" "$root/etc/systemd/system/tetrarch.service"
    mkdir -p "$root/etc/tetrarch" "$root/var/lib/tetrarch"
    cp -r "$STATE/site/$server/." "$root/etc/tetrarch/"
    ln -s shared/tetrarch "$root/srv/tetrarch"
    : >"$root/var/lib/tetrarch/managed"
    systemctl --quiet --root="$root" enable tetrarch.service
}
