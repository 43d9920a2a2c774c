//! Hearing of others that use an address which this host holds.

use std::net::IpAddr;

use tetrarch_core::data::Mac;

use super::frame::Statement;
use super::interface::Interface;
use super::link::{Family, Link, LinkError};

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
    /// None without an address of that family.
    v4: Option<Link>,
    v6: Option<Link>,
    own: Vec<Mac>,
}

impl Rivals {
    /// Begins to listen on `interface` to whoever says that he has one of `addresses`, a few. What `own`
    /// virtual servers say is not taken for a rival's word, nor what the interface itself says.
    ///
    /// # Errors
    ///
    /// Without the capability `CAP_NET_RAW`, or when the interface has gone.
    pub fn listen(
        interface: &Interface,
        own: &[Mac],
        addresses: &[IpAddr],
    ) -> Result<Self, LinkError> {
        let mut own = own.to_vec();
        own.push(interface.mac());
        Ok(Self {
            v4: Link::open_for(interface, Family::V4, addresses)?,
            v6: Link::open_for(interface, Family::V6, addresses)?,
            own,
        })
    }

    /// Asks who has `address`, one of those that are listened for: a rival that says nothing by himself
    /// answers. Nobody who hears the question changes what he knows.
    ///
    /// # Errors
    ///
    /// When the question cannot be sent.
    pub async fn ask(&self, address: IpAddr) -> Result<(), LinkError> {
        let link = match Family::of(address) {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        };
        match link {
            Some(link) => link.ask(address).await,
            None => Ok(()),
        }
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
                heard = hear(self.v4.as_ref()) => heard?,
                heard = hear(self.v6.as_ref()) => heard?,
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

async fn hear(link: Option<&Link>) -> Result<Statement, LinkError> {
    match link {
        Some(link) => link.hear().await,
        None => core::future::pending().await,
    }
}
