# What each command says of itself. Sourced by `lab`.

usage() {
    cat <<'USAGE'
usage: lab COMMAND ...

A management group of real servers on this machine: mail, web, ftp and proxy, each a container with
a system of its own, a virtual server for each, a switch between them, and a client. Only root.

  build              makes what the servers consist of (once; 5 minutes)
  up                 switches the group on (5 s)
  status             what is on, who holds which address, what is broken
  exec SERVER CMD    runs a command inside a server
  fault KIND ...     breaks something
  heal               mends everything that was broken
  power on|off|press|reset SERVER
                     the server's switch
  virtual ...        a function's virtual server, by hand
  probe ...          watches the functions as a client sees them
  drill ...          breaks, watches and mends in turn, and writes down the outages
  mail               breaks the mail server under letters, and looks for each accepted one afterwards
  live FILE...       carries out the simulator's scenarios, and measures what it measures
  compare FILE...    sets the outages of several managers side by side
  footprint          what an agent costs its server, for 4 servers or many
  quick-start DEB    carries out docs/quick-start.md, word for word
  down               switches everything off and removes it from the kernel; disks stay
  clean              removes the disks as well: no trace is left but the packages installed

Each command explains itself with --help. Nothing outside of /var/lib/tetrarch-lab,
/run/tetrarch-lab and network namespaces and control groups named tlab* is touched.
USAGE
}

usage_build() {
    cat <<'USAGE'
usage: lab build [--no-images]

Makes what the servers consist of, in /var/lib/tetrarch-lab: a Debian system with all their
programs, the disk of the virtual servers, and one suspended virtual server for each function. What
is up to date is kept, so it can be run again at any time.

  --no-images    without virtual servers: two minutes less

Needs cargo and about 4 GB of disk, fetches about 300 MB from Debian, and installs mmdebstrap,
systemd-container and nftables on this machine if they are missing.
USAGE
}

usage_up() {
    cat <<'USAGE'
usage: lab up [--manager NAME] [--agent PROGRAM] [--package DEB] [--profile NAME]
              [--firmware SECONDS] [--keep]

Switches the group on and returns when all services run.

  --manager NAME      who cares for the addresses: none (each server holds its own, the default),
                      k1 or k2 (keepalived with its defaults, with VRRPv3 at 0.1 s), p1 or p3
                      (pacemaker with its defaults, tuned), agent
  --agent PROGRAM     the program tetrarch; implies --manager agent. It makes a site of
                      agent/group.toml, and each server gets it, its settings and its keys
  --package DEB       the Debian package of tetrarch; implies --manager package. Each server gets it, and
                      nobody manages before a site is made, as docs/quick-start.md does
  --profile NAME      how the agent manages, and how slow the machines are made for it: guarded (as a
                      new site, the default), paper (its protocol, waits and machines), fast
                      (examinations five times a second, virtual servers kept in memory), file (as fast, but
                      virtual servers are suspended into files), brisk (examinations twice a second, for many
                      drills in a row)
  --firmware SECONDS  what a server's firmware takes at a restart and at power-on; default: as the
                      profile says, 0 without one
  --keep              with the disks of the last time, and so with its manager; without it they are
                      made anew
USAGE
}

usage_quick_start() {
    cat <<'USAGE'
usage: lab quick-start DEB

Switches the group on with the Debian package DEB on each server, and carries out docs/quick-start.md
word for word: the group file and the commands are taken from the page, those for the administrator's own
machine run here. Ends with exit code 1 when a command fails, or the group is not well when it should be.
`bash .ci/run package` makes the package. The lab must be down, and is left up.
USAGE
}

usage_down() {
    cat <<'USAGE'
usage: lab down

Switches everything off at once and removes it from the kernel: processes, mounts, namespaces,
control groups. Works also when an earlier command was killed half-way. The disks stay, for
`lab up --keep` and for their logs.
USAGE
}

usage_clean() {
    cat <<'USAGE'
usage: lab clean

`down`, and then removes /var/lib/tetrarch-lab and /run/tetrarch-lab. Packages that `build` has
installed on this machine stay.
USAGE
}

usage_status() {
    cat <<'USAGE'
usage: lab status

One line for each server (power, services, addresses), then what is broken now.
USAGE
}

usage_exec() {
    cat <<'USAGE'
usage: lab exec SERVER|client|switch COMMAND [ARGUMENT...]

Runs a command inside a server, or in the network of the client or the switch.

Examples:
  lab exec web systemctl status nginx
  lab exec client ping -c 3 10.77.0.102
  lab exec switch tcpdump -n -i br0 arp
USAGE
}

usage_power() {
    cat <<'USAGE'
usage: lab power on|off|press|reset SERVER

  on       switches the server on; this is also what a Wake-on-LAN packet does
  off      takes its power away (the same as `lab fault powercut`)
  press    a short press of its power button: a clean shutdown
  reset    takes its power away and switches it on again
USAGE
}

usage_virtual() {
    cat <<'USAGE'
usage: lab virtual HOST resume|start|suspend|status FUNCTION
       lab virtual HOST address FUNCTION add|del
       lab virtual HOST run FUNCTION COMMAND...

Handles the virtual server of a function on a host, as the host's own management would.

Example, by hand what a manager does when web is lost:
  lab fault powercut web
  lab virtual mail resume web
  lab virtual mail address web add
USAGE
}

usage_heal() {
    cat <<'USAGE'
usage: lab heal

Mends everything: ports up, cuts gone, paused servers run, broken services start, servers that are
off are switched on.
USAGE
}

# The trouble's name in the paper stands behind each fault that has one there.
usage_fault() {
    cat <<'USAGE'
usage: lab fault KIND ...

Breaks something. Whatever is broken stays so until `lab heal`.

  stop SERVER            its service programs stop; a service restart repairs it (S1t)
  kill SERVER            its service programs are killed; a service restart repairs it
  break SERVER           they are killed and do not start again until the server restarts
  hang SERVER            they stop, and start again but do not answer until the server restarts (S2t)
  reboot SERVER          restarted on purpose, cleanly (N1t)
  poweroff SERVER        shut down cleanly (N2t)
  powercut SERVER        loses its power
  destroy SERVER         loses its power, and cannot be switched on until `lab heal` repairs it
  pause SERVER           stands still, as under an overloaded hypervisor; its cable stays plugged
  port SERVER            its switch port goes down: nobody reaches it
  cut A B                no frame passes between A and B, in either direction
  oneway A B             frames from A no longer reach B; those from B still reach A
  loss A B PERCENT       so many of the frames between A and B are lost, in each direction
  isolate SERVER...      the named servers are cut from all other servers, not from clients
  peers                  every server is cut from every other, while clients reach all

SERVER is mail, web, ftp or proxy; A and B may also be "client".

Examples:
  lab fault break web                S2t on the web server
  lab fault oneway mail ftp          mail believes that ftp hears it
  lab fault isolate mail web         mail and web on one side, ftp and proxy on the other
USAGE
}
