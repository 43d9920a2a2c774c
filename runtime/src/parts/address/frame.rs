//! The Ethernet frames that ask for an address, and those that say who has it: ARP (RFC 826, RFC 5227)
//! for IPv4, neighbour discovery (RFC 4861) for IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::icmpv6::NeighborAdvertisementHeader;
use etherparse::{
    ArpEthIpv4Packet, ArpOperation, EtherType, Icmpv6Header, Icmpv6Type, IpNumber, Ipv6FlowLabel,
    Ipv6Header, NetSlice, SlicedPacket, TransportSlice,
};
use tetrarch_core::data::Mac;

const BROADCAST: [u8; 6] = [0xff; 6];
/// Shortest frame on an Ethernet, in bytes, without its checksum. Drivers pad, but a packet socket on
/// a virtual link shows what was sent.
const FRAME_MIN: usize = 60;
/// Neighbour discovery ignores whatever a router has touched (RFC 4861, 7.1).
const HOP_LIMIT: u8 = 255;

/// What a frame says about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// The sender has this address.
    Has(IpAddr, Mac),
    /// The sender wants to have this address, and asks whether anybody does.
    Wants(IpAddr, Mac),
}

/// Asks who has `wanted`, without saying that the sender has any address. Whoever has it answers; nobody
/// who hears the question changes what he knows.
pub(crate) fn question(from: Mac, wanted: IpAddr) -> Vec<u8> {
    match wanted {
        IpAddr::V4(wanted) => arp(from, Ipv4Addr::UNSPECIFIED, wanted),
        IpAddr::V6(wanted) => {
            let group = solicited_node(wanted);
            neighbour(
                from,
                Ipv6Addr::UNSPECIFIED,
                group,
                Icmpv6Type::NeighborSolicitation,
                &wanted.octets(),
            )
        }
    }
}

/// Says that `owner` has `address` now, whatever was said before.
pub(crate) fn announcement(owner: Mac, address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => arp(owner, address, address),
        IpAddr::V6(address) => {
            let advertisement = NeighborAdvertisementHeader {
                router: false,
                solicited: false,
                r#override: true,
            };
            let mut body = address.octets().to_vec();
            // Option 2, the owner's link-layer address, of one unit of 8 bytes.
            body.extend([2, 1]);
            body.extend(owner.octets());
            let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
            let kind = Icmpv6Type::NeighborAdvertisement(advertisement);
            neighbour(owner, address, all_nodes, kind, &body)
        }
    }
}

/// An ARP request as RFC 5227 writes probes and announcements.
fn arp(from: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let packet = ArpEthIpv4Packet {
        operation: ArpOperation::REQUEST,
        sender_mac: from.octets(),
        sender_ipv4: sender.octets(),
        target_mac: [0; 6],
        target_ipv4: target.octets(),
    };
    let mut frame = ethernet(from, BROADCAST, EtherType::ARP);
    frame.extend(packet.to_bytes());
    frame.resize(FRAME_MIN, 0);
    frame
}

fn neighbour(
    from: Mac,
    source: Ipv6Addr,
    group: Ipv6Addr,
    kind: Icmpv6Type,
    body: &[u8],
) -> Vec<u8> {
    let mut icmp = Icmpv6Header::new(kind);
    // It fails only for bodies beyond 4 GB.
    let _ = icmp.update_checksum(source.octets(), group.octets(), body);
    let length = icmp.header_len() + body.len();
    let ip = Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: u16::try_from(length).unwrap_or(u16::MAX),
        next_header: IpNumber::IPV6_ICMP,
        hop_limit: HOP_LIMIT,
        source: source.octets(),
        destination: group.octets(),
    };
    let [.., a, b, c, d] = group.octets();
    let mut frame = ethernet(from, [0x33, 0x33, a, b, c, d], EtherType::IPV6);
    frame.extend(ip.to_bytes());
    frame.extend(icmp.to_bytes());
    frame.extend(body);
    frame
}

fn ethernet(from: Mac, to: [u8; 6], kind: EtherType) -> Vec<u8> {
    let mut frame = Vec::with_capacity(96);
    frame.extend(to);
    frame.extend(from.octets());
    frame.extend(kind.0.to_be_bytes());
    frame
}

/// The group in which the holder of `address` listens (RFC 4291, 2.7.1).
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let low = u16::from_be_bytes([b, c]);
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), low)
}

/// What `frame` says; nothing when it is something else, or broken.
pub(crate) fn read(frame: &[u8]) -> Option<Statement> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    match packet.net? {
        NetSlice::Arp(arp) => {
            let arp = ArpEthIpv4Packet::try_from(arp.to_packet()).ok()?;
            let mac = Mac::new(arp.sender_mac).ok()?;
            let sender = arp.sender_ipv4_addr();
            if sender.is_unspecified() {
                let wanted = arp.target_ipv4_addr();
                let asks = arp.operation == ArpOperation::REQUEST && !wanted.is_unspecified();
                return asks.then_some(Statement::Wants(wanted.into(), mac));
            }
            Some(Statement::Has(sender.into(), mac))
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            let Some(TransportSlice::Icmpv6(icmp)) = packet.transport else {
                return None;
            };
            let genuine = header.hop_limit() == HOP_LIMIT
                && icmp.is_checksum_valid(header.source(), header.destination());
            if !genuine {
                return None;
            }
            let target = Ipv6Addr::from(*icmp.payload().first_chunk::<16>()?);
            // Who sends is in the frame itself; the option that repeats it may be missing.
            let mac = Mac::new(*frame.get(6..)?.first_chunk::<6>()?).ok()?;
            match icmp.icmp_type() {
                Icmpv6Type::NeighborAdvertisement(_) => Some(Statement::Has(target.into(), mac)),
                Icmpv6Type::NeighborSolicitation if header.source_addr().is_unspecified() => {
                    Some(Statement::Wants(target.into(), mac))
                }
                _ => None,
            }
        }
        NetSlice::Ipv4(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mac() -> Mac {
        "52:54:00:12:34:56".parse().unwrap()
    }

    const V4: &str = "172.21.14.201";
    const V6: &str = "fd00::1234:5678";

    #[test]
    fn what_is_written_is_read() {
        for address in [V4, V6] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(
                read(&question(mac(), address)),
                Some(Statement::Wants(address, mac()))
            );
            assert_eq!(
                read(&announcement(mac(), address)),
                Some(Statement::Has(address, mac()))
            );
        }
    }

    /// RFC 5227, 1.1: the sender's IP address of a probe is zero, its target the wanted one; in an
    /// announcement both are the address.
    #[test]
    fn arp_is_written_byte_for_byte() {
        let head = [
            255, 255, 255, 255, 255, 255, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 6, 0, 1, 8, 0, 6, 4,
            0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56,
        ];
        let probe = question(mac(), V4.parse().unwrap());
        assert_eq!(probe[..28], head);
        assert_eq!(
            probe[28..42],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 172, 21, 14, 201]
        );
        let said = announcement(mac(), V4.parse().unwrap());
        assert_eq!(said[..28], head);
        assert_eq!(
            said[28..42],
            [172, 21, 14, 201, 0, 0, 0, 0, 0, 0, 172, 21, 14, 201]
        );
    }

    #[test]
    fn a_solicitation_goes_to_the_group_of_the_address() {
        let asked = question(mac(), V6.parse().unwrap());
        assert_eq!(asked[..6], [0x33, 0x33, 0xff, 0x34, 0x56, 0x78]);
        let group: Ipv6Addr = "ff02::1:ff34:5678".parse().unwrap();
        assert_eq!(asked[38..54], group.octets());
    }

    #[test]
    fn forgeries_are_not_believed() {
        let mut forwarded = announcement(mac(), V6.parse().unwrap());
        forwarded[21] = 254;
        assert_eq!(read(&forwarded), None);
        let mut damaged = announcement(mac(), V6.parse().unwrap());
        damaged[65] ^= 1;
        assert_eq!(read(&damaged), None);
        let mut multicast = announcement(mac(), V4.parse().unwrap());
        multicast[22] = 1;
        assert_eq!(read(&multicast), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            let _ = read(&bytes);
        }

        #[test]
        fn any_damage_is_survived(at in 0usize..86, value: u8, cut in 0usize..86) {
            for address in [V4, V6] {
                let mut frame = announcement(mac(), address.parse().unwrap());
                if let Some(byte) = frame.get_mut(at) { *byte = value; }
                frame.truncate(cut);
                let _ = read(&frame);
            }
        }
    }
}
