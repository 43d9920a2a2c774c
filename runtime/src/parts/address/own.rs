//! This server's own virtual IP address.

use std::sync::{Mutex, PoisonError};

use tetrarch_core::data::Mac;
use tracing::warn;

use super::{
    Addresses, Announcements, Interface, InterfaceError, Link, LinkError, Probe, TableError,
    VirtualAddress, announce, probe,
};
use crate::parts::{Failure, OwnAddress};

/// Why the address was not put on this server, or not taken off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OwnAddressError {
    /// The interface is missing.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The neighbours cannot be asked or told.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The kernel refused.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Somebody else answers to it.
    #[error("{address} is in use by {mac}")]
    InUse {
        /// The address.
        address: VirtualAddress,
        /// Who answered.
        mac: Mac,
    },
    /// It is still there after it was taken off.
    #[error("{0} is still on this server")]
    Remains(VirtualAddress),
}

/// This server's own virtual IP address on one of its interfaces. It is claimed only when nobody else
/// answers to it.
#[derive(Debug)]
pub struct OwnVirtualAddress {
    interface: String,
    address: VirtualAddress,
    probe: Probe,
    table: Addresses,
    /// Under way only while the address is held.
    announcements: Mutex<Option<Announcements>>,
}

impl OwnVirtualAddress {
    /// `address` on the interface called `interface`, which may appear later.
    #[must_use]
    pub const fn new(
        interface: String,
        address: VirtualAddress,
        probe: Probe,
        table: Addresses,
    ) -> Self {
        Self {
            interface,
            address,
            probe,
            table,
            announcements: Mutex::new(None),
        }
    }

    async fn claim(&self) -> Result<(), OwnAddressError> {
        let address = self.address.address();
        let interface = Interface::find(&self.interface)?;
        let link = Link::open(&interface, address)?;
        if !self.table.holds(address).await? {
            if let Some(mac) = probe(&link, address, self.probe).await? {
                let address = self.address;
                return Err(OwnAddressError::InUse { address, mac });
            }
            self.table.add(&interface, self.address).await?;
        }
        // Held already, it is announced again: somebody may have doubted it. One that cannot be told
        // now has the address all the same, and its clients ask for it sooner or later.
        match announce(link, address, interface.mac()).await {
            Ok(announcements) => self.announcing(Some(announcements)),
            Err(error) => warn!(%error, "address not announced"),
        }
        Ok(())
    }

    async fn give_up(&self) -> Result<(), OwnAddressError> {
        let address = self.address.address();
        self.announcing(None);
        self.table.remove(address).await?;
        if self.table.holds(address).await? {
            return Err(OwnAddressError::Remains(self.address));
        }
        Ok(())
    }

    fn announcing(&self, announcements: Option<Announcements>) {
        // The value is whole whoever panicked while it was held.
        *self
            .announcements
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = announcements;
    }
}

impl OwnAddress for OwnVirtualAddress {
    async fn holds(&self) -> Result<bool, Failure> {
        Ok(self.table.holds(self.address.address()).await?)
    }

    async fn assign(&self) -> Result<(), Failure> {
        Ok(self.claim().await?)
    }

    async fn release(&self) -> Result<(), Failure> {
        Ok(self.give_up().await?)
    }
}
