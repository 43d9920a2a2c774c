//! Examinations of the servers of a group.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tetrarch_core::{ServerId, ServiceSet};
use tracing::{info, warn};

use super::Verdict;
use super::network::{Network, NetworkMethod};
use super::spec::ServiceCheck;
use crate::parts::{Examine, Failure};

/// How one server of the group is examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its own address.
    pub address: IpAddr,
    /// How its services are examined, in the order of its management data.
    pub checks: Vec<ServiceCheck>,
}

/// How long examinations may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The network: 2.0 s in the paper (Table 1, network examination when abnormal).
    pub network: Duration,
    /// Each service.
    pub service: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            network: Duration::from_secs(2),
            service: Duration::from_secs(3),
        }
    }
}

/// Examinations of the servers of a group.
#[derive(Debug)]
pub struct Group {
    network: Network,
    method: NetworkMethod,
    limits: Limits,
    targets: Vec<Target>,
}

/// A server that the group does not have.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no server of the group")]
struct Stranger(ServerId);

impl Group {
    /// Examinations of `targets`, which are in ring order.
    #[must_use]
    pub const fn new(
        network: Network,
        method: NetworkMethod,
        limits: Limits,
        targets: Vec<Target>,
    ) -> Self {
        Self {
            network,
            method,
            limits,
            targets,
        }
    }
}

impl Examine for Group {
    async fn network(&self, target: ServerId) -> bool {
        let Some(found) = self.targets.get(target.index()) else {
            return false;
        };
        let answer = self
            .network
            .examine(found.address, &self.method, self.limits.network);
        match answer.await {
            Ok(answers) => answers,
            Err(error) => {
                warn!(%target, %error, "network not examined");
                false
            }
        }
    }

    async fn services(&self, target: ServerId) -> Result<ServiceSet, Failure> {
        let found = self.targets.get(target.index()).ok_or(Stranger(target))?;
        let limit = self.limits.service;
        let checks = found
            .checks
            .iter()
            .map(|check| check.examine(found.address, limit));
        let verdicts = join_all(checks).await;
        let mut bits = 0;
        for (at, (verdict, check)) in verdicts.iter().zip(&found.checks).enumerate() {
            match verdict {
                Verdict::Well => {}
                Verdict::Fails(complaint) => {
                    info!(%target, %check, %complaint, "service fails");
                    bits |= 1_u8.checked_shl(at as u32).unwrap_or(0);
                }
                Verdict::Warning(_) | Verdict::Unknown(_) => warn!(%target, %check, %verdict),
            }
        }
        Ok(ServiceSet::from_bits(bits))
    }
}
