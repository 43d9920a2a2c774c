//! Network interfaces.

use std::fmt;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::LinkAddr;
use tetrarch_core::data::Mac;

/// An Ethernet interface of this host, as it was when it was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    name: String,
    mac: Mac,
    link: LinkAddr,
}

/// Why there is no such interface.
#[derive(Debug, thiserror::Error)]
pub enum InterfaceError {
    /// The interfaces cannot be listed.
    #[error("cannot list the network interfaces: {0}")]
    List(#[source] nix::Error),
    /// None has this name.
    #[error("there is no network interface {0:?}")]
    Missing(String),
    /// It is not like Ethernet.
    #[error("the network interface {0:?} has no MAC address")]
    NoMac(String),
}

impl Interface {
    /// The interface called `name`.
    ///
    /// # Errors
    ///
    /// When there is none, or it has no MAC address.
    pub fn find(name: &str) -> Result<Self, InterfaceError> {
        let link = getifaddrs()
            .map_err(InterfaceError::List)?
            .filter(|entry| entry.interface_name == name)
            .find_map(|entry| entry.address?.as_link_addr().copied())
            .ok_or_else(|| InterfaceError::Missing(name.to_owned()))?;
        let mac = link
            .addr()
            .and_then(|octets| Mac::new(octets).ok())
            .ok_or_else(|| InterfaceError::NoMac(name.to_owned()))?;
        Ok(Self {
            name: name.to_owned(),
            mac,
            link,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its MAC address.
    #[must_use]
    pub const fn mac(&self) -> Mac {
        self.mac
    }

    /// The number that the kernel knows it by.
    #[must_use]
    pub fn index(&self) -> u32 {
        // The kernel's own type for it has 32 bits; nix widens it.
        u32::try_from(self.link.ifindex()).unwrap_or(0)
    }

    /// The address that a packet socket is bound to.
    pub(super) const fn link(&self) -> &LinkAddr {
        &self.link
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
