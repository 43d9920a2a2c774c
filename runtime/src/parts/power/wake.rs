//! Wake-on-LAN: the magic packet.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};
use tetrarch_core::data::Mac;
use tokio::net::UdpSocket;

/// Sent to the port that is thrown away unread (RFC 863): network cards look at any frame.
const PORT: u16 = 9;
/// A lost packet would cost the whole judgement time, so it is sent more than once.
const COPIES: usize = 3;
/// Six bytes of ones, then the MAC address sixteen times.
const LENGTH: usize = 6 + 16 * 6;

/// Why a magic packet was not sent.
#[derive(Debug, thiserror::Error)]
#[error("cannot send a magic packet on {interface}: {source}")]
pub struct WakeError {
    interface: String,
    source: io::Error,
}

/// Sends the magic packet for the server with the network card `mac` as a broadcast on `interface`. Nobody
/// answers it: whether the server starts is seen later, if at all.
///
/// # Errors
///
/// When the interface has gone or is down. Binding to it may need the capability `CAP_NET_RAW`.
pub async fn wake(interface: &str, mac: Mac) -> Result<(), WakeError> {
    send(interface, mac).await.map_err(|source| WakeError {
        interface: interface.to_owned(),
        source,
    })
}

async fn send(interface: &str, mac: Mac) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking(), None)?;
    socket.set_broadcast(true)?;
    // Without this a host with several networks sends the broadcast on one of its own choice.
    socket.bind_device(Some(interface.as_bytes()))?;
    let socket = UdpSocket::from_std(socket.into())?;
    let to = SocketAddr::from((Ipv4Addr::BROADCAST, PORT));
    for _ in 0..COPIES {
        socket.send_to(&magic_packet(mac), to).await?;
    }
    Ok(())
}

fn magic_packet(mac: Mac) -> [u8; LENGTH] {
    let mut packet = [0xff; LENGTH];
    for copy in packet[6..].chunks_exact_mut(6) {
        copy.copy_from_slice(&mac.octets());
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packet_is_what_network_cards_wait_for() {
        let packet = magic_packet("52:54:00:12:34:56".parse().unwrap());
        assert_eq!(packet[..6], [0xff; 6]);
        assert_eq!(packet[6..], [0x52, 0x54, 0, 0x12, 0x34, 0x56].repeat(16));
    }

    #[tokio::test]
    async fn a_missing_interface_is_named() {
        let mac = "52:54:00:12:34:56".parse().unwrap();
        let error = wake("nosuch0", mac).await.unwrap_err().to_string();
        assert!(error.contains("nosuch0"), "{error}");
    }
}
