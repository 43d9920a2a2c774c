# Tetrarch's own agent as the manager. Sourced by `lab`.

# The shared area as a site has it before it is made: the images of the virtual servers, as they were suspended.
shared_make() {
    local shared=$STATE/shared/tetrarch function
    rm -rf "$shared"
    mkdir -p "$shared/images"
    for function in "${SERVERS[@]}"; do
        image_place "$function" "$shared/images/${function}b/1"
    done
}

# The site is made new with the disks: keys, settings and management data, by the program itself. Only
# the machines of the virtual servers are the lab's own, as they were suspended in them.
site_make() {
    local server function settings
    rm -rf "$STATE/site"
    shared_make
    "$1" --quiet init "$LAB_DIR/agent/group.toml" --name lab --interface br0 --out "$STATE/site"
    cp "$STATE"/site/shared/* "$STATE/shared/tetrarch/"
    for server in "${SERVERS[@]}"; do
        settings=$STATE/site/$server/site.toml
        sed -i -e '/^\[virtual_server\./,$d' -e "s/^safety = .*/safety = \"$PROFILE_SAFETY\"\nhand_over_at_shutdown = $PROFILE_HAND_OVER/" "$settings"
        printf '%s' "$PROFILE_SETTINGS" >>"$settings"
        for function in "${SERVERS[@]}"; do
            virtual_server_table "$function"
        done >>"$settings"
    done
}

# The image of a virtual server as the agent keeps it: a first generation of its disk and its state.
image_place() {
    [[ -e $IMAGES/$1.state ]] || die "there are no virtual servers; \`lab build\` makes them"
    mkdir -p "$2"
    cp --sparse=always "$IMAGES/$1.qcow2" "$2/disk"
    # Nobody changes a state that is there, so one copy on the disk is enough.
    ln "$IMAGES/$1.state" "$2/state"
    ln -s 1 "$(dirname "$2")/current"
}

# virtual_server_table FUNCTION: the settings of its virtual server. The machine is that of
# files/rootfs/usr/lib/tetrarch-lab/virtual-server to the last device, or no state could be resumed.
virtual_server_table() {
    local name=${1}b images=/srv/shared/virtual units=""
    local unit
    for unit in $(enabled_units_of "$1"); do
        units+=" systemd.wants=$unit"
    done
    cat <<TABLE

[virtual_server.$1]
image = "/srv/tetrarch/images/$name"
keep = "$PROFILE_KEEP"
qemu = "/usr/local/bin/lab-qemu"
mac = "$(virtual_mac_of "$1")"
memory_mb = 256
arguments = [
    "-name", "$name", "-machine", "q35,accel=tcg,usb=off", "-cpu", "max", "-smp", "1",
    "-m", "{memory_mb}", "-nodefaults", "-no-user-config", "-no-reboot",
    "-kernel", "$images/vmlinuz", "-initrd", "$images/initrd.img",
    "-append", "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 mitigations=off lab.name=$name lab.function=$1 lab.address=$NETWORK.2$(index_of "$1")/24 lab.vip=$(vip_of "$1") systemd.hostname=$name$units",
    "-drive", "file={disk},if=none,id=disk,format=qcow2,cache=unsafe", "-device", "virtio-blk-pci,drive=disk",
    "-netdev", "tap,id=net,ifname={tap},script=no,downscript=no,vhost=off",
    "-device", "virtio-net-pci,netdev=net,mac={mac}",
    "-device", "virtio-rng-pci", "-serial", "file:/run/tetrarch/virtual/$1/console",
    "-device", "virtio-serial",
    "-device", "virtserialport,chardev=tetrarch-agent,name=org.qemu.guest_agent.0",
]
TABLE
    # The other functions have no data that clients change.
    [[ $1 != mail ]] || printf '\n[virtual_server.mail.sync]\nprogram = "%s"\nlimit = "20s"\nlast_limit = "10s"\n' \
        /usr/share/tetrarch/hooks/sync
}

# profile_load NAME: who has which waits, and how slow the machines are made.
profile_load() {
    local file=$LAB_DIR/agent/profiles/$1.sh
    [[ $1 =~ ^[a-z]+$ && -e $file ]] ||
        misuse "no profile \"$1\"; there are: $(cd "$LAB_DIR/agent/profiles" && echo *.sh | sed 's/\.sh//g')"
    # shellcheck source=/dev/null # one of several
    source "$file"
}

# install_agent SERVER ROOT PROGRAM: the program and its unit as they are packaged, this server's
# settings and keys, and the flag file, so that managing begins at the start.
install_agent() {
    local server=$1 root=$2 program=$3 unit
    install -D -m 755 "$program" "$root/usr/bin/tetrarch"
    install -D -m 644 "$LAB_DIR/../packaging/tetrarch.service" "$root/etc/systemd/system/tetrarch.service"
    install -D -m 755 "$LAB_DIR/../packaging/hooks/sync" "$root/usr/share/tetrarch/hooks/sync"
    # QEMU, after what a slower machine would need.
    mkdir -p "$root/usr/local/bin"
    printf '#!/bin/bash\nsleep %s\nexec /usr/bin/qemu-system-x86_64 "$@"\n' "$PROFILE_RESUME_S" \
        >"$root/usr/local/bin/lab-qemu"
    chmod 755 "$root/usr/local/bin/lab-qemu"
    mkdir -p "$root/etc/tetrarch" "$root/var/lib/tetrarch" "$root/etc/systemd/system/tetrarch.service.d"
    # At the start the services are there before they are examined, and at a shutdown the agent goes first.
    {
        echo "[Unit]"
        for unit in $(enabled_units_of "$server"); do
            echo "After=$unit"
        done
    } >"$root/etc/systemd/system/tetrarch.service.d/lab.conf"
    cp -r "$STATE/site/$server/." "$root/etc/tetrarch/"
    shared_link "$root"
    : >"$root/var/lib/tetrarch/managed"
    systemctl --quiet --root="$root" enable tetrarch.service
}

# install_package ROOT PACKAGE: the Debian package and nothing else, as an administrator has it then.
install_package() {
    local root=$1 package=$2
    cp "$package" "$root/root/tetrarch.deb"
    chroot "$root" dpkg --install /root/tetrarch.deb >/dev/null
    rm "$root/root/tetrarch.deb"
    shared_link "$root"
}

# Where a server of a site has its shared area.
shared_link() { ln -s shared/tetrarch "$1/srv/tetrarch"; }
