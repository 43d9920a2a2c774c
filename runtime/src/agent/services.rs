//! The services of this server that stop: watched for, and told to the node, which tells its managers.

use tetrarch_core::Sighting;
use tetrarch_core::data::GroupData;
use tracing::info;

use super::beside::Watch;
use super::parts::own_units;
use crate::driver::Handle;
use crate::parts::Failure;
use crate::parts::systemd::{Bus, FailingServices, UnitName};
use crate::site::{Part, Site};

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
}

/// Without systemd the services are only examined, as all others are.
impl Watch for WatchedServices {
    const WITHOUT: &str = "nobody tells when a service stops";

    async fn watch(&self, handle: &Handle) -> Result<(), Failure> {
        let units = Bus::System.units().await?;
        let mut services = FailingServices::follow(&units, self.0.clone()).await?;
        loop {
            let failing = services.next().await?;
            info!(?failing, "services that have stopped");
            if !handle.seen(Sighting::Services(failing)).await {
                return Ok(());
            }
        }
    }
}
