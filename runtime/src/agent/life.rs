//! What begins and ends with the management programs, and the connections, which stay.

use std::sync::Arc;
use std::thread;

use tetrarch_core::Config;
use tetrarch_core::data::GroupData;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

use super::beside::watch_on;
use super::rivals::Watched;
use super::services::WatchedServices;
use super::{Agent, Command, LOCAL_MAX, MakeParts, requests};
use crate::clock::Clock;
use crate::driver::{Driver, Handle};
use crate::lives;
use crate::parts::Failure;
use crate::peers::{Addresses, Arrivals, Network};
use crate::recorder::Recorder;
use crate::store;

/// How many requests may wait; more are refused.
const REQUESTS_MAX: usize = 4;

/// Running management programs.
pub(super) struct Life {
    pub(super) handle: Handle,
    driver: JoinHandle<()>,
    /// What goes on beside the driver, and ends with this value.
    _beside: JoinSet<()>,
    /// The thread that writes the record.
    record: Option<thread::JoinHandle<()>>,
}

impl Life {
    /// Lets the programs stop; they end later.
    pub(super) async fn stop(&self) {
        // Programs that have just ended need no stop.
        let _ = self.handle.command(Command::Stop).await;
    }

    /// Ends when the programs do; never without any.
    pub(super) async fn end(life: &mut Option<Self>) {
        match life {
            Some(life) => {
                if let Err(why) = (&mut life.driver).await {
                    warn!(%why, "the driver failed");
                }
            }
            None => core::future::pending().await,
        }
    }
}

/// The connections to the other servers of a group.
pub(super) struct Connected {
    pub(super) group: GroupData,
    pub(super) network: Network,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl<C: Clock, M: MakeParts> Agent<C, M> {
    /// Starts the management programs from the local copy.
    pub(super) async fn begin_life(&mut self, fresh: bool) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let (folder, ring) = (shared.site.copy(), shared.site.ring.clone());
        let read = shared
            .local
            .call(LOCAL_MAX, move || store::read(&folder, &ring));
        let group = read.await.ok_or("the local disk does not answer")??;
        let network = self.connect(&group).await?;
        let parts = Arc::new(self.make.make(&shared.site, &group).await?);
        let state = shared.site.state.clone();
        let life = shared.local.call(LOCAL_MAX, move || lives::begin(&state));
        let life = life.await.ok_or("the local disk does not answer")??;
        let config = shared.site.config()?.with_life(life);
        let (record, thread) = self.record(config).await.unzip();
        let (driver, handle) = Driver::new(
            config,
            self.clock.clone(),
            Arc::clone(&parts),
            Arc::new(network),
            record,
        );
        shared.telling.follow(&shared.site, &handle);
        shared.handle.send_replace(Some(handle.clone()));
        shared.parts.send_replace(Some(parts));
        let mut beside = JoinSet::new();
        if let Some(watched) = Watched::of(&shared.site, &group) {
            beside.spawn(watch_on(watched, handle.clone()));
        }
        if let Some(services) = WatchedServices::of(&shared.site, &group) {
            beside.spawn(watch_on(services, handle.clone()));
        }
        self.life = Some(Life {
            handle,
            driver: tokio::spawn(driver.run()),
            _beside: beside,
            record: thread,
        });
        info!(fresh, "the management programs start");
        Ok(())
    }

    /// A record of the next life. Without one the programs run all the same.
    async fn record(&self, config: Config) -> Option<(Recorder, thread::JoinHandle<()>)> {
        let site = self.shared.site.clone();
        let begun = self.shared.local.call(LOCAL_MAX, move || {
            match Recorder::begin(&site.records, site.host(), &config) {
                Ok(begun) => Some(begun),
                Err(why) => {
                    warn!(%why, "this life is not recorded");
                    None
                }
            }
        });
        begun.await.flatten()
    }

    /// The connections of this group: those that there are, or new ones if the group has changed.
    pub(super) async fn connect(&mut self, group: &GroupData) -> Result<Network, Failure> {
        if let Some(connected) = &self.connected
            && connected.group == *group
        {
            return Ok(connected.network.clone());
        }
        let credentials = self.credentials(group).await?;
        let network = Network::new(credentials, self.greeting);
        let (ask, asked) = mpsc::channel(REQUESTS_MAX);
        let site = &self.shared.site;
        let addresses = Addresses {
            me: site.me,
            servers: site.addresses(group),
        };
        let arrivals = Arrivals {
            handle: self.shared.handle.subscribe(),
            asked: ask,
        };
        let running = network.clone();
        let tasks = [
            tokio::spawn(async move { running.run(addresses, arrivals).await }),
            tokio::spawn(requests::serve(Arc::clone(&self.shared), asked)),
        ];
        self.shared.network.send_replace(Some(network.clone()));
        self.connected = Some(Connected {
            group: group.clone(),
            network: network.clone(),
            tasks,
        });
        Ok(network)
    }

    /// Ends without stopping anything: the agent's end is not the programs'. The record is written to its end.
    pub(super) async fn abandon(self) {
        let Some(life) = self.life else {
            return;
        };
        life.driver.abort();
        // The record ends with the driver, whose error is that it was told to end.
        let _ = life.driver.await;
        if let Some(record) = life.record {
            let ended = self.shared.local.call(LOCAL_MAX, move || record.join());
            if ended.await.is_none() {
                warn!("the disk does not answer; the last second is not in the record");
            }
        }
    }
}
