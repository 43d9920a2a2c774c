//! The virtual servers on this host, each a machine of QEMU with an agent in the guest.
//!
//! A virtual server has its function's address in itself, from the first time that it was given one, also while
//! it is suspended. What clients find is decided by this host, at the cable between the machine and the
//! bridge: whoever takes the address from a virtual server need not rely on what is inside it. Only while its
//! data are brought home (see [`super::sync`]) the cable is in and the address off: its own address is needed
//! for that.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tetrarch_core::data::Mac;
use tetrarch_core::{Members, ServerId};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::address::{Announcements, Interface, Link, VirtualAddress, announce};
use super::qemu::{Guest, GuestError, Plug, RunState, VirtualServer, VirtualServerError};
use super::sync::Sync;
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
    #[error("the guest still has {0}")]
    StillHeld(VirtualAddress),
    #[error("the guest does not answer")]
    Silent,
}

/// Pause before a virtual server is loaded into memory that could not be.
const PRELOAD_AGAIN: Duration = Duration::from_secs(30);

/// The virtual server of one function.
#[derive(Debug)]
pub struct GuestServer {
    /// Its machine.
    pub server: VirtualServer,
    /// Its cable.
    pub plug: Plug,
    /// The function's virtual IP address.
    pub address: VirtualAddress,
    /// The MAC address of its network card.
    pub mac: Mac,
    /// The interface in the guest that gets the address.
    pub interface: String,
    /// What brings its data to the real server when that gets the address; none without data of its own.
    pub sync: Option<Sync>,
}

/// The virtual servers on this host.
#[derive(Debug)]
pub struct Guests {
    /// The interface of this host behind which they are.
    interface: String,
    /// In ring order; none for this server's own function.
    servers: Vec<Option<Arc<GuestServer>>>,
    /// Held while a virtual server is started or loaded, or ended.
    busy: Vec<Arc<tokio::sync::Mutex<()>>>,
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

    /// Loads it into memory, if it is kept there, for as long as nobody wants it to run.
    async fn preload(self: Arc<Self>, busy: Arc<tokio::sync::Mutex<()>>) {
        loop {
            let alone = busy.lock().await;
            match self.server.preload().await {
                Ok(true) => {
                    info!(address = %self.address, "its virtual server is ready in memory");
                    return;
                }
                Ok(false) => return,
                Err(why) => {
                    warn!(address = %self.address, %why, "its virtual server is not in memory")
                }
            }
            drop(alone);
            sleep(PRELOAD_AGAIN).await;
        }
    }

    async fn runs(&self) -> Result<bool, VirtualServerError> {
        Ok(self.server.state().await? == Some(RunState::Running))
    }

    /// Whether clients reach it at the address.
    async fn serves(&self) -> Result<bool, Failure> {
        Ok(self.plug.is_plugged().await? && self.runs().await?)
    }

    /// Sets the guest's clock, which stood still with it. It serves meanwhile, and all the same if that fails.
    async fn set_time(self: Arc<Self>) {
        if let Err(why) = self
            .ask(AWAKE_MAX, async |guest| guest.set_time().await)
            .await
        {
            warn!(%why, "the guest's clock is not set");
        }
    }

    /// Makes sure that the guest has the address in itself. One that was never asked before, or has started
    /// from its disk, gets it.
    async fn equip(&self, limit: Duration) -> Result<(), Failure> {
        if self.make_held("replace", true, limit).await? {
            Ok(())
        } else {
            Err(GuestsError::NotHeld(self.address).into())
        }
    }

    /// Takes the address off in the guest, which stays in reach at its own: nobody else's words are accepted
    /// any more.
    async fn close(&self) -> Result<(), Failure> {
        if self.make_held("del", false, ANSWER_MAX).await? {
            Err(GuestsError::StillHeld(self.address).into())
        } else {
            Ok(())
        }
    }

    /// Has the guest change that it has the address, by `verb` of ip(8), unless it `is_wanted` already. Tells
    /// whether it has it then.
    async fn make_held(
        &self,
        verb: &str,
        is_wanted: bool,
        limit: Duration,
    ) -> Result<bool, Failure> {
        let (address, interface) = (self.address.to_string(), self.interface.as_str());
        let order = format!("address {verb} {address} dev {interface}\n");
        self.ask(limit, async |guest| {
            if guest.holds(self.address.address()).await? == is_wanted {
                return Ok(is_wanted);
            }
            guest.run(IP, &["-batch", "-"], &order).await?;
            guest.holds(self.address.address()).await
        })
        .await
    }

    /// The guest gets the address back that was taken off before its data went, so that the next one who
    /// resumes it need not wait for that. Its cable is out.
    async fn reopen(&self) {
        if self.sync.is_some()
            && let Err(why) = self.equip(ANSWER_MAX).await
        {
            warn!(address = %self.address, %why, "the guest gets its address when it is resumed");
        }
    }

    /// Lets the guest forget where its neighbours are: by the time it is resumed they may be elsewhere, and it
    /// would answer them there for seconds.
    async fn forget_neighbours(&self) {
        let forgotten = self.ask(ANSWER_MAX, async |guest| {
            guest.run(IP, &["neigh", "flush", "all"], "").await
        });
        if let Err(why) = forgotten.await {
            warn!(address = %self.address, %why, "the guest keeps its neighbours in mind");
        }
    }
}

impl Guests {
    /// The virtual servers `servers`, in ring order, behind `interface`.
    #[must_use]
    pub fn new(interface: String, servers: Vec<Option<GuestServer>>) -> Self {
        let announcing = servers.iter().map(|_| None).collect();
        let busy = servers.iter().map(|_| Arc::default()).collect();
        Self {
            interface,
            servers: servers.into_iter().map(|one| one.map(Arc::new)).collect(),
            busy,
            announcing: Mutex::new(announcing),
        }
    }

    /// Has the virtual server of `function` ready in memory, if it is kept there. It must be called within a
    /// tokio runtime, and does not wait.
    pub fn preload(&self, function: ServerId) {
        if let Ok(guest) = self.of(function) {
            let busy = Arc::clone(&self.busy[function.index()]);
            tokio::spawn(Arc::clone(guest).preload(busy));
        }
    }

    fn of(&self, function: ServerId) -> Result<&Arc<GuestServer>, GuestsError> {
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
    async fn tell(&self, function: ServerId, guest: &GuestServer) -> Result<(), Failure> {
        let (interface, address) = (Interface::find(&self.interface)?, guest.address.address());
        let link = Link::open(&interface, address)?;
        let announcements = announce(link, address, guest.mac).await?;
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
            if guest.serves().await? {
                serving = serving.with(function);
            }
        }
        Ok(serving)
    }

    async fn resume(&self, function: ServerId) -> Result<(), Failure> {
        let guest = self.of(function)?;
        let _busy = self.busy[function.index()].lock().await;
        guest.server.take_over().await?;
        Ok(guest.server.resume().await?)
    }

    async fn cold_start(&self, function: ServerId) -> Result<(), Failure> {
        let guest = self.of(function)?;
        let _busy = self.busy[function.index()].lock().await;
        guest.server.take_over().await?;
        Ok(guest.server.cold_start().await?)
    }

    async fn undo_start(&self, function: ServerId) -> Result<(), Failure> {
        self.announcing(function, None);
        let guest = self.of(function)?;
        let _busy = self.busy[function.index()].lock().await;
        Ok(guest.server.abandon().await?)
    }

    async fn assign(&self, function: ServerId) -> Result<(), Failure> {
        let guest = self.of(function)?;
        guest.plug.plug().await?;
        // One that cannot be told now has the address all the same.
        if let Err(why) = self.tell(function, guest).await {
            warn!(%function, %why, "address not announced");
        }
        if let Err(why) = guest.equip(AWAKE_MAX).await {
            self.release(function).await?;
            return Err(why);
        }
        tokio::spawn(Arc::clone(guest).set_time());
        Ok(())
    }

    async fn synchronise(&self, function: ServerId) -> Result<(), Failure> {
        let guest = self.of(function)?;
        let Some(sync) = &guest.sync else {
            return Ok(());
        };
        let close = async {
            self.announcing(function, None);
            guest.close().await
        };
        Ok(sync.bring_home(close).await?)
    }

    async fn release(&self, function: ServerId) -> Result<(), Failure> {
        self.announcing(function, None);
        Ok(self.of(function)?.plug.unplug().await?)
    }

    async fn announce(&self, function: ServerId) -> Result<(), Failure> {
        let guest = self.of(function)?;
        if guest.serves().await? {
            self.tell(function, guest).await?;
        }
        Ok(())
    }

    async fn suspend(&self, function: ServerId) -> Result<(), Failure> {
        self.release(function).await?;
        let guest = self.of(function)?;
        if guest.runs().await? {
            guest.reopen().await;
            guest.forget_neighbours().await;
        }
        Ok(guest.server.suspend().await?)
    }
}
