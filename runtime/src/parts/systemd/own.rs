//! The service programs of this server, by their places in its management data.

use std::time::Duration;

use futures_util::future::try_join_all;
use tetrarch_core::ServiceSet;

use super::Bus;
use super::units::UnitName;
use crate::parts::{Failure, Services};

/// The service programs of this server.
#[derive(Clone, Debug)]
pub struct OwnServices {
    bus: Bus,
    names: Vec<UnitName>,
    limit: Duration,
}

impl OwnServices {
    /// The services on `bus` whose units are `names`, in the order of this server's management data. Each has
    /// `limit` to come to work.
    #[must_use]
    pub const fn new(bus: Bus, names: Vec<UnitName>, limit: Duration) -> Self {
        Self { bus, names, limit }
    }
}

impl Services for OwnServices {
    async fn restart(&self, failing: ServiceSet) -> Result<(), Failure> {
        let failing = self
            .names
            .iter()
            .enumerate()
            .filter(|(at, _)| failing.bits() & 1_u8.checked_shl(*at as u32).unwrap_or(0) != 0);
        let units = self.bus.units().await?;
        // At once: systemd knows which has to wait for which.
        try_join_all(failing.map(|(_, name)| units.restart(name, self.limit))).await?;
        Ok(())
    }
}
