//! The services of this server that stop: watched for, and told to the node, which tells its managers.

use std::time::Duration;

use tetrarch_core::Sighting;
use tetrarch_core::data::GroupData;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::parts::own_units;
use crate::driver::Handle;
use crate::parts::Failure;
use crate::parts::systemd::{Bus, FailingServices, UnitName};
use crate::site::{Part, Site};

/// Pause before systemd is asked again when it was not there.
const AGAIN: Duration = Duration::from_secs(1);

/// The services that are watched on this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WatchedServices(Vec<UnitName>);

impl WatchedServices {
    /// What is to be watched by these settings; none when nothing is. What a program of the site's restarts is left
    /// to it: they need not be units of systemd at all.
    pub(super) fn of(site: &Site, group: &GroupData) -> Option<Self> {
        let is_ours = site.parts.program_for(Part::Services).is_none();
        let units = own_units(site, group).ok();
        units
            .filter(|_| site.sightings.services && is_ours)
            .map(Self)
    }

    /// Watches until the driver has ended. Without systemd the services are only examined, as all others are.
    pub(super) async fn watch(self, handle: Handle) {
        let mut is_told = false;
        loop {
            match self.watch_units(&handle).await {
                Ok(()) => return,
                Err(why) if !is_told => {
                    warn!(%why, "nobody tells when a service stops");
                    is_told = true;
                }
                Err(why) => debug!(%why, "still nobody tells when a service stops"),
            }
            sleep(AGAIN).await;
        }
    }

    async fn watch_units(&self, handle: &Handle) -> Result<(), Failure> {
        let units = Bus::System.units().await?;
        let mut services = FailingServices::follow(&units, self.0.clone()).await?;
        loop {
            let failing = services.next().await?;
            info!(?failing, "services have stopped, or run again");
            if !handle.seen(Sighting::Services(failing)).await {
                return Ok(());
            }
        }
    }
}
