//! The virtual servers on this host, each a machine of QEMU with an agent in the guest.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tetrarch_core::data::Mac;
use tetrarch_core::{Members, ServerId};
use tokio::time::timeout;
use tracing::warn;

use super::address::{Announcements, Interface, Link, VirtualAddress, announce};
use super::qemu::{Guest, GuestError, RunState, VirtualServer, VirtualServerError};
use super::{Failure, VirtualServers};

/// How long a guest that has just been resumed may take to answer.
const AWAKE_MAX: Duration = Duration::from_secs(20);

/// How long a guest may take that has long been awake, before it is not asked any more.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// The program in the guest that changes its addresses.
const IP: &str = "/sbin/ip";

/// Why a virtual server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum GuestsError {
    #[error("no virtual server of {0} is set up here")]
    Stranger(ServerId),
    #[error("the guest does not have {0}")]
    NotHeld(VirtualAddress),
    #[error("the guest does not answer")]
    Silent,
}

/// The virtual server of one function.
#[derive(Debug)]
pub struct GuestServer {
    /// Its machine.
    pub server: VirtualServer,
    /// The function's virtual IP address.
    pub address: VirtualAddress,
    /// The MAC address of its network card.
    pub mac: Mac,
    /// The interface in the guest that gets the address.
    pub interface: String,
}

/// The virtual servers on this host.
#[derive(Debug)]
pub struct Guests {
    /// The interface of this host behind which they are.
    interface: String,
    /// In ring order; none for this server's own function.
    servers: Vec<Option<GuestServer>>,
    announcing: Mutex<Vec<Option<Announcements>>>,
}

impl GuestServer {
    /// What is done in the guest, as far as it answers within `limit`.
    async fn ask<T>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut Guest) -> Result<T, GuestError>,
    ) -> Result<T, Failure> {
        let asked = async {
            let mut guest = self.server.guest(limit).await?;
            Ok(work(&mut guest).await?)
        };
        timeout(limit, asked)
            .await
            .map_err(|_| GuestsError::Silent)?
    }

    async fn runs(&self) -> Result<bool, VirtualServerError> {
        Ok(self.server.state().await? == Some(RunState::Running))
    }

    fn in_guest(&self) -> String {
        self.address.to_string()
    }

    /// Sets the guest's clock, lets it forget where its neighbours were before it was suspended, and
    /// gives it the address.
    async fn assign(&self) -> Result<(), Failure> {
        let (address, interface) = (self.in_guest(), self.interface.as_str());
        let held = self.ask(AWAKE_MAX, async |guest| {
            guest.run(IP, &["neigh", "flush", "all"]).await?;
            let add = ["address", "replace", &address, "dev", interface];
            guest.run(IP, &add).await?;
            let held = guest.holds(self.address.address()).await?;
            // A guest whose clock is late serves all the same.
            if let Err(why) = guest.set_time().await {
                warn!(%why, "the guest's clock is not set");
            }
            Ok(held)
        });
        if held.await? {
            Ok(())
        } else {
            Err(GuestsError::NotHeld(self.address).into())
        }
    }

    /// Takes the address off the guest, and tells whether that is known to be done.
    async fn take_off(&self) -> bool {
        let (address, interface) = (self.in_guest(), self.interface.as_str());
        let held = self.ask(ANSWER_MAX, async |guest| {
            // It fails when the guest does not have it.
            let _ = guest
                .run(IP, &["address", "del", &address, "dev", interface])
                .await;
            let _ = guest.run(IP, &["neigh", "flush", "all"]).await;
            guest.holds(self.address.address()).await
        });
        matches!(held.await, Ok(false))
    }
}

impl Guests {
    /// The virtual servers `servers`, in ring order, behind `interface`.
    #[must_use]
    pub fn new(interface: String, servers: Vec<Option<GuestServer>>) -> Self {
        let announcing = servers.iter().map(|_| None).collect();
        Self {
            interface,
            servers,
            announcing: Mutex::new(announcing),
        }
    }

    fn of(&self, function: ServerId) -> Result<&GuestServer, GuestsError> {
        let found = self.servers.get(function.index()).and_then(Option::as_ref);
        found.ok_or(GuestsError::Stranger(function))
    }

    fn announcing(&self, function: ServerId, announcements: Option<Announcements>) {
        // The value is whole whoever panicked while it was held.
        let mut all = self
            .announcing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = all.get_mut(function.index()) {
            *place = announcements;
        }
    }

    /// Tells the neighbours where the address is now. The guest itself says nothing when it gets one.
    async fn announce(&self, function: ServerId, address: IpAddr, mac: Mac) -> Result<(), Failure> {
        let interface = Interface::find(&self.interface)?;
        let link = Link::open(&interface, address)?;
        let announcements = announce(link, address, mac).await?;
        self.announcing(function, Some(announcements));
        Ok(())
    }
}

impl VirtualServers for Guests {
    async fn serving(&self) -> Result<Members, Failure> {
        let mut serving = Members::NONE;
        for (place, guest) in self.servers.iter().enumerate() {
            let (Some(guest), Some(function)) = (guest, ServerId::new(place)) else {
                continue;
            };
            if !guest.runs().await? {
                continue;
            }
            let address = guest.address.address();
            let held = guest.ask(ANSWER_MAX, async |talk| talk.holds(address).await);
            match held.await {
                Ok(false) => {}
                Ok(true) => serving = serving.with(function),
                Err(why) => {
                    // It may hold the address, and nobody can tell it to drop it.
                    warn!(%function, %why, "ended, as it does not say what it holds");
                    guest.server.abandon().await?;
                }
            }
        }
        Ok(serving)
    }

    async fn resume(&self, function: ServerId) -> Result<(), Failure> {
        let guest = self.of(function)?;
        guest.server.take_over().await?;
        Ok(guest.server.resume().await?)
    }

    async fn cold_start(&self, function: ServerId) -> Result<(), Failure> {
        let guest = self.of(function)?;
        guest.server.take_over().await?;
        Ok(guest.server.cold_start().await?)
    }

    async fn undo_start(&self, function: ServerId) -> Result<(), Failure> {
        self.announcing(function, None);
        Ok(self.of(function)?.server.abandon().await?)
    }

    async fn assign(&self, function: ServerId) -> Result<(), Failure> {
        let guest = self.of(function)?;
        guest.assign().await?;
        let address = guest.address.address();
        // One that cannot be told now has the address all the same.
        if let Err(why) = self.announce(function, address, guest.mac).await {
            warn!(%function, %why, "address not announced");
        }
        Ok(())
    }

    /// A guest that does not answer is ended: only so it is known to answer nobody.
    async fn release(&self, function: ServerId) -> Result<(), Failure> {
        self.announcing(function, None);
        let guest = self.of(function)?;
        if guest.server.state().await?.is_none() || guest.take_off().await {
            return Ok(());
        }
        warn!(%function, "ended, as it does not drop the address");
        Ok(guest.server.abandon().await?)
    }

    /// What is kept must not hold the address when it is resumed, so a guest that does not say so is ended
    /// and its last state is kept.
    async fn suspend(&self, function: ServerId) -> Result<(), Failure> {
        self.announcing(function, None);
        let guest = self.of(function)?;
        if guest.runs().await? && !guest.take_off().await {
            warn!(%function, "ended, as it does not say that it has dropped the address");
            return Ok(guest.server.abandon().await?);
        }
        Ok(guest.server.suspend().await?)
    }
}
