//! The real thing: management groups of four in good health, run by the core's own nodes.
//!
//! It has no short cut for quiet time. In every cycle of 11 s each server starts an examination of
//! its target (the wake-up), gets the result for the network and that for the services, gets the
//! S.file of the target that it corroborates for, and examines that one alike: six inputs.

use std::hint::black_box;
use std::num::NonZeroU64;
use std::path::Path;

use tetrarch_core::{Config, Input, Node, Outbox, ServerId, Span, Time};
use tetrarch_sim::fleet::{Fleet, FleetError, fleet};
use tetrarch_sim::scenario::{Scenario, ScenarioError};
use tetrarch_sim::simulation::Simulation;
use tetrarch_sim::trace::InputLog;

/// Servers of a group.
pub const GROUP: usize = 4;

/// The paper's group without trouble, for `span_s` seconds.
///
/// # Errors
///
/// When the scenario that is compiled in is not valid.
pub fn scenario(span_s: u64) -> Result<Scenario, ScenarioError> {
    let text = include_str!("../scenarios/paper/s1t.toml");
    let mut scenario = Scenario::parse(text, "scenarios/paper/s1t.toml", Path::new("."))?;
    scenario.faults.clear();
    scenario.expects.clear();
    scenario.duration = Span::from_secs(span_s);
    Ok(scenario)
}

/// So many servers in groups of four, on one thread or on all cores.
///
/// # Errors
///
/// When the fleet cannot be simulated.
pub fn run(
    scenario: &Scenario,
    servers: usize,
    threads: Option<usize>,
) -> Result<Fleet, FleetError> {
    let groups = NonZeroU64::new((servers / GROUP) as u64).unwrap_or(NonZeroU64::MIN);
    fleet(scenario, groups, 1, threads, |_| {})
}

/// The inputs of a group's nodes, to be stepped again without a world around them.
#[derive(Clone, Debug)]
pub struct Replay {
    fresh: Vec<Node>,
    nodes: Vec<Node>,
    outbox: Outbox,
    inputs: Vec<(Time, ServerId, Input)>,
}

impl Replay {
    /// Records what the nodes of `scenario`'s group are given.
    #[must_use]
    pub fn record(scenario: &Scenario) -> Option<Self> {
        let mut simulation = Simulation::new(scenario, InputLog::default()).ok()?;
        let configs: Vec<Config> = simulation
            .nodes()
            .iter()
            .map(|node| *node.config())
            .collect();
        simulation.run_until(scenario.end());
        let fresh: Vec<Node> = configs.into_iter().map(Node::new).collect();
        Some(Self {
            nodes: fresh.clone(),
            fresh,
            outbox: Outbox::new(),
            inputs: simulation.into_observer().inputs().to_vec(),
        })
    }

    /// How many inputs one replay steps.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Steps all inputs through new nodes. Returns the number of outputs.
    pub fn run(&mut self) -> usize {
        self.nodes.clone_from(&self.fresh);
        let mut outputs = 0;
        for (now, server, input) in &self.inputs {
            let mut step = self.nodes[server.index()].step(*now, *input, &mut self.outbox);
            outputs += step.by_ref().map(black_box).count();
            black_box(step.finish());
        }
        outputs
    }
}
