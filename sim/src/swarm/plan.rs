//! One seed's run as a plan, which becomes a scenario and can be made smaller.

use tetrarch_core::{Span, Time};

use super::bound::progress_bound;
use crate::parameters::Parameters;
use crate::scenario::{
    Check, Equipment, Expect, Fault, FaultAction, Operation, Policy, Safety, Scenario, ServerIndex,
};

/// A ring, its timings, what goes wrong in its safety phase, and how that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where it comes from, in one line.
    pub name: String,
    /// Why it exists.
    pub purpose: String,
    /// The number of servers.
    pub size: usize,
    /// The timings.
    pub parameters: Parameters,
    /// Where the dice of lost messages start from.
    pub seed: u64,
    /// The faults and their ends, by time, all within the safety phase.
    pub faults: Vec<Fault>,
    /// How long the safety phase takes.
    pub safety: Span,
    /// The group's safety setting.
    pub rules: Safety,
    /// By which rules recovered servers get their functions back.
    pub policy: Policy,
    /// What the servers are equipped with.
    pub equipment: Equipment,
    /// What comes after it.
    pub healing: Healing,
    /// The share of [`progress_bound`] that progress may take, in per cent.
    pub bound_percent: u32,
}

/// What comes after the safety phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Healing {
    /// Nothing: the run ends with it.
    None,
    /// What the faults have broken is put right, and progress is demanded.
    Needed,
    /// Everything is put right, broken or not, and progress is demanded.
    All,
}

/// How long after the repair operators look whether any order still stands: longer than the longest time
/// between two signs of life, in which orders are repeated.
const LOOK_AFTER: Span = Span::from_secs(60);

pub(super) fn servers(size: usize) -> impl DoubleEndedIterator<Item = ServerIndex> {
    (0..size).filter_map(|place| u8::try_from(place).ok().map(ServerIndex))
}

pub(super) fn fault(at: Time, action: FaultAction) -> Fault {
    Fault {
        at,
        action,
        line: 0,
    }
}

impl Plan {
    /// When the safety phase ends.
    #[must_use]
    pub fn healed_at(&self) -> Time {
        Time::ZERO + self.safety
    }

    /// How long progress may take after it.
    #[must_use]
    pub fn bound(&self) -> Span {
        let bound = progress_bound(&self.parameters, self.size).as_nanos();
        Span::from_nanos(bound / 100 * u64::from(self.bound_percent))
    }

    /// The plan as a scenario that says all of it: faults, healing and, at the end, expectations.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        let group: Vec<String> = (1..=self.size).map(|number| format!("s{number}")).collect();
        let mut faults = self.faults.clone();
        faults.extend(self.healing_faults());
        let duration = match self.healing {
            Healing::None => self.safety,
            Healing::Needed | Healing::All => self.safety + self.bound(),
        };
        Scenario {
            name: self.name.clone(),
            purpose: self.purpose.clone(),
            services: group.iter().map(|name| vec![name.clone()]).collect(),
            group,
            parameters: self.parameters.clone(),
            safety: self.rules,
            policy: self.policy,
            equipment: self.equipment,
            seed: self.seed,
            duration,
            faults,
            expects: self.expects(Time::ZERO + duration),
        }
    }

    fn expects(&self, at: Time) -> Vec<Expect> {
        if self.healing == Healing::None {
            return Vec::new();
        }
        let served = servers(self.size).map(|function| Check::Served {
            function,
            by: Some(function),
            at,
        });
        let members = Check::Members {
            members: servers(self.size).collect(),
            at,
        };
        served
            .chain([members])
            .map(|check| Expect { check, line: 0 })
            .collect()
    }

    /// What puts everything right at the end of the safety phase.
    pub(super) fn healing_faults(&self) -> Vec<Fault> {
        let actions = || self.faults.iter().map(|fault| &fault.action);
        let all = match self.healing {
            Healing::None => return Vec::new(),
            Healing::Needed => false,
            Healing::All => true,
        };
        let mut healing = Vec::new();
        let mut put = |needed: bool, action: FaultAction| {
            if all || needed {
                healing.push(fault(Time::ZERO + self.safety, action));
            }
        };
        put(actions().any(breaks_links), FaultAction::Heal);
        let file_server = |action: &FaultAction| matches!(action, FaultAction::FileServerDown);
        put(actions().any(file_server), FaultAction::FileServerUp);
        let slow = |action: &FaultAction| matches!(action, FaultAction::FileServerSlow(_));
        put(actions().any(slow), FaultAction::FileServerSlow(1));
        for server in servers(self.size) {
            let down = |action: &FaultAction| takes_down(action) == Some(server);
            let stopped = |action: &FaultAction| *action == FaultAction::AgentStop(server);
            let paused = |action: &FaultAction| *action == FaultAction::Pause(server);
            let asleep = |action: &FaultAction| *action == FaultAction::AgentPause(server);
            put(actions().any(paused), FaultAction::Resume(server));
            put(actions().any(asleep), FaultAction::AgentResume(server));
            put(actions().any(down), FaultAction::Repair(server));
            put(actions().any(stopped), FaultAction::AgentStart(server));
        }
        // Last, when there is somebody to tell, and once more when all have heard of each other: an order may
        // have stood only where nobody could be told at first.
        for later in [Span::ZERO, LOOK_AFTER] {
            let ends = self.ends_of_orders().into_iter();
            healing.extend(
                ends.map(|end| fault(self.healed_at() + later, FaultAction::Operation(end))),
            );
        }
        healing
    }

    /// What withdraws the orders of the safety phase: each once, whether or not it still stands.
    fn ends_of_orders(&self) -> Vec<Operation> {
        let mut ends: Vec<Operation> = Vec::new();
        for fault in &self.faults {
            if let FaultAction::Operation(operation) = fault.action
                && let Some(end) = operation.end()
                && !ends.contains(&end)
            {
                ends.push(end);
            }
        }
        ends
    }

    /// The plan without one server and all that concerns it; none when two would not be left.
    pub(super) fn without(&self, gone: ServerIndex) -> Option<Self> {
        if self.size <= 2 {
            return None;
        }
        let place = |server: ServerIndex| match server.0.cmp(&gone.0) {
            core::cmp::Ordering::Less => Some(server),
            core::cmp::Ordering::Equal => None,
            core::cmp::Ordering::Greater => Some(ServerIndex(server.0 - 1)),
        };
        let faults = self.faults.iter();
        let faults = faults.filter_map(|old| Some(fault(old.at, old.action.moved(place)?)));
        Some(Self {
            size: self.size - 1,
            faults: faults.collect(),
            ..self.clone()
        })
    }
}

pub(super) fn breaks_links(action: &FaultAction) -> bool {
    matches!(
        action,
        FaultAction::Cut { .. }
            | FaultAction::Partition(_)
            | FaultAction::Loss(_)
            | FaultAction::Flap { .. }
            | FaultAction::LinkLoss { .. }
            | FaultAction::LinkDelay { .. }
            | FaultAction::Late { .. }
            | FaultAction::Doubled(_)
            | FaultAction::FileServerCut(_)
    )
}

/// The server that an operator may have to repair after `action`.
fn takes_down(action: &FaultAction) -> Option<ServerIndex> {
    match action {
        FaultAction::Trouble { server, .. }
        | FaultAction::Crash(server)
        | FaultAction::Destroy(server) => Some(*server),
        FaultAction::Operation(Operation::Leave { server, .. }) => Some(*server),
        _ => None,
    }
}
