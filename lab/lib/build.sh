# Builds what the servers and the virtual servers are made of. Sourced by `lab`.

readonly ROOTFS=$STATE/rootfs
readonly IMAGES=$STATE/shared/virtual

# What the lab needs of the machine it runs on.
readonly HOST_PACKAGES=(mmdebstrap systemd-container nftables iproute2 util-linux e2fsprogs)
# What is inside its servers, in groups: the system and its tools, the functions, what a virtual
# server needs inside, what runs virtual servers, the peers.
readonly SERVER_PACKAGES=(
    systemd-sysv dbus libpam-systemd iproute2 iputils-ping iputils-arping procps nftables curl socat
    util-linux-extra
    postfix dovecot-imapd rsync nginx-light vsftpd squid
    qemu-guest-agent linux-image-cloud-amd64 initramfs-tools
    qemu-system-x86 qemu-utils
    keepalived pacemaker corosync pacemaker-cli-utils resource-agents
)
readonly DISK_MIB=1400

build_tools() {
    local missing=() package
    for package in "${HOST_PACKAGES[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    if [[ ${#missing[@]} -gt 0 ]]; then
        step "Installing ${missing[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"
    fi
}

build_program() {
    command -v cargo >/dev/null || die "cargo is needed to build the probes; see CONTRIBUTING.md"
    step "Building the probes"
    (cd "$LAB_DIR/.." && cargo build --quiet --locked --release -p tetrarch-lab)
}

# The stamp says what a rootfs was made from, so that `build` can be run again at no cost and makes
# it anew when its recipe has changed.
stamp_of_rootfs() {
    {
        printf '%s\n' "$SUITE" "${SERVER_PACKAGES[@]}"
        cd "$LAB_DIR/files" && find . -type f -print0 | sort -z | xargs -0 sha256sum
    } | sha256sum
}

build_rootfs() {
    local stamp
    stamp=$(stamp_of_rootfs)
    if [[ $(cat "$STATE/rootfs.stamp" 2>/dev/null) == "$stamp" ]]; then
        say "The servers' system is up to date."
        return
    fi
    build_packages
    step "Configuring the servers' system"
    configure_rootfs "$ROOTFS.new"
    rm -rf "$ROOTFS"
    mv "$ROOTFS.new" "$ROOTFS"
    printf '%s\n' "$stamp" >"$STATE/rootfs.stamp"
    # The virtual servers are made from it.
    rm -rf "$IMAGES"
}

# The packages are kept as they come from Debian, so that a changed configuration costs a copy and
# not a download.
build_packages() {
    local packages=$STATE/packages.tar stamp
    stamp=$(printf '%s\n' "$SUITE" "${SERVER_PACKAGES[@]}" | sha256sum)
    if [[ $(cat "$packages.stamp" 2>/dev/null) != "$stamp" ]]; then
        step "Installing Debian $SUITE for the servers (a minute, and 300 MB to fetch)"
        rm -f "$packages"
        # policy-rc.d keeps the packages from starting anything while they are installed.
        mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Languages "none"' \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/locale/*' \
            --setup-hook='mkdir -p "$1/usr/sbin"' \
            --setup-hook="copy-in $LAB_DIR/files/policy-rc.d /usr/sbin" \
            --include="$(IFS=,; echo "${SERVER_PACKAGES[*]}")" \
            "$SUITE" "$packages"
        printf '%s\n' "$stamp" >"$packages.stamp"
    fi
    rm -rf "$ROOTFS.new"
    mkdir -p "$ROOTFS.new"
    tar -C "$ROOTFS.new" --numeric-owner -xpf "$packages"
}

# Nothing is enabled in the common system; each server enables what it offers.
configure_rootfs() {
    local root=$1
    rm -f "$root/etc/nginx/sites-enabled/default" "$root/etc/machine-id"
    cp -r "$LAB_DIR/files/rootfs/." "$root/"
    chown -R root:root "$root/etc/postfix" "$root/etc/rsyncd.conf" "$root/etc/default" "$root/usr/lib/tetrarch-lab"
    rm -f "$root"/etc/systemd/system/{multi-user,timers,getty,sysinit}.target.wants/*
    # A real file, for each server binds its own over it.
    : >"$root/etc/machine-id"
    ln -sf /dev/null "$root/etc/systemd/system/systemd-firstboot.service"
    # The number is in postfix's main.cf.
    chroot "$root" groupadd --system --gid 901 vmail
    chroot "$root" useradd --system --uid 901 --gid 901 --no-create-home --home-dir /var/mail/lab vmail
    mkdir -p "$root/var/mail/lab" "$root/srv/shared"
    chroot "$root" chown vmail:vmail /var/mail/lab
    # Folders in it would inherit a bit that the agent's unit lets nobody set, not even on a copy.
    chmod g-s "$root/var/mail/lab"
    # vsftpd refuses to serve from a folder that its users can write to.
    chmod 555 "$root/srv/ftp"
    chroot "$root" passwd -q -d root
    systemctl --quiet --root="$root" enable lab-identity.service
    # journald keeps its log over a power cut: the disk's, not the memory's.
    mkdir -p "$root/var/log/journal"
}

# One disk for all virtual servers, then one suspended machine for each function. Each is complete
# when its last file is there, so an interrupted build goes on where it was.
build_images() {
    local function
    if [[ ! -e $IMAGES/base.raw ]]; then
        step "Making the disk of the virtual servers"
        rm -rf "$IMAGES"
        mkdir -p "$IMAGES"
        cp "$ROOTFS"/boot/vmlinuz-* "$IMAGES/vmlinuz"
        cp "$ROOTFS"/boot/initrd.img-* "$IMAGES/initrd.img"
        chmod 644 "$IMAGES"/*
        image_disk "$IMAGES/base.raw.new"
        mv "$IMAGES/base.raw.new" "$IMAGES/base.raw"
    fi
    for function in "${SERVERS[@]}"; do
        if [[ ! -e $IMAGES/$function.state ]]; then
            step "Booting and suspending the virtual server of $function (half a minute)"
            cgroup_kill build
            image_prepare "$function"
        fi
    done
    say "The virtual servers are up to date."
}

image_disk() {
    local tree=$STATE/disk
    rm -rf "$tree"
    cp -a "$ROOTFS" "$tree"
    # A virtual server runs no virtual servers and no peers.
    rm -rf "${tree:?}"/{usr/share/{qemu,seabios,OVMF},usr/bin/qemu-system-*,boot/*}
    printf '/dev/vda / ext4 defaults,noatime 0 1\n' >"$tree/etc/fstab"
    rm -f "$1"
    truncate -s "${DISK_MIB}M" "$1"
    mkfs.ext4 -q -F -L lab -d "$tree" "$1"
    rm -rf "$tree"
}

# Runs the same program that servers use later, inside the servers' own system, so that QEMU is the
# same to the byte at suspend and at resume.
image_prepare() {
    (
        cgroup_join build
        exec setsid systemd-nspawn -q --register=no --keep-unit --as-pid2 --private-network \
            --capability=CAP_NET_ADMIN --console=pipe --resolv-conf=off --timezone=off \
            --volatile=overlay --machine="$PREFIX-build" --bind="$STATE/shared:/srv/shared" -D "$ROOTFS" \
            /usr/lib/tetrarch-lab/virtual-server prepare "$1" </dev/null 9>&-
    )
    cgroup_kill build
}
