//! This server's own virtual IP address.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use tetrarch_core::Span;
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
    /// What is left of its hold is too short.
    #[error("{0} may not be on this server")]
    NoHold(VirtualAddress),
    /// It is still there after it was taken off.
    #[error("{0} is still on this server")]
    Remains(VirtualAddress),
}

/// Tells how much longer the address may be on this server.
type Left = Box<dyn Fn() -> Option<Span> + Send + Sync>;

/// How late the kernel may be with the end of a lifetime.
const KERNEL_LATE_MAX: Span = Span::from_millis(1250);

/// The lifetime in whole seconds of an address that may be here for `left`: so that the kernel has taken it
/// off by then, or the least that there is. The guard is in time where the kernel cannot be.
fn lifetime(left: Span) -> Option<NonZeroU32> {
    let whole = |span: Span| u32::try_from(span.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX);
    let in_time = NonZeroU32::new(whole(left.saturating_sub(KERNEL_LATE_MAX)));
    in_time.or_else(|| (left > Span::ZERO).then_some(NonZeroU32::MIN))
}

/// This server's own virtual IP address on one of its interfaces. It is claimed only when nobody else
/// answers to it.
pub struct OwnVirtualAddress {
    interface: String,
    address: VirtualAddress,
    probe: Probe,
    /// Who may want the address at the same time.
    members: Vec<Mac>,
    table: Addresses,
    /// Under way only while the address is held.
    announcements: Mutex<Option<Announcements>>,
    /// None of an address that may stay for ever.
    left: Option<Left>,
    /// Whether the address is meant to be here, since it was found here or put here. It is locked while
    /// anything is changed: a lifetime that is renewed must not bring back what was just taken off.
    is_meant: tokio::sync::Mutex<bool>,
}

impl fmt::Debug for OwnVirtualAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnVirtualAddress")
            .field("interface", &self.interface)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl OwnVirtualAddress {
    /// `address` on the interface called `interface`, which may appear later.
    #[must_use]
    pub fn new(interface: String, address: VirtualAddress, probe: Probe, table: Addresses) -> Self {
        Self {
            interface,
            address,
            probe,
            members: Vec::new(),
            table,
            announcements: Mutex::new(None),
            left: None,
            is_meant: tokio::sync::Mutex::new(false),
        }
    }

    /// The same address, which is not claimed while one of the group's `members` asks for it to claim it.
    #[must_use]
    pub fn with_members(mut self, members: Vec<Mac>) -> Self {
        self.members = members;
        self
    }

    /// The same address, which may be on this server for as long only as `left` says: it gets a lifetime in
    /// the kernel.
    #[must_use]
    pub fn with_lifetime(
        mut self,
        left: impl Fn() -> Option<Span> + Send + Sync + 'static,
    ) -> Self {
        self.left = Some(Box::new(left));
        self
    }

    fn lifetime(&self) -> Result<Option<NonZeroU32>, OwnAddressError> {
        let Some(left) = &self.left else {
            return Ok(None);
        };
        let lifetime = left().and_then(lifetime);
        lifetime
            .map(Some)
            .ok_or(OwnAddressError::NoHold(self.address))
    }

    /// Gives the address, if it is meant to be on this server, the lifetime that it has now. The kernel may
    /// have taken it off already, as lifetimes are shorter than holds; it is put on again then.
    ///
    /// # Errors
    ///
    /// When the kernel refuses, or nothing is left of the hold; the address then goes at its old end.
    pub async fn renew(&self) -> Result<(), OwnAddressError> {
        let is_meant = self.is_meant.lock().await;
        if self.left.is_none() || !*is_meant {
            return Ok(());
        }
        if self.table.holds(self.address.address()).await? {
            let interface = Interface::find(&self.interface)?;
            let lifetime = self.lifetime()?;
            self.table.add(&interface, self.address, lifetime).await?;
            return Ok(());
        }
        warn!(address = %self.address, "its lifetime had ended; put on again");
        self.put_on().await
    }

    async fn claim(&self) -> Result<(), OwnAddressError> {
        let mut is_meant = self.is_meant.lock().await;
        self.put_on().await?;
        *is_meant = true;
        Ok(())
    }

    async fn put_on(&self) -> Result<(), OwnAddressError> {
        let address = self.address.address();
        let interface = Interface::find(&self.interface)?;
        let link = Link::open(&interface, address)?;
        if !self.table.holds(address).await?
            && let Some(mac) = probe(&link, address, self.probe, &self.members).await?
        {
            let address = self.address;
            return Err(OwnAddressError::InUse { address, mac });
        }
        // The time of the questions is over, and so may be the hold; the lifetime is what is left now.
        let lifetime = self.lifetime()?;
        self.table.add(&interface, self.address, lifetime).await?;
        // Held already, it is announced again: somebody may have doubted it. One that cannot be told
        // now has the address all the same, and its clients ask for it sooner or later.
        if let Err(error) = self.tell(link).await {
            warn!(%error, "address not announced");
        }
        Ok(())
    }

    async fn tell(&self, link: Link) -> Result<(), LinkError> {
        let owner = link.interface().mac();
        let announcements = announce(link, self.address.address(), owner).await?;
        self.announcing(Some(announcements));
        Ok(())
    }

    /// Announces the address anew, if it is meant to be here and is.
    async fn insist(&self) -> Result<(), OwnAddressError> {
        let is_meant = self.is_meant.lock().await;
        let address = self.address.address();
        if *is_meant && self.table.holds(address).await? {
            let interface = Interface::find(&self.interface)?;
            self.tell(Link::open(&interface, address)?).await?;
        }
        Ok(())
    }

    async fn give_up(&self) -> Result<(), OwnAddressError> {
        let mut is_meant = self.is_meant.lock().await;
        *is_meant = false;
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
        let mut is_meant = self.is_meant.lock().await;
        *is_meant = self.table.holds(self.address.address()).await?;
        Ok(*is_meant)
    }

    async fn assign(&self) -> Result<(), Failure> {
        Ok(self.claim().await?)
    }

    async fn release(&self) -> Result<(), Failure> {
        Ok(self.give_up().await?)
    }

    async fn announce(&self) -> Result<(), Failure> {
        Ok(self.insist().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_end_before_the_hold() {
        let seconds = |ms| lifetime(Span::from_millis(ms)).map(NonZeroU32::get);
        assert_eq!(seconds(5400), Some(4));
        assert_eq!(seconds(5250), Some(4));
        assert_eq!(seconds(5249), Some(3));
        assert_eq!(seconds(1000), Some(1));
        assert_eq!(seconds(1), Some(1));
        assert_eq!(seconds(0), None);
        assert_eq!(lifetime(Span::MAX), NonZeroU32::new(u32::MAX));
    }
}
