//! The kernel's table of addresses, over rtnetlink.

use std::io;
use std::net::IpAddr;
use std::num::NonZeroU32;

use futures_util::TryStreamExt;
use rtnetlink::packet_core::ErrorMessage;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressHeaderFlags, AddressMessage, CacheInfo,
};
use rtnetlink::{Error, Handle};
use tokio::task::JoinHandle;

use super::VirtualAddress;
use super::interface::Interface;

/// Why the table could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The kernel cannot be talked to.
    #[error("no netlink connection: {0}")]
    Connect(#[source] io::Error),
    /// The address was not added.
    #[error("cannot put {address} on {interface}: {source}")]
    Add {
        /// The address.
        address: VirtualAddress,
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: Error,
    },
    /// The address was not removed.
    #[error("cannot take {address} off: {source}")]
    Remove {
        /// The address.
        address: IpAddr,
        /// What the kernel said.
        source: Error,
    },
    /// The table was not read.
    #[error("cannot list the addresses: {0}")]
    List(#[source] Error),
}

/// The kernel's table of addresses. Changing it needs the capability `CAP_NET_ADMIN`.
#[derive(Debug)]
pub struct Addresses {
    handle: Handle,
    connection: JoinHandle<()>,
}

impl Drop for Addresses {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Addresses {
    /// Opens the table. It must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the kernel gives no netlink socket.
    pub fn open() -> Result<Self, TableError> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(TableError::Connect)?;
        Ok(Self {
            handle,
            connection: tokio::spawn(connection),
        })
    }

    /// Puts `address` on `interface`. It is well if it is there already. With a `lifetime` in whole seconds
    /// the kernel takes it off by itself at its end, whatever becomes of this program, and up to 1.25 s later
    /// than that: it looks at most once a second.
    ///
    /// An IPv6 address is usable at once, without the kernel's own duplicate address detection of a
    /// second or more: [`probe`](super::probe()) has asked already.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub async fn add(
        &self,
        interface: &Interface,
        address: VirtualAddress,
        lifetime: Option<NonZeroU32>,
    ) -> Result<(), TableError> {
        let mut request = self
            .handle
            .address()
            .add(interface.index(), address.address(), address.prefix())
            .replace();
        if address.address().is_ipv6() {
            request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        }
        if let Some(seconds) = lifetime {
            let mut info = CacheInfo::default();
            (info.ifa_preferred, info.ifa_valid) = (seconds.get(), seconds.get());
            let attributes = &mut request.message_mut().attributes;
            attributes.push(AddressAttribute::CacheInfo(info));
        }
        request.execute().await.map_err(|source| TableError::Add {
            address,
            interface: interface.name().to_owned(),
            source,
        })
    }

    /// Takes `address` off whatever interface has it, with whatever prefix. Returns whether any had.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub async fn remove(&self, address: IpAddr) -> Result<bool, TableError> {
        let entries = self.entries(address).await?;
        let found = !entries.is_empty();
        for entry in entries {
            match self.handle.address().del(entry).execute().await {
                // Somebody else was faster.
                Err(Error::NetlinkError(error)) if is_not_there(&error) => {}
                result => result.map_err(|source| TableError::Remove { address, source })?,
            }
        }
        Ok(found)
    }

    /// Whether this host holds `address` on any of its interfaces, and may use it: not while the
    /// kernel still asks for duplicates, nor after it found one.
    ///
    /// # Errors
    ///
    /// When the kernel does not list its addresses.
    pub async fn holds(&self, address: IpAddr) -> Result<bool, TableError> {
        Ok(self.interface_of(address).await?.is_some())
    }

    /// The number of the interface on which this host holds `address` and may use it.
    ///
    /// # Errors
    ///
    /// When the kernel does not list its addresses.
    pub async fn interface_of(&self, address: IpAddr) -> Result<Option<u32>, TableError> {
        let entries = self.entries(address).await?;
        let usable = entries.iter().find(|entry| {
            let unusable = AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed;
            !entry.header.flags.intersects(unusable)
        });
        Ok(usable.map(|entry| entry.header.index))
    }

    async fn entries(&self, address: IpAddr) -> Result<Vec<AddressMessage>, TableError> {
        let all: Vec<AddressMessage> = self
            .handle
            .address()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(TableError::List)?;
        Ok(all
            .into_iter()
            .filter(|entry| own_address(entry) == Some(address))
            .collect())
    }
}

/// The host's own end of an entry. On a point-to-point link "address" is the other end.
fn own_address(entry: &AddressMessage) -> Option<IpAddr> {
    let mut found = None;
    for attribute in &entry.attributes {
        match attribute {
            AddressAttribute::Local(local) => return Some(*local),
            AddressAttribute::Address(address) => found = Some(*address),
            _ => {}
        }
    }
    found
}

fn is_not_there(error: &ErrorMessage) -> bool {
    error.raw_code() == -(nix::errno::Errno::EADDRNOTAVAIL as i32)
}
