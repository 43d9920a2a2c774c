//! Virtual IP addresses: on an interface, off it, and seen elsewhere.
//!
//! An address is claimed in three steps: its neighbours are asked whether anybody has it (RFC 5227 for
//! IPv4, RFC 4862 for IPv6), it is put on the interface, and its new place is announced, several times,
//! because an announcement may be lost and clients keep the old place for up to half a minute.

mod announce;
mod frame;
mod interface;
mod link;
mod own;
mod probe;
mod rivals;
mod table;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

pub(crate) use frame::Statement;

pub use announce::{Announcements, announce};
pub use interface::{Interface, InterfaceError};
pub use link::{Link, LinkError};
pub use own::{OwnAddressError, OwnVirtualAddress};
pub use probe::{Probe, probe};
pub use rivals::{Rival, Rivals};
pub use table::{Addresses, TableError};

/// An address that clients use, with the length of its network's prefix: `172.21.14.201/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VirtualAddress {
    address: IpAddr,
    prefix: u8,
}

/// Why a text or a pair of values is no virtual address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VirtualAddressError {
    /// Not an address, or not followed by a prefix length.
    #[error("expected an address such as 172.21.14.201 or fd00::201/128, found {0:?}")]
    Form(String),
    /// An address that no single host has.
    #[error("expected the address of one host, found {0}")]
    NotOneHost(IpAddr),
    /// The prefix is longer than the address.
    #[error("expected a prefix of 1 to {max} bits, found {found}")]
    Prefix {
        /// The address's length in bits.
        max: u8,
        /// What was given.
        found: u8,
    },
}

impl VirtualAddress {
    /// `address` with a prefix of `prefix` bits.
    ///
    /// # Errors
    ///
    /// When the address is unspecified, loopback, multicast or broadcast, or the prefix does not fit.
    pub const fn new(address: IpAddr, prefix: u8) -> Result<Self, VirtualAddressError> {
        let (max, broadcast) = match address {
            IpAddr::V4(v4) => (32, v4.is_broadcast()),
            IpAddr::V6(_) => (128, false),
        };
        if address.is_unspecified() || address.is_loopback() || address.is_multicast() || broadcast
        {
            return Err(VirtualAddressError::NotOneHost(address));
        }
        if prefix == 0 || prefix > max {
            return Err(VirtualAddressError::Prefix { max, found: prefix });
        }
        Ok(Self { address, prefix })
    }

    /// `address` alone: a prefix as long as the address. Nothing but the address itself is reached
    /// through it, so the interface's own address stays the one that connections are made from.
    ///
    /// # Errors
    ///
    /// As for [`Self::new`].
    pub const fn single(address: IpAddr) -> Result<Self, VirtualAddressError> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Self::new(address, bits)
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// Length of the prefix in bits.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }
}

impl FromStr for VirtualAddress {
    type Err = VirtualAddressError;

    fn from_str(text: &str) -> Result<Self, VirtualAddressError> {
        let form = || VirtualAddressError::Form(text.chars().take(60).collect());
        match text.split_once('/') {
            None => Self::single(text.parse().map_err(|_| form())?),
            Some((address, prefix)) => {
                if !prefix.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(form());
                }
                Self::new(
                    address.parse().map_err(|_| form())?,
                    prefix.parse().map_err(|_| form())?,
                )
            }
        }
    }
}

impl fmt::Display for VirtualAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, expected) in [
            ("172.21.14.201", "172.21.14.201/32"),
            ("172.21.14.201/24", "172.21.14.201/24"),
            ("fd00::201", "fd00::201/128"),
            ("fd00:0::201/64", "fd00::201/64"),
        ] {
            assert_eq!(
                text.parse::<VirtualAddress>().unwrap().to_string(),
                expected
            );
        }
    }

    #[test]
    fn what_no_host_can_hold_is_refused() {
        for text in [
            "",
            "x",
            "10.0.0.1/",
            "10.0.0.1/+8",
            "10.0.0.1/33",
            "10.0.0.1/0",
            "10.0.0.1/256",
            "fd00::1/129",
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::1",
            "10.0.0.1/8/8",
        ] {
            assert!(text.parse::<VirtualAddress>().is_err(), "{text}");
        }
    }
}
