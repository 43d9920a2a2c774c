//! A packet socket on one interface, for the frames of one family of addresses.

use std::io::{self, ErrorKind, Read};
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use nix::sys::socket::bind;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::net::UdpSocket;

use super::frame::{self, Statement};
use super::interface::Interface;

const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// Longest frame that matters, in bytes. Longer ones are cut, and then mean nothing.
const FRAME_MAX: usize = 1522;

/// A family of addresses, by the frames that speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// Frames cannot be sent or received.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} on {interface}: {source}")]
pub struct LinkError {
    doing: &'static str,
    interface: String,
    source: io::Error,
}

/// A packet socket on one interface. It needs the capability `CAP_NET_RAW`.
#[derive(Debug)]
pub struct Link {
    interface: Interface,
    /// Not UDP: a packet socket in the type that tokio has for sockets of datagrams. Only calls that
    /// fit any datagram are made on it.
    socket: UdpSocket,
}

impl Link {
    /// Opens the interface for frames about addresses like `address`.
    ///
    /// # Errors
    ///
    /// Without the capability, or when the interface has gone.
    pub fn open(interface: &Interface, address: IpAddr) -> Result<Self, LinkError> {
        let failed = |doing| {
            move |source| LinkError {
                doing,
                interface: interface.name().to_owned(),
                source,
            }
        };
        let socket = open_socket(interface, Family::of(address)).map_err(failed("listen"))?;
        Ok(Self {
            interface: interface.clone(),
            socket: UdpSocket::from_std(socket.into()).map_err(failed("listen"))?,
        })
    }

    /// The interface.
    #[must_use]
    pub const fn interface(&self) -> &Interface {
        &self.interface
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> LinkError {
        LinkError {
            doing,
            interface: self.interface.name().to_owned(),
            source,
        }
    }

    /// Sends one frame.
    pub(super) async fn send(&self, frame: &[u8]) -> Result<(), LinkError> {
        let sent = self.socket.send(frame).await;
        sent.map(|_| ())
            .map_err(|source| self.failed("send", source))
    }

    /// The next frame that says something about an address.
    pub(crate) async fn hear(&self) -> Result<Statement, LinkError> {
        let mut buffer = [0; FRAME_MAX];
        loop {
            let length = self
                .socket
                .recv(&mut buffer)
                .await
                .map_err(|source| self.failed("listen", source))?;
            if let Some(statement) = frame::read(&buffer[..length]) {
                return Ok(statement);
            }
        }
    }

    /// Asks who has `address`; the answers are [heard](Self::hear).
    pub(crate) async fn ask(&self, address: IpAddr) -> Result<(), LinkError> {
        self.send(&frame::question(self.interface.mac(), address))
            .await
    }
}

fn open_socket(interface: &Interface, family: Family) -> io::Result<Socket> {
    let ethertype = match family {
        Family::V4 => ETHERTYPE_ARP,
        Family::V6 => ETHERTYPE_IPV6,
    };
    // The kernel wants it in network order.
    let protocol = Protocol::from(i32::from(ethertype.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), Some(protocol))?;
    if family == Family::V6 {
        socket.attach_filter(&NEIGHBOUR_DISCOVERY)?;
    }
    bind(socket.as_raw_fd(), interface.link())?;
    drain(&socket)?;
    Ok(socket)
}

/// Throws away what came from other interfaces before the socket was bound to its own.
fn drain(mut socket: &Socket) -> io::Result<()> {
    let mut buffer = [0; 1];
    loop {
        match socket.read(&mut buffer) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// A filter of the kernel for neighbour solicitations and advertisements: without it every frame of
/// IPv6 that this host receives would wake the program.
const NEIGHBOUR_DISCOVERY: [SockFilter; 7] = {
    const LOAD_BYTE: u16 = 0x30;
    const IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    [
        // The next header, behind 14 bytes of Ethernet, must be ICMPv6.
        SockFilter::new(LOAD_BYTE, 0, 0, 20),
        SockFilter::new(IF_EQUAL, 0, 4, 58),
        // Its type must be 135 or 136.
        SockFilter::new(LOAD_BYTE, 0, 0, 54),
        SockFilter::new(IF_EQUAL, 1, 0, 135),
        SockFilter::new(IF_EQUAL, 0, 1, 136),
        SockFilter::new(RETURN, 0, 0, FRAME_MAX as u32),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
};
