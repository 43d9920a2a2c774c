//! A packet socket on one interface, for the frames of one family of addresses.

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv6Addr};
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
        let filter: &[SockFilter] = match Family::of(address) {
            Family::V4 => &[],
            Family::V6 => &NEIGHBOUR_DISCOVERY,
        };
        Self::open_filtered(interface, Family::of(address), filter)
    }

    /// Opens the interface for frames whose senders say that they have one of `addresses`, which are all of
    /// one family. The kernel keeps everything else away, so that a busy network wakes nobody up. None
    /// without an address of that family.
    ///
    /// # Errors
    ///
    /// Without the capability, or when the interface has gone.
    pub(super) fn open_for(
        interface: &Interface,
        family: Family,
        addresses: &[IpAddr],
    ) -> Result<Option<Self>, LinkError> {
        let keys: Vec<u32> = addresses
            .iter()
            .filter(|address| Family::of(**address) == family)
            .map(|address| match address {
                IpAddr::V4(address) => (*address).into(),
                IpAddr::V6(address) => low_word(*address),
            })
            .collect();
        if keys.is_empty() {
            return Ok(None);
        }
        Self::open_filtered(interface, family, &statements(family, &keys)).map(Some)
    }

    fn open_filtered(
        interface: &Interface,
        family: Family,
        filter: &[SockFilter],
    ) -> Result<Self, LinkError> {
        let failed = |doing| {
            move |source| LinkError {
                doing,
                interface: interface.name().to_owned(),
                source,
            }
        };
        let socket = open_socket(interface, family, filter).map_err(failed("listen"))?;
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

fn open_socket(interface: &Interface, family: Family, filter: &[SockFilter]) -> io::Result<Socket> {
    let ethertype = match family {
        Family::V4 => ETHERTYPE_ARP,
        Family::V6 => ETHERTYPE_IPV6,
    };
    // The kernel wants it in network order.
    let protocol = Protocol::from(i32::from(ethertype.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), Some(protocol))?;
    if !filter.is_empty() {
        socket.attach_filter(filter)?;
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

const LOAD_BYTE: u16 = 0x30;
const LOAD_WORD: u16 = 0x20;
const IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Behind 14 bytes of Ethernet: the sender's address of an ARP packet, and the last word of the target of a
/// neighbour advertisement.
const ARP_SENDER: u32 = 28;
const TARGET_LOW_WORD: u32 = 74;

/// The last four bytes of an address.
fn low_word(address: Ipv6Addr) -> u32 {
    let [.., a, b, c, d] = address.octets();
    u32::from_be_bytes([a, b, c, d])
}

/// A filter of the kernel for frames that say of one of the addresses with these `keys`, of which a socket
/// has as many as a group has servers, that the sender has it. IPv6 addresses that end alike pass, too: the
/// reader compares them whole.
fn statements(family: Family, keys: &[u32]) -> Vec<SockFilter> {
    let mut filter = match family {
        Family::V4 => vec![SockFilter::new(LOAD_WORD, 0, 0, ARP_SENDER)],
        Family::V6 => {
            // What is no ICMPv6, and no advertisement, jumps over the comparisons to the refusal.
            let to_refusal = keys.len() as u8;
            vec![
                SockFilter::new(LOAD_BYTE, 0, 0, 20),
                SockFilter::new(IF_EQUAL, 0, to_refusal + 3, 58),
                SockFilter::new(LOAD_BYTE, 0, 0, 54),
                SockFilter::new(IF_EQUAL, 0, to_refusal + 1, 136),
                SockFilter::new(LOAD_WORD, 0, 0, TARGET_LOW_WORD),
            ]
        }
    };
    for (place, key) in keys.iter().enumerate() {
        let to_acceptance = (keys.len() - place) as u8;
        filter.push(SockFilter::new(IF_EQUAL, to_acceptance, 0, *key));
    }
    filter.push(SockFilter::new(RETURN, 0, 0, 0));
    filter.push(SockFilter::new(RETURN, 0, 0, FRAME_MAX as u32));
    filter
}

/// A filter of the kernel for neighbour solicitations and advertisements: without it every frame of
/// IPv6 that this host receives would wake the program.
const NEIGHBOUR_DISCOVERY: [SockFilter; 7] = [
    // The next header, behind 14 bytes of Ethernet, must be ICMPv6.
    SockFilter::new(LOAD_BYTE, 0, 0, 20),
    SockFilter::new(IF_EQUAL, 0, 4, 58),
    // Its type must be 135 or 136.
    SockFilter::new(LOAD_BYTE, 0, 0, 54),
    SockFilter::new(IF_EQUAL, 1, 0, 135),
    SockFilter::new(IF_EQUAL, 0, 1, 136),
    SockFilter::new(RETURN, 0, 0, FRAME_MAX as u32),
    SockFilter::new(RETURN, 0, 0, 0),
];
