//! Hearing of others that use an address which this host holds.

use std::net::IpAddr;

use tetrarch_core::data::Mac;

use super::frame::Statement;
use super::interface::Interface;
use super::link::{Link, LinkError};

/// Somebody else who uses an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rival {
    /// The address.
    pub address: IpAddr,
    /// Who says that he has it.
    pub mac: Mac,
}

/// Listens for rivals on one interface.
#[derive(Debug)]
pub struct Rivals {
    v4: Link,
    v6: Link,
    own: Vec<Mac>,
}

impl Rivals {
    /// Begins to listen on `interface`. What `own` virtual servers say is not taken for a rival's word,
    /// nor what the interface itself says.
    ///
    /// # Errors
    ///
    /// Without the capability `CAP_NET_RAW`, or when the interface has gone.
    pub fn listen(interface: &Interface, own: &[Mac]) -> Result<Self, LinkError> {
        let mut own = own.to_vec();
        own.push(interface.mac());
        Ok(Self {
            v4: Link::open(interface, IpAddr::from([0; 4]))?,
            v6: Link::open(interface, IpAddr::from([0; 16]))?,
            own,
        })
    }

    /// The next frame in which somebody else says that he has one of the `held` addresses.
    ///
    /// Safe to drop and call again: nothing is lost but what the kernel could not keep.
    ///
    /// # Errors
    ///
    /// When frames cannot be received any more.
    pub async fn next(&self, held: impl Fn(IpAddr) -> bool) -> Result<Rival, LinkError> {
        loop {
            let statement = tokio::select! {
                heard = self.v4.hear() => heard?,
                heard = self.v6.hear() => heard?,
            };
            // One who only asks will be answered by the kernel, and is no rival yet.
            let Statement::Has(address, mac) = statement else {
                continue;
            };
            if held(address) && !self.own.contains(&mac) {
                return Ok(Rival { address, mac });
            }
        }
    }
}
