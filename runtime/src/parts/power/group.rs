//! The power of the servers of a group.

use std::time::Duration;

use tetrarch_core::ServerId;
use tetrarch_core::data::Mac;

use super::fence::{FenceAction, FenceAgent, Power};
use super::wake::wake;
use crate::parts::systemd::Bus;
use crate::parts::{self, Failure};

/// How a server is powered on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PowerSwitch {
    /// By a magic packet, sent on this host's `interface`.
    Wake {
        /// The interface's name.
        interface: String,
        /// The server's MAC address.
        mac: Mac,
    },
    /// By a fence agent.
    Fence(FenceAgent),
}

/// The power of the servers of a group.
#[derive(Clone, Debug)]
pub struct GroupPower {
    own: Bus,
    switches: Vec<PowerSwitch>,
    limit: Duration,
}

/// A server that the group does not have.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no server of the group")]
struct Stranger(ServerId);

/// A server that no device switches off.
#[derive(Debug, thiserror::Error)]
#[error("no device switches {0} off")]
struct NoDevice(ServerId);

/// A server that was switched off, but has power.
#[derive(Debug, thiserror::Error)]
#[error("{0} was switched off, and the device says that it is on")]
struct StillOn(ServerId);

impl GroupPower {
    /// This server's power by the logind on the bus `own`, that of the others by `switches`, which are in ring order. A fence
    /// agent has `limit`.
    #[must_use]
    pub const fn new(own: Bus, switches: Vec<PowerSwitch>, limit: Duration) -> Self {
        Self {
            own,
            switches,
            limit,
        }
    }
}

impl parts::Power for GroupPower {
    async fn restart(&self) -> Result<(), Failure> {
        Ok(self.own.login().await?.reboot().await?)
    }

    async fn power_on(&self, target: ServerId) -> Result<(), Failure> {
        match self.switches.get(target.index()) {
            None => Err(Stranger(target).into()),
            Some(PowerSwitch::Wake { interface, mac }) => Ok(wake(interface, *mac).await?),
            Some(PowerSwitch::Fence(agent)) => Ok(agent.act(FenceAction::On, self.limit).await?),
        }
    }

    async fn fence(&self, target: ServerId) -> Result<(), Failure> {
        match self.switches.get(target.index()) {
            None => Err(Stranger(target).into()),
            Some(PowerSwitch::Wake { .. }) => Err(NoDevice(target).into()),
            Some(PowerSwitch::Fence(agent)) => {
                agent.act(FenceAction::Off, self.limit).await?;
                // What an agent was told it has done is not yet what the device says.
                match agent.power(self.limit).await? {
                    Power::Off => Ok(()),
                    Power::On => Err(StillOn(target).into()),
                }
            }
        }
    }
}
