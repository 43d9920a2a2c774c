//! The parts of this server, made of its settings and the group's management data.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tetrarch_core::data::{GroupData, ManagementData, Place, ServiceName};
use tetrarch_core::{Claim, Safety, ServerId};
use thiserror::Error;
use tokio::sync::Notify;
use tracing::warn;

use super::MakeParts;
use crate::guard::{AnyGuard, Guarded, Keeper};
use crate::holds::{Ending, Holds};
use crate::parts::Failure;
use crate::parts::address::{
    Addresses, OwnVirtualAddress, Probe, VirtualAddress, VirtualAddressError,
};
use crate::parts::examine::{Group, Network, NetworkMethod, ServiceCheck, Target};
use crate::parts::guests::{GuestServer, Guests};
use crate::parts::joined::{Either, Joined, Renewing};
use crate::parts::power::{GroupPower, PowerSwitch};
use crate::parts::program::Program;
use crate::parts::qemu::{Owner, Plug, VirtualServer};
use crate::parts::sync::{Between, Sync};
use crate::parts::systemd::{Bus, OwnServices, UnitName, UnitNameError};
use crate::site::{NetworkSettings, Part, ServiceSettings, Site, VirtualSettings};

/// Longest time for a service to come to work, and for a fence agent.
const COMMAND_MAX: Duration = Duration::from_secs(60);

/// Why the parts cannot be made.
#[derive(Debug, Error)]
enum PartsError {
    #[error("the settings have no examination of the service {service:?} of {host}")]
    NoExamination { host: String, service: String },
    #[error("the settings have no table [{0}]")]
    NoTable(&'static str),
}

/// Makes the parts that the settings ask for.
#[derive(Clone, Debug)]
pub struct FromSettings {
    /// This very program, which is also the guard.
    pub program: PathBuf,
}

/// What all parts are made of.
struct Maker<'a> {
    site: &'a Site,
    group: &'a GroupData,
    holds: Option<Arc<Holds>>,
}

impl MakeParts for FromSettings {
    type Parts = Joined;

    async fn make(&self, site: &Site, group: &GroupData) -> Result<Joined, Failure> {
        let mut maker = Maker {
            site,
            group,
            holds: None,
        };
        let mut guard = None;
        if site.safety == Safety::Guarded {
            let holds = Arc::new(Holds::open(&site.run, maker.endings())?);
            let run = site.run.to_string_lossy().into_owned();
            let keeper = Keeper::start(
                &self.program,
                &["guard".to_owned(), "--run".to_owned(), run],
            )?;
            maker.holds = Some(Arc::clone(&holds));
            let term = site.timing.lease_term;
            guard = Some(Guarded::new(holds, &site.shared, site.me, term, keeper));
        }
        let own_address = maker.own_address()?;
        let renewing = match (&own_address, &guard) {
            (Either::Native(own), Some(guard)) => Some(renew(Arc::clone(own), guard.extended())),
            _ => None,
        };
        Ok(Joined {
            examine: maker.examine()?,
            services: maker.services().await?,
            power: maker.power()?,
            virtual_servers: maker.virtual_servers()?,
            own_address,
            guard: AnyGuard(guard),
            renewing,
        })
    }
}

/// The units of this server's services, in the order of its management data.
pub(super) fn own_units(site: &Site, group: &GroupData) -> Result<Vec<UnitName>, UnitNameError> {
    let own = group.members().get(site.me.index());
    let names = own.map(|data| data.services().names()).unwrap_or_default();
    let settings = site.parts.services.get(site.me.index());
    let units = names.iter().map(|name| {
        let unit = settings.and_then(|services| services.get(name.as_str())?.unit.clone());
        unit.map_or_else(|| name.as_str().parse(), Ok)
    });
    units.collect()
}

/// Gives the own address its lifetime anew at each hold.
fn renew(own: Arc<OwnVirtualAddress>, extended: Arc<Notify>) -> Renewing {
    Renewing(tokio::spawn(async move {
        loop {
            extended.notified().await;
            if let Err(why) = own.renew().await {
                warn!(%why, "the lifetime of the own address is not renewed");
            }
        }
    }))
}

impl Maker<'_> {
    /// The members of the group with their places.
    fn members(&self) -> impl Iterator<Item = (ServerId, &ManagementData)> {
        let places = ServerId::all(self.group.members().len());
        places.zip(self.group.members())
    }

    fn program(&self, part: Part) -> Option<Program> {
        let program = self.site.parts.program_for(part)?.clone();
        Some(Program::new(
            program,
            self.site.copy(),
            self.site.ring.clone(),
        ))
    }

    fn network(&self) -> Result<&NetworkSettings, PartsError> {
        let network = self.site.parts.network.as_ref();
        network.ok_or(PartsError::NoTable("network"))
    }

    fn run_of(&self, function: &ManagementData) -> PathBuf {
        self.site.run.join("virtual").join(function.host().as_str())
    }

    /// How each thing that this server may hold is ended by somebody else than its agent. A virtual server
    /// whose address has ended is killed: the address is inside it, where nobody else can take it off.
    fn endings(&self) -> BTreeMap<Claim, Ending> {
        let mut endings = BTreeMap::new();
        for (server, data) in self.members() {
            let by = |part, command: &str, native| match self.site.parts.program_for(part) {
                None => native,
                Some(program) => Ending::Program {
                    program: program.clone(),
                    arguments: command.split(' ').map(str::to_owned).collect(),
                    data: self.site.copy(),
                },
            };
            if server == self.site.me {
                let own = Ending::Address(data.vip());
                endings.insert(
                    Claim::Address(server),
                    by(Part::OwnAddress, "release-own", own),
                );
            } else {
                let undo = format!("undo-start {}", data.host());
                let kill = Ending::Kill(self.run_of(data));
                let ending = by(Part::VirtualServers, &undo, kill);
                endings.insert(Claim::Address(server), ending.clone());
                endings.insert(Claim::Image(server), ending);
            }
        }
        endings
    }

    fn service(
        &self,
        server: ServerId,
        data: &ManagementData,
        name: &str,
    ) -> Result<&ServiceSettings, PartsError> {
        let services = self.site.parts.services.get(server.index());
        let found = services.and_then(|services| services.get(name));
        found.ok_or_else(|| PartsError::NoExamination {
            host: data.host().to_string(),
            service: name.to_owned(),
        })
    }

    fn examine(&self) -> Result<Either<Group>, Failure> {
        if let Some(program) = self.program(Part::Examine) {
            return Ok(Either::Program(program));
        }
        let mut targets = Vec::new();
        for (server, data) in self.members() {
            let names = data.services().names().iter().map(ServiceName::as_str);
            let checks = names.map(|name| Ok(self.service(server, data, name)?.examine.clone()));
            targets.push(Target {
                address: data.address(),
                checks: checks.collect::<Result<Vec<ServiceCheck>, PartsError>>()?,
            });
        }
        let network = Network::open()?;
        let group = Group::new(network, NetworkMethod::Echo, self.site.examination, targets);
        Ok(Either::Native(group))
    }

    async fn services(&self) -> Result<Either<OwnServices>, Failure> {
        if let Some(program) = self.program(Part::Services) {
            return Ok(Either::Program(program));
        }
        let units = own_units(self.site, self.group)?;
        let bus = Bus::System;
        // It is reached for again when it is needed; other servers' troubles can be seen to without it.
        if let Err(why) = bus.units().await {
            warn!(%why, "services of this server cannot be restarted now");
        }
        Ok(Either::Native(OwnServices::new(bus, units, COMMAND_MAX)))
    }

    fn power(&self) -> Result<Either<GroupPower>, Failure> {
        if let Some(program) = self.program(Part::Power) {
            return Ok(Either::Program(program));
        }
        let interface = &self.network()?.interface;
        let switches = self.members().map(|(server, data)| {
            let fence = self.site.parts.power.get(server.index()).cloned().flatten();
            fence.map_or_else(
                || PowerSwitch::Wake {
                    interface: interface.clone(),
                    mac: data.mac(),
                },
                PowerSwitch::Fence,
            )
        });
        let switches = switches.collect();
        Ok(Either::Native(GroupPower::new(
            Bus::System,
            switches,
            COMMAND_MAX,
        )))
    }

    fn address(&self, address: IpAddr) -> Result<VirtualAddress, Failure> {
        let found: Result<_, VirtualAddressError> = match self.network()?.prefix {
            Some(prefix) => VirtualAddress::new(address, prefix),
            None => VirtualAddress::single(address),
        };
        Ok(found?)
    }

    /// What brings the data of the virtual server of `data`'s function home.
    fn sync(&self, settings: &VirtualSettings, data: &ManagementData) -> Option<Sync> {
        let between = Between {
            site: self.site.name.clone(),
            host: self.site.host().to_owned(),
            function: data.host().to_string(),
            vip: data.vip(),
            virtual_address: match data.virtual_place() {
                Place::Address(address) => Some(*address),
                Place::Definition(_) => None,
            },
            real_address: data.address(),
            state: self.site.state.clone(),
        };
        let settings = settings.sync.clone()?;
        Some(Sync::new(settings, &between))
    }

    fn virtual_servers(&self) -> Result<Either<Guests>, Failure> {
        if let Some(program) = self.program(Part::VirtualServers) {
            return Ok(Either::Program(program));
        }
        let bridge = &self.network()?.interface;
        let host = self.site.host();
        let mut servers = Vec::new();
        for (server, data) in self.members() {
            let settings = self.site.parts.virtual_servers.get(server.index());
            let settings = settings.and_then(Option::as_ref);
            let Some(settings) = settings.filter(|_| server != self.site.me) else {
                servers.push(None);
                continue;
            };
            let plug = Plug {
                tap: settings.tap.clone(),
                bridge: bridge.clone(),
            };
            let owner = Owner {
                host: host.to_owned(),
            };
            let (machine, run) = (settings.machine.clone(), self.run_of(data));
            let mut machine =
                VirtualServer::new(machine, settings.keep, &settings.image, &run, owner);
            if let Some(holds) = self.holds.clone() {
                machine = machine.with_permit(move || holds.left(Claim::Image(server)).is_some());
            }
            servers.push(Some(GuestServer {
                server: machine,
                plug,
                address: self.address(data.vip())?,
                mac: settings.mac,
                interface: settings.guest_interface.clone(),
                sync: self.sync(settings, data),
            }));
        }
        let guests = Guests::new(bridge.clone(), servers);
        // The one that this server's manager resumes first, as P1, is ready.
        let next = (self.site.me.index() + 1) % self.site.ring.len();
        if let Some(next) = ServerId::new(next) {
            guests.preload(next);
        }
        Ok(Either::Native(guests))
    }

    fn own_address(&self) -> Result<Either<Arc<OwnVirtualAddress>>, Failure> {
        if let Some(program) = self.program(Part::OwnAddress) {
            return Ok(Either::Program(program));
        }
        let interface = self.network()?.interface.clone();
        let me = self.site.me;
        let data = self.members().find(|(server, _)| *server == me);
        let (_, data) = data.ok_or(PartsError::NoTable("server"))?;
        let address = self.address(data.vip())?;
        let own = OwnVirtualAddress::new(interface, address, Probe::default(), Addresses::open()?)
            .with_members(
                self.group
                    .members()
                    .iter()
                    .map(ManagementData::mac)
                    .collect(),
            );
        let own = match self.holds.clone() {
            Some(holds) => own.with_lifetime(move || holds.left(Claim::Address(me))),
            None => own,
        };
        Ok(Either::Native(Arc::new(own)))
    }
}
