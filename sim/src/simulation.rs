//! The loop: nodes and world on one virtual clock.
//!
//! Entries of the queue come in the order of (time, insertion number). A node's wake-up is not in the
//! queue, since every step may move it: at one instant the queue goes first, then wake-ups in ring
//! order.

use tetrarch_core::{
    Command, Config, ConfigError, Event, Input, Members, Node, Order, Outbox, Output, ServerId,
    Time, Version,
};

use crate::observer::Observer;
use crate::parameters::Parameters;
use crate::scenario::Scenario;
use crate::world::happening::Stimulus;
use crate::world::{Outage, World};

/// One group being simulated.
#[derive(Clone, Debug)]
pub struct Simulation<O> {
    nodes: Vec<Node>,
    /// When each node wants to be woken.
    wakes: Vec<Time>,
    /// The first of them, and whose it is: the one that comes first in the ring among several.
    first_wake: (Time, usize),
    outbox: Outbox,
    world: World<O>,
    inputs: u64,
    /// The server whose node the last thing that happened has stepped.
    stepped: Option<ServerId>,
}

/// The first wake-up and its place; the earliest place among several at one instant.
fn first_of(wakes: &[Time]) -> (Time, usize) {
    let places = wakes.iter().copied().zip(0..);
    places.min().unwrap_or((Time::MAX, 0))
}

/// The configurations of the scenario's nodes in ring order.
pub(crate) fn configs(
    scenario: &Scenario,
    parameters: &Parameters,
) -> Result<Vec<Config>, ConfigError> {
    let size = scenario.group.len();
    let guests = parameters.guests_max();
    ServerId::all(size)
        .map(|me| {
            let config = Config::new(me, size, guests, parameters.timing())?;
            Ok(config
                .with_safety(scenario.safety)
                .with_failback(scenario.policy.failback)
                .with_damping(scenario.policy.damping)
                .with_fenceable(scenario.equipment.fences))
        })
        .collect()
}

impl<O: Observer> Simulation<O> {
    /// The group of `scenario` in full service at time zero, with its own parameters.
    ///
    /// # Errors
    ///
    /// When the core refuses the configuration.
    pub fn new(scenario: &Scenario, observer: O) -> Result<Self, ConfigError> {
        Self::with_parameters(scenario, &scenario.parameters, scenario.seed, observer)
    }

    /// The same with other parameters and dice, as repeated runs need.
    ///
    /// # Errors
    ///
    /// When the core refuses the configuration.
    pub fn with_parameters(
        scenario: &Scenario,
        parameters: &Parameters,
        seed: u64,
        observer: O,
    ) -> Result<Self, ConfigError> {
        let size = scenario.group.len();
        let nodes = configs(scenario, parameters)?;
        let nodes = nodes.into_iter().map(Node::new).collect();
        let mut simulation = Self {
            wakes: vec![Time::MAX; size],
            first_wake: (Time::MAX, 0),
            nodes,
            outbox: Outbox::new(),
            world: World::new(scenario, parameters, seed, observer),
            inputs: 0,
            stepped: None,
        };
        simulation.boot();
        Ok(simulation)
    }

    /// Back to the beginning with other dice, as if newly made, but keeping what has been allocated.
    /// The observer is not told: it goes on as it is.
    pub fn reset(&mut self, seed: u64) {
        for node in &mut self.nodes {
            *node = Node::new(*node.config());
        }
        self.wakes.fill(Time::MAX);
        self.first_wake = (Time::MAX, 0);
        self.inputs = 0;
        self.world.reset(seed);
        self.boot();
    }

    /// Plants a mistake in every server, from now on.
    #[cfg(feature = "seeded-bugs")]
    pub(crate) fn plant(&mut self, bug: tetrarch_core::Bug) {
        for node in &mut self.nodes {
            node.plant(bug);
        }
    }

    fn boot(&mut self) {
        for server in ServerId::all(self.nodes.len()) {
            let stimulus = self.world.boot_group(server);
            self.stimulate(stimulus);
        }
    }

    /// Runs until everything up to and including `end` has happened.
    pub fn run_until(&mut self, end: Time) {
        while self.advance(end) {}
        self.world.now = end;
    }

    /// Lets the next thing happen, unless that is after `end`. Tells whether it did.
    pub fn advance(&mut self, end: Time) -> bool {
        self.stepped = None;
        let (due, sleeper) = self.first_wake;
        // A node that stood still has wake-ups of before, which come now: time never goes back.
        let wake = due.max(self.world.now);
        if let Some((at, happening)) = self.world.agenda.pop_until(wake.min(end)) {
            self.world.now = at;
            let stimulus = self.world.happen(happening);
            self.stimulate(stimulus);
        } else if wake > end || due == Time::MAX {
            return false;
        } else {
            self.world.now = wake;
            self.wake(sleeper);
        }
        true
    }

    /// Moves the wake-up of the node at `place`. The first of all is looked for only when it was
    /// that one: most inputs move no wake-up.
    fn set_wake(&mut self, place: usize, at: Time) {
        self.wakes[place] = at;
        if (at, place) <= self.first_wake {
            self.first_wake = (at, place);
        } else if place == self.first_wake.1 {
            self.first_wake = first_of(&self.wakes);
        }
    }

    fn wake(&mut self, place: usize) {
        match ServerId::new(place) {
            Some(server) if self.world.is_managing(server) && self.world.is_paused(server) => {
                self.world.tell_later(server, Input::Deadline);
                self.set_wake(place, Time::MAX);
            }
            Some(server) if self.world.is_managing(server) => self.step(server, Input::Deadline),
            _ => self.set_wake(place, Time::MAX),
        }
    }

    fn stimulate(&mut self, stimulus: Stimulus) {
        match stimulus {
            Stimulus::Input(server, input @ Input::Command(Command::Order(order))) => {
                if let Some(server) = self.taker_of(order, server) {
                    self.step(server, input);
                }
            }
            Stimulus::Input(server, input) => self.step(server, input),
            Stimulus::None => {}
        }
    }

    /// The server at which an operator gives an order that was meant for `server`: that one if it can take it, else
    /// the first that can. One outside the ring, or that does not know its place yet, takes none, and one that
    /// has not heard of an order cannot withdraw it.
    fn taker_of(&self, order: Order, server: ServerId) -> Option<ServerId> {
        let size = self.nodes.len();
        let takes = |server: &ServerId| {
            let node = &self.nodes[server.index()];
            let orders = node.view().orders();
            self.world.is_managing(*server)
                && !self.world.is_paused(*server)
                && node.view().is_managing()
                && node.config().version() > Version::V1
                && orders.with(order, size) != orders
        };
        core::iter::once(server)
            .chain(ServerId::all(size))
            .find(takes)
    }

    fn step(&mut self, server: ServerId, input: Input) {
        let place = server.index();
        let now = self.world.now;
        self.inputs += 1;
        self.stepped = Some(server);
        if matches!(input, Input::Start { .. }) {
            // Every life of the programs has a number of its own, and maybe another version.
            let (version, life) = self.world.programs(server);
            let config = *self.nodes[place].config();
            self.nodes[place] = Node::new(config.with_version(version).with_life(life));
        }
        // The node knows its own server's clock alone.
        let local = self.world.local(server, now);
        self.world.observer.clock(server, local);
        self.world.observer.input(now, server, &input);
        let mut step = self.nodes[place].step(local, input, &mut self.outbox);
        for output in step.by_ref() {
            self.world.observer.output(now, server, &output);
            match output {
                Output::Send { to, message } => self.world.send(server, to, message),
                Output::Run { job, action } => self.world.begin(server, job, action),
                Output::Cancel { job } => self.world.cancel(server, job),
                Output::Hold { claim, until } => self.world.hold(server, claim, until),
                Output::Note(Event::Left) => self.world.may_go_down(server),
                Output::Announce { .. } | Output::Note(_) => {}
            }
        }
        let deadline = step.finish();
        self.world.observer.decided(now, server, deadline);
        let at = deadline.map_or(Time::MAX, |deadline| deadline.at);
        self.set_wake(place, self.world.when(server, at));
    }

    /// The instant up to which everything has happened.
    #[must_use]
    pub fn now(&self) -> Time {
        self.world.now
    }

    /// How many inputs have been stepped through nodes.
    #[must_use]
    pub fn inputs(&self) -> u64 {
        self.inputs
    }

    /// The server whose node the last thing that happened has stepped, if it has stepped one.
    #[must_use]
    pub fn stepped(&self) -> Option<ServerId> {
        self.stepped
    }

    /// Counts the changes of power, addresses and virtual servers. While it stays, so do
    /// [`Simulation::holders`] and [`Simulation::runners`], and no server's management programs have
    /// gone down with it.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.world.revision()
    }

    /// The nodes in ring order; those of dead servers as they were when they died.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether the management programs of `server` run.
    #[must_use]
    pub fn is_managing(&self, server: ServerId) -> bool {
        self.world.is_managing(server)
    }

    /// The host that serves `function` to clients.
    #[must_use]
    pub fn served_by(&self, function: ServerId) -> Option<ServerId> {
        self.world.served_by(function)
    }

    /// The hosts at which clients reach `function`'s virtual IP address.
    #[must_use]
    pub fn holders(&self, function: ServerId) -> Members {
        self.world.holders(function)
    }

    /// The hosts on which the virtual server of `function` runs.
    #[must_use]
    pub fn runners(&self, function: ServerId) -> Members {
        self.world.runners(function)
    }

    /// The outages of `function` so far.
    #[must_use]
    pub fn outages(&self, function: ServerId) -> &[Outage] {
        self.world.outages(function)
    }

    /// The observer.
    #[must_use]
    pub fn observer(&self) -> &O {
        &self.world.observer
    }

    /// Ends the run and hands the observer out.
    #[must_use]
    pub fn into_observer(self) -> O {
        self.world.observer
    }
}
