//! The Wake-on-LAN listener: switches a server on when its magic packet arrives.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;

use crate::group::{Group, GroupError, Mac, Server};

/// Switches servers on when a Wake-on-LAN packet arrives
///
/// Stands for the network cards of servers that are off. `lab up` starts it at the switch. A magic
/// packet is six bytes ff and sixteen times the card's MAC address, anywhere in a datagram to UDP
/// port 7 or 9, usually to the broadcast address.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file that describes the group
    #[arg(long, default_value = "/run/tetrarch-lab/group.toml")]
    group: PathBuf,
    /// The command that switches a server on; the server's name is added
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Why the listener ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WakeError {
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error("cannot listen on UDP port {port}: {source}")]
    Listen { port: u16, source: io::Error },
    #[error("a listener ended")]
    Ended,
}

/// The ports that Wake-on-LAN is sent to by custom: discard and echo.
const PORTS: [u16; 2] = [9, 7];

/// Listens until it fails.
pub(crate) fn run(arguments: &Arguments) -> Result<(), WakeError> {
    let group = Group::read(&arguments.group)?;
    let mut listeners = Vec::new();
    for port in PORTS {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))
            .map_err(|source| WakeError::Listen { port, source })?;
        let (servers, command) = (group.servers.clone(), arguments.command.clone());
        listeners.push(std::thread::spawn(move || {
            listen(&socket, &servers, &command)
        }));
    }
    for listener in listeners {
        let _ = listener.join();
    }
    Err(WakeError::Ended)
}

fn listen(socket: &UdpSocket, servers: &[Server], command: &[String]) {
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) => {
                eprintln!("lab: {error}");
                return;
            }
        };
        for server in servers {
            if is_magic(&buffer[..length], server.mac) {
                println!("{from} wakes {}", server.name);
                switch_on(command, &server.name.to_string());
            }
        }
    }
}

fn switch_on(command: &[String], server: &str) {
    let Some((program, arguments)) = command.split_first() else {
        return;
    };
    match Command::new(program).args(arguments).arg(server).status() {
        Ok(status) if status.success() => {}
        Ok(status) => eprintln!("lab: {program} for {server}: {status}"),
        Err(error) => eprintln!("lab: cannot run {program}: {error}"),
    }
}

/// Whether a datagram wakes the card with this address.
fn is_magic(datagram: &[u8], mac: Mac) -> bool {
    let mut magic = [0xff; 6 + 16 * 6];
    for repeated in magic[6..].chunks_exact_mut(6) {
        repeated.copy_from_slice(&mac.0);
    }
    datagram.windows(magic.len()).any(|window| window == magic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn magic(mac: [u8; 6]) -> Vec<u8> {
        [vec![0xff; 6], mac.repeat(16)].concat()
    }

    proptest! {
        #[test]
        fn only_the_own_packet_wakes(
            mac: [u8; 6],
            other: [u8; 6],
            before in prop::collection::vec(any::<u8>(), 0..8),
            cut in 0..102usize,
        ) {
            let packet = [before, magic(mac)].concat();
            prop_assert!(is_magic(&packet, Mac(mac)));
            prop_assert_eq!(is_magic(&magic(mac), Mac(other)), mac == other);
            prop_assert!(!is_magic(&magic(mac)[..cut], Mac(mac)));
        }
    }
}
