//! The simulated system without its nodes: what another driver of [`Node`](tetrarch_core::Node) is
//! tried on, so that both drivers meet the same physics.
//!
//! [`Simulation`](crate::simulation::Simulation) couples the same system with nodes of its own.

use tetrarch_core::{Action, Claim, Input, JobId, Members, Message, ServerId, Time};

use crate::parameters::Parameters;
use crate::scenario::Scenario;
use crate::world::World;
use crate::world::happening::Stimulus;

/// A group's servers, links, file server, clients and faults.
#[derive(Clone, Debug)]
pub struct Plant {
    world: World<()>,
}

impl Plant {
    /// The system of `scenario` in full service at time zero, with these parameters.
    #[must_use]
    pub fn new(scenario: &Scenario, parameters: &Parameters) -> Self {
        Self {
            world: World::new(scenario, parameters, scenario.seed, ()),
        }
    }

    /// Starts the executer of `server`. Tells what its node is to be told, as
    /// [`Plant::happen`] does.
    pub fn boot(&mut self, server: ServerId) -> Option<(ServerId, Input)> {
        input(self.world.boot_group(server))
    }

    /// When the next thing happens by itself.
    pub fn next_at(&mut self) -> Option<Time> {
        self.world.agenda.peek_time()
    }

    /// Lets the next thing happen, at its time. Tells which node is to be told of it, if one is; the
    /// input is one that the node waits for, or did until lately.
    pub fn happen(&mut self) -> Option<(ServerId, Input)> {
        let (at, happening) = self.world.agenda.pop_until(Time::MAX)?;
        self.world.now = at;
        input(self.world.happen(happening))
    }

    /// Lets time pass up to `now`, before which nothing happens by itself.
    pub fn pass_to(&mut self, now: Time) {
        self.world.now = now;
    }

    /// A node on `from` sends a message.
    pub fn send(&mut self, from: ServerId, to: ServerId, message: Message) {
        self.world.send(from, to, message);
    }

    /// A node on `server` begins a job.
    pub fn begin(&mut self, server: ServerId, job: JobId, action: Action) {
        self.world.begin(server, job, action);
    }

    /// A node on `server` no longer wants the result of a job.
    pub fn cancel(&mut self, server: ServerId, job: JobId) {
        self.world.cancel(server, job);
    }

    /// A node of a guarded group on `server` is told by its leases that it may hold `claim` until then.
    pub fn hold(&mut self, server: ServerId, claim: Claim, until: Time) {
        self.world.hold(server, claim, until);
    }

    /// Whether the management programs of `server` run.
    #[must_use]
    pub fn is_managing(&self, server: ServerId) -> bool {
        self.world.is_managing(server)
    }

    /// The hosts at which clients reach `function`'s virtual IP address.
    #[must_use]
    pub fn holders(&self, function: ServerId) -> Members {
        self.world.holders(function)
    }
}

fn input(stimulus: Stimulus) -> Option<(ServerId, Input)> {
    match stimulus {
        Stimulus::None => None,
        Stimulus::Input(server, input) => Some((server, input)),
    }
}
