//! Which of a server's services have stopped, as systemd tells.

use std::time::Duration;

use tetrarch_core::ServiceSet;
use tokio::time::timeout;

use super::SystemdError;
use super::units::{ActiveState, UnitChanges, UnitName, Units};

/// How long a service must have stopped. One that is restarted on purpose stops for a moment too.
const SETTLED: Duration = Duration::from_millis(50);

/// The services of a server that have stopped, and how that changes.
#[derive(Debug)]
pub struct FailingServices {
    names: Vec<UnitName>,
    changes: UnitChanges,
    failing: ServiceSet,
    /// What was told last; nothing before the first time.
    told: Option<ServiceSet>,
}

impl FailingServices {
    /// Follows the services whose units are `names`, in the order of the server's management data.
    ///
    /// # Errors
    ///
    /// When systemd does not know them.
    pub async fn follow(units: &Units, names: Vec<UnitName>) -> Result<Self, SystemdError> {
        let changes = units.follow(&names).await?;
        Ok(Self {
            names,
            changes,
            failing: ServiceSet::NONE,
            told: None,
        })
    }

    /// The services that have stopped: as they are found the first time, so that nobody goes on by what was so before
    /// a bus that has ended, and then whenever others have. Safe to drop and call again.
    ///
    /// # Errors
    ///
    /// When the connection to the bus has ended.
    pub async fn next(&mut self) -> Result<ServiceSet, SystemdError> {
        loop {
            let change = if self.told == Some(self.failing) {
                self.changes.next().await
            } else if let Ok(change) = timeout(SETTLED, self.changes.next()).await {
                change
            } else {
                self.told = Some(self.failing);
                return Ok(self.failing);
            };
            let change = change?;
            if let Some(at) = self.names.iter().position(|name| *name == change.unit) {
                let bit = 1_u8.checked_shl(at as u32).unwrap_or(0);
                let others = self.failing.bits() & !bit;
                let own = if has_stopped(&change.state) { bit } else { 0 };
                self.failing = ServiceSet::from_bits(others | own);
            }
        }
    }
}

/// A service that is on its way is not one that has stopped.
const fn has_stopped(state: &ActiveState) -> bool {
    matches!(state, ActiveState::Inactive | ActiveState::Failed)
}
