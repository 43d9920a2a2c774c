//! Who holds an address: asked by ARP, many times a second, of everybody on the network.
//!
//! The questions name an IP address that nobody has as their sender's, so whoever answers does not learn the
//! client by them, and what is measured stays as it would be without. They are no probes in the sense of
//! RFC 5227, by which somebody who is about to take the address would have to leave it alone. Each question comes from a MAC address of its own, which the answer repeats: so an answer is never
//! counted for a later question, and two answers to one question are two holders at one time.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};

use crate::clock::Clock;
use crate::group::{Group, Mac, Server};
use crate::outage::Sample;

/// An Ethernet header and an ARP packet for IPv4.
const FRAME_BYTES: usize = 42;
const ARP_TYPE: [u8; 2] = [0x08, 0x06];
/// Hardware Ethernet, protocol IPv4, and the lengths of their addresses.
const ARP_HEAD: [u8; 6] = [0x00, 0x01, 0x08, 0x00, 6, 4];
const REQUEST: [u8; 2] = [0, 1];
const REPLY: [u8; 2] = [0, 2];
/// The first five bytes of the questions' own MAC addresses; the sixth counts the questions.
const ASKER: [u8; 5] = [0x02, 0x7a, 0x00, 0x00, 0x03];

/// The sender's address of the questions.
const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 253);

/// Asks for each server's address every `every` until `stop`, and returns who answered. A sample is
/// kept when it differs from the one before, and the last one always.
pub(crate) fn watch(
    group: &Group,
    servers: &[Server],
    every: Duration,
    clock: Clock,
    stop: &Arc<AtomicBool>,
) -> io::Result<Vec<Sample>> {
    let cable = Cable::open("eth0")?;
    let mut samples: Vec<Sample> = Vec::new();
    let mut number: u8 = 0;
    let mut next = Instant::now();
    loop {
        let last = stop.load(Ordering::Relaxed);
        let mac = asker(number);
        let at_s = clock.now_s();
        for server in servers {
            cable.send(&question(mac, server.vip))?;
        }
        next += every;
        let answers = cable.answers_until(mac, next)?;
        for server in servers {
            let mut holders: Vec<String> = answers
                .iter()
                .filter(|(address, _)| *address == server.vip)
                .map(|(_, holder)| group.station(*holder))
                .collect();
            holders.sort();
            holders.dedup();
            let before = samples.iter().rfind(|s| s.function == server.name);
            if last || before.is_none_or(|before| before.holders != holders) {
                samples.push(Sample {
                    at_s,
                    function: server.name,
                    holders,
                });
            }
        }
        if last {
            return Ok(samples);
        }
        number = number.wrapping_add(1);
        // After a pause of this machine the missed questions are not asked all at once.
        next = next.max(Instant::now());
    }
}

fn asker(number: u8) -> Mac {
    let [a, b, c, d, e] = ASKER;
    Mac([a, b, c, d, e, number])
}

/// "Who has this address?", to all.
fn question(from: Mac, address: Ipv4Addr) -> [u8; FRAME_BYTES] {
    let mut frame = [0; FRAME_BYTES];
    frame[0..6].copy_from_slice(&[0xff; 6]);
    frame[6..12].copy_from_slice(&from.0);
    frame[12..14].copy_from_slice(&ARP_TYPE);
    frame[14..20].copy_from_slice(&ARP_HEAD);
    frame[20..22].copy_from_slice(&REQUEST);
    frame[22..28].copy_from_slice(&from.0);
    frame[28..32].copy_from_slice(&NOBODY.octets());
    // The holder's MAC address is what is asked for.
    frame[38..42].copy_from_slice(&address.octets());
    frame
}

/// The address and its holder, when the frame is an answer to the question of `asker`.
fn answer(frame: &[u8], asker: Mac) -> Option<(Ipv4Addr, Mac)> {
    let frame: &[u8; FRAME_BYTES] = frame.first_chunk()?;
    let ours = frame[12..14] == ARP_TYPE
        && frame[14..20] == ARP_HEAD
        && frame[20..22] == REPLY
        && frame[32..38] == asker.0;
    if !ours {
        return None;
    }
    let holder: [u8; 6] = frame[22..28].try_into().ok()?;
    let address: [u8; 4] = frame[28..32].try_into().ok()?;
    Some((address.into(), Mac(holder)))
}

/// A network card, below IP.
struct Cable {
    socket: OwnedFd,
}

impl Cable {
    fn open(name: &str) -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::EthAll,
        )?;
        bind(socket.as_raw_fd(), &card(name)?)?;
        Ok(Self { socket })
    }

    fn send(&self, frame: &[u8]) -> io::Result<()> {
        match send(self.socket.as_raw_fd(), frame, MsgFlags::empty()) {
            // The client's own port may be what the drill has put down.
            Ok(_) | Err(Errno::ENETDOWN | Errno::ENOBUFS | Errno::EAGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Collects the answers to one question until an instant.
    fn answers_until(&self, asker: Mac, end: Instant) -> io::Result<Vec<(Ipv4Addr, Mac)>> {
        let mut found = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(found);
            }
            // Rounded up, or the last millisecond would be spent asking without waiting.
            let wait = PollTimeout::try_from(left.as_micros().div_ceil(1000))
                .unwrap_or(PollTimeout::from(1000u16));
            let mut descriptors = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            match poll(&mut descriptors, wait) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            loop {
                match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                    Ok(length) => found.extend(answer(&buffer[..length], asker)),
                    Err(Errno::EAGAIN | Errno::ENETDOWN) => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

/// The card's link-level address, with which a socket is bound to it.
fn card(name: &str) -> io::Result<LinkAddr> {
    getifaddrs()?
        .filter(|interface| interface.interface_name == name)
        .find_map(|interface| interface.address?.as_link_addr().copied())
        .ok_or_else(|| io::Error::other(format!("no network card {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VIP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 102);
    const HOLDER: Mac = Mac([2, 0x7a, 0, 0, 0, 2]);

    /// What a kernel makes of a question: the same frame with the ends exchanged.
    fn answered(question: &[u8; FRAME_BYTES]) -> [u8; FRAME_BYTES] {
        let mut frame = *question;
        frame[0..6].copy_from_slice(&question[6..12]);
        frame[6..12].copy_from_slice(&HOLDER.0);
        frame[20..22].copy_from_slice(&REPLY);
        frame[22..28].copy_from_slice(&HOLDER.0);
        frame[28..32].copy_from_slice(&question[38..42]);
        frame[32..42].copy_from_slice(&question[22..32]);
        frame
    }

    #[test]
    fn an_answer_names_the_holder() {
        let frame = answered(&question(asker(7), VIP));
        assert_eq!(answer(&frame, asker(7)), Some((VIP, HOLDER)));
    }

    #[test]
    fn answers_to_other_questions_do_not_count() {
        let question = question(asker(7), VIP);
        assert_eq!(answer(&answered(&question), asker(8)), None);
        assert_eq!(answer(&question, asker(7)), None);
    }

    proptest! {
        #[test]
        fn any_frame_is_read_or_passed_over(frame in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = answer(&frame, asker(0));
        }
    }
}
