//! All parts of one server together: each this agent's own, or a program of the site's.

use tetrarch_core::{Members, ServerId, ServiceSet};

use super::address::OwnVirtualAddress;
use super::examine::Group;
use super::guests::Guests;
use super::power::GroupPower;
use super::program::Program;
use super::systemd::OwnServices;
use super::{Examine, Failure, OwnAddress, Parts, Power, Services, VirtualServers};
use crate::guard::AnyGuard;
use std::sync::Arc;

/// One part.
#[derive(Debug)]
pub enum Either<N> {
    /// This agent does it itself.
    Native(N),
    /// A program of the site's does it.
    Program(Program),
}

impl<N: Examine> Examine for Either<N> {
    async fn network(&self, target: ServerId) -> bool {
        match self {
            Self::Native(part) => part.network(target).await,
            Self::Program(program) => program.network(target).await,
        }
    }

    async fn services(&self, target: ServerId) -> Result<ServiceSet, Failure> {
        match self {
            Self::Native(part) => part.services(target).await,
            Self::Program(program) => Examine::services(program, target).await,
        }
    }
}

impl<N: Services> Services for Either<N> {
    async fn restart(&self, failing: ServiceSet) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.restart(failing).await,
            Self::Program(program) => Services::restart(program, failing).await,
        }
    }
}

impl<N: Power> Power for Either<N> {
    async fn restart(&self) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.restart().await,
            Self::Program(program) => Power::restart(program).await,
        }
    }

    async fn power_on(&self, target: ServerId) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.power_on(target).await,
            Self::Program(program) => program.power_on(target).await,
        }
    }

    async fn fence(&self, target: ServerId) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.fence(target).await,
            Self::Program(program) => program.fence(target).await,
        }
    }
}

impl<N: VirtualServers> VirtualServers for Either<N> {
    async fn serving(&self) -> Result<Members, Failure> {
        match self {
            Self::Native(part) => part.serving().await,
            Self::Program(program) => program.serving().await,
        }
    }

    async fn resume(&self, function: ServerId) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.resume(function).await,
            Self::Program(program) => program.resume(function).await,
        }
    }

    async fn cold_start(&self, function: ServerId) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.cold_start(function).await,
            Self::Program(program) => program.cold_start(function).await,
        }
    }

    async fn undo_start(&self, function: ServerId) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.undo_start(function).await,
            Self::Program(program) => program.undo_start(function).await,
        }
    }

    async fn assign(&self, function: ServerId) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.assign(function).await,
            Self::Program(program) => VirtualServers::assign(program, function).await,
        }
    }

    async fn release(&self, function: ServerId) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.release(function).await,
            Self::Program(program) => VirtualServers::release(program, function).await,
        }
    }

    async fn announce(&self, function: ServerId) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.announce(function).await,
            Self::Program(program) => VirtualServers::announce(program, function).await,
        }
    }

    async fn synchronise(&self, function: ServerId) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.synchronise(function).await,
            // It knows itself what a release is to begin with.
            Self::Program(_) => Ok(()),
        }
    }

    async fn suspend(&self, function: ServerId) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.suspend(function).await,
            Self::Program(program) => program.suspend(function).await,
        }
    }
}

impl<N: OwnAddress> OwnAddress for Either<N> {
    async fn holds(&self) -> Result<bool, Failure> {
        match self {
            Self::Native(part) => part.holds().await,
            Self::Program(program) => program.holds().await,
        }
    }

    async fn assign(&self) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.assign().await,
            Self::Program(program) => OwnAddress::assign(program).await,
        }
    }

    async fn release(&self) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.release().await,
            Self::Program(program) => OwnAddress::release(program).await,
        }
    }

    async fn announce(&self) -> Result<(), Failure> {
        match self {
            Self::Native(part) => part.announce().await,
            Self::Program(program) => OwnAddress::announce(program).await,
        }
    }
}

impl OwnAddress for Arc<OwnVirtualAddress> {
    async fn holds(&self) -> Result<bool, Failure> {
        (**self).holds().await
    }

    async fn assign(&self) -> Result<(), Failure> {
        (**self).assign().await
    }

    async fn release(&self) -> Result<(), Failure> {
        (**self).release().await
    }

    async fn announce(&self) -> Result<(), Failure> {
        (**self).announce().await
    }
}

/// All parts of one server.
#[derive(Debug)]
pub struct Joined {
    /// Examinations of other servers.
    pub examine: Either<Group>,
    /// The service programs of this server.
    pub services: Either<OwnServices>,
    /// The power of servers.
    pub power: Either<GroupPower>,
    /// The virtual servers on this host.
    pub virtual_servers: Either<Guests>,
    /// This server's own virtual IP address.
    pub own_address: Either<Arc<OwnVirtualAddress>>,
    /// What this server may hold.
    pub guard: AnyGuard,
    /// The task that renews the lifetime of the own address.
    pub renewing: Option<Renewing>,
}

/// A task that ends with this value.
#[derive(Debug)]
pub struct Renewing(pub tokio::task::JoinHandle<()>);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Parts for Joined {
    type Examine = Either<Group>;
    type Services = Either<OwnServices>;
    type Power = Either<GroupPower>;
    type VirtualServers = Either<Guests>;
    type OwnAddress = Either<Arc<OwnVirtualAddress>>;
    type Guard = AnyGuard;

    fn examine(&self) -> &Self::Examine {
        &self.examine
    }

    fn services(&self) -> &Self::Services {
        &self.services
    }

    fn power(&self) -> &Self::Power {
        &self.power
    }

    fn virtual_servers(&self) -> &Self::VirtualServers {
        &self.virtual_servers
    }

    fn own_address(&self) -> &Self::OwnAddress {
        &self.own_address
    }

    fn guard(&self) -> &Self::Guard {
        &self.guard
    }
}
