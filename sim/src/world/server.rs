//! One simulated server: its power, services, virtual servers and addresses.

use tetrarch_core::executer::{Executer, ExecuterSettings};
use tetrarch_core::{JobId, Members, SERVERS_MAX, ServerId, ServiceSet, Time, Version};

use super::clock::Clock;
use super::leases::Holds;
use super::pause::Pause;

/// What a server physically is at an instant.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Counts power losses and restarts; what was under way in an earlier life is void.
    pub(crate) life: u32,
    pub(crate) power: Power,
    /// It cannot be powered on until it is repaired.
    pub(crate) destroyed: bool,
    /// All services that it offers.
    pub(crate) services: ServiceSet,
    /// The services that answer.
    pub(crate) up: ServiceSet,
    /// The services that only a restart of the server repairs.
    pub(crate) stuck: ServiceSet,
    /// Its own virtual IP address is on it.
    pub(crate) holds_own: bool,
    /// The flag file of the executer is there. It is on the disk, so it outlives a restart.
    pub(crate) flag: bool,
    pub(crate) executer: Executer,
    /// The management programs run.
    pub(crate) managing: bool,
    pub(crate) virtual_servers: [VirtualServer; SERVERS_MAX],
    /// The jobs that are starting virtual servers.
    pub(crate) starts: [Option<JobId>; SERVERS_MAX],
    /// The last job about each virtual server here. An address that comes after it was to go again stays off.
    pub(crate) commanded: [Option<JobId>; SERVERS_MAX],
    /// Until when a guarded server may have what on it.
    pub(super) holds: Holds,
    /// When its management programs last ended, by its clock; none when they never did.
    pub(super) silent_since: Option<Time>,
    pub(super) clock: Clock,
    pub(super) pause: Pause,
    /// How many messages of each sender wait for it to go on.
    pub(super) letters: [u16; SERVERS_MAX],
    /// The version of the programs that run, or ran last.
    pub(super) version: Version,
    /// It has announced that it goes down; whether to start again.
    pub(super) leaving: Option<bool>,
    /// The functions for whose address a look for a rival is under way.
    pub(super) looks: Members,
    /// What the node was last told of its services, or will be by a look that is under way.
    pub(super) noticed: ServiceSet,
    /// How often the management programs have been started.
    pub(super) lives: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    Off,
    /// Shutting down or starting: it does not answer.
    Starting,
    /// It answers on the network.
    On,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum VirtualServer {
    #[default]
    Suspended,
    /// It runs; `holds` tells whether the function's virtual IP address is on it.
    Running { holds: bool },
}

impl Server {
    /// A server that has long been up, with all its services and a copy of the programs.
    pub(crate) fn in_service(services: ServiceSet) -> Self {
        Self {
            life: 0,
            power: Power::On,
            destroyed: false,
            services,
            up: services,
            stuck: ServiceSet::NONE,
            holds_own: true,
            flag: true,
            executer: Executer::new(ExecuterSettings::default(), true),
            managing: false,
            virtual_servers: [VirtualServer::Suspended; SERVERS_MAX],
            starts: [None; SERVERS_MAX],
            commanded: [None; SERVERS_MAX],
            holds: Holds::NONE,
            silent_since: None,
            clock: Clock::RIGHT,
            pause: Pause::None,
            letters: [0; SERVERS_MAX],
            version: Version::NEWEST,
            leaving: None,
            looks: Members::NONE,
            noticed: services,
            lives: 0,
        }
    }

    pub(crate) fn answers(&self) -> bool {
        self.power == Power::On && self.pause != Pause::Machine
    }

    pub(crate) fn failing(&self) -> ServiceSet {
        ServiceSet::from_bits(self.services.bits() & !self.up.bits())
    }

    /// Whether clients get service at this server's own virtual IP address from it.
    pub(crate) fn serves_own(&self) -> bool {
        self.answers() && self.holds_own && self.failing().is_empty()
    }

    /// The functions whose virtual IP address is on a virtual server here.
    pub(crate) fn guests_served(&self) -> Members {
        if !self.answers() {
            return Members::NONE;
        }
        ServerId::all(SERVERS_MAX)
            .filter(|function| {
                self.virtual_servers[function.index()] == VirtualServer::Running { holds: true }
            })
            .fold(Members::NONE, Members::with)
    }

    /// Virtual servers that run and do not serve come to their end.
    pub(crate) fn end_unserving(&mut self) {
        for guest in &mut self.virtual_servers {
            if *guest == (VirtualServer::Running { holds: false }) {
                *guest = VirtualServer::Suspended;
            }
        }
        self.starts = [None; SERVERS_MAX];
    }

    /// Everything that does not outlive a loss of power goes.
    pub(crate) fn lose_state(&mut self, now: Time, power: Power) {
        if self.managing {
            self.silent_since = Some(self.clock.at(now));
        }
        self.holds = Holds::NONE;
        self.life += 1;
        self.power = power;
        self.up = ServiceSet::NONE;
        self.stuck = ServiceSet::NONE;
        self.holds_own = false;
        self.managing = false;
        self.leaving = None;
        self.looks = Members::NONE;
        // A server that starts starts with its services.
        self.noticed = self.services;
        // The copy of the programs and data is on the disk.
        let copied = self.executer.has_local_copy();
        self.executer = Executer::new(ExecuterSettings::default(), copied);
        self.virtual_servers = [VirtualServer::Suspended; SERVERS_MAX];
        self.starts = [None; SERVERS_MAX];
        self.commanded = [None; SERVERS_MAX];
    }
}
