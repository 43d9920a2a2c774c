//! A fleet: many independent groups of one scenario, simulated one after the other.
//!
//! Groups share nothing, each has a file server of its own, so the events of one never have to be
//! sorted among those of another. One thread keeps one group in its nearest cache, simulates it from
//! beginning to end event by event (quiet time is not skipped), adds what came of it to its totals
//! and starts the next group in the same memory. So neither the cost of an event nor the memory grows
//! with the fleet.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::Rng;
use rayon::ThreadPoolBuildError;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use tetrarch_core::{ConfigError, ServerId, Span, Time};
use thiserror::Error;

use crate::scenario::Scenario;
use crate::simulation::Simulation;
use crate::streams::{pool, stream};

/// What a fleet came to. Whole numbers only, so the totals do not depend on who adds them up when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// The number of groups.
    pub groups: u64,
    /// The number of servers in all groups.
    pub servers: u64,
    /// How long each group was simulated.
    pub duration: Span,
    /// What came of all groups together.
    pub totals: Totals,
}

/// Sums over groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events: inputs that were stepped through nodes.
    pub inputs: u64,
    /// How often a function was lost to its clients.
    pub outages: u64,
    /// Functions that were still lost at the end.
    pub unserved: u64,
    /// The time without service, added up over all functions of all groups, in nanoseconds.
    pub outage_ns: u128,
    /// The longest outage.
    pub longest: Span,
}

impl Fleet {
    /// How many hours of servers were simulated.
    #[must_use]
    pub fn server_hours(&self) -> f64 {
        self.servers as f64 * self.duration.as_secs_f64() / 3600.0
    }
}

impl Totals {
    fn of(simulation: &Simulation<()>, end: Time) -> Self {
        let mut totals = Self {
            inputs: simulation.inputs(),
            ..Self::default()
        };
        for function in ServerId::all(simulation.nodes().len()) {
            for outage in simulation.outages(function) {
                let length = outage.to.unwrap_or(end) - outage.from;
                totals.outages += 1;
                totals.unserved += u64::from(outage.to.is_none());
                totals.outage_ns += u128::from(length.as_nanos());
                totals.longest = totals.longest.max(length);
            }
        }
        totals
    }

    fn with(self, other: Self) -> Self {
        Self {
            inputs: self.inputs + other.inputs,
            outages: self.outages + other.outages,
            unserved: self.unserved + other.unserved,
            outage_ns: self.outage_ns + other.outage_ns,
            longest: self.longest.max(other.longest),
        }
    }
}

/// A fleet could not be simulated.
#[derive(Debug, Error)]
pub enum FleetError {
    /// The core refuses the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The threads could not be started.
    #[error("the threads could not be started: {0}")]
    Threads(#[from] ThreadPoolBuildError),
}

/// Simulates `groups` independent groups of `scenario` on as many `threads`, or on all cores.
///
/// The faults of the scenario strike in every group; the dice, on which lost messages depend, start
/// from `seed` and differ from group to group. Expectations and invariants are not looked at: see
/// [`crate::repeat`]. `progress` is called with the number of groups that are done, now and then and
/// from any of the threads. The result does not depend on the number of threads.
///
/// # Errors
///
/// When the core refuses the configuration, or the threads cannot be started.
pub fn fleet(
    scenario: &Scenario,
    groups: NonZeroU64,
    seed: u64,
    threads: Option<usize>,
    progress: impl Fn(u64) + Sync,
) -> Result<Fleet, FleetError> {
    let groups = groups.get();
    let pristine = Simulation::new(scenario, ())?;
    let end = scenario.end();
    let done = AtomicU64::new(0);
    let batches = groups.div_ceil(BATCH);
    let totals = pool(threads)?.install(|| {
        (0..batches)
            .into_par_iter()
            .map_with(pristine, |simulation, batch| {
                let first = batch * BATCH;
                let mut totals = Totals::default();
                let last = groups.min(first + BATCH);
                for group in first..last {
                    simulation.reset(stream(seed, group).next_u64());
                    simulation.run_until(end);
                    totals = totals.with(Totals::of(simulation, end));
                }
                let count = last - first;
                progress(done.fetch_add(count, Ordering::Relaxed) + count);
                totals
            })
            .reduce(Totals::default, Totals::with)
    });
    Ok(Fleet {
        groups,
        servers: groups * scenario.group.len() as u64,
        duration: scenario.duration,
        totals,
    })
}

/// Groups that a thread simulates in one go: enough that starting is nothing beside it.
const BATCH: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::run;

    fn scenario(file: &str) -> Scenario {
        Scenario::load(format!("../scenarios/paper/{file}.toml")).unwrap()
    }

    fn fleet_of(scenario: &Scenario, groups: u64, threads: usize) -> Fleet {
        let groups = NonZeroU64::new(groups).unwrap();
        fleet(scenario, groups, 7, Some(threads), |_| {}).unwrap()
    }

    fn lossy() -> Scenario {
        let mut scenario = scenario("n1t");
        let loss = crate::scenario::Fault {
            at: Time::ZERO,
            action: crate::scenario::FaultAction::Loss("0.3".parse().unwrap()),
            line: 0,
        };
        scenario.faults.insert(0, loss);
        scenario
    }

    #[test]
    fn a_fleet_is_as_many_times_its_group() {
        let scenario = scenario("pair-n2t-n2t");
        let alone = run(&scenario).unwrap();
        let fleet = fleet_of(&scenario, 37, 1);
        assert_eq!(fleet.servers, 148);
        assert_eq!(fleet.totals.inputs, 37 * alone.inputs);
        let outages: usize = alone.outages.iter().map(Vec::len).sum();
        assert!(outages > 0);
        assert_eq!(fleet.totals.outages, 37 * outages as u64);
        assert_eq!(fleet.totals.unserved, 0);
        let longest = alone
            .outages
            .iter()
            .flatten()
            .map(|outage| outage.to.unwrap() - outage.from);
        assert_eq!(Some(fleet.totals.longest), longest.max());
    }

    #[test]
    fn the_result_does_not_depend_on_the_number_of_threads() {
        let scenario = lossy();
        let one = fleet_of(&scenario, 100, 1);
        assert_eq!(one, fleet_of(&scenario, 100, 2));
        assert_eq!(one, fleet_of(&scenario, 100, 8));
    }

    #[test]
    fn groups_have_dice_of_their_own() {
        let scenario = lossy();
        let one = fleet_of(&scenario, 1, 1);
        let ten = fleet_of(&scenario, 10, 1);
        assert_ne!(ten.totals.inputs, 10 * one.totals.inputs);
    }

    #[test]
    fn a_function_that_stays_lost_counts_until_the_end() {
        let mut scenario = scenario("n2t");
        scenario.duration = Span::from_secs(10);
        let fleet = fleet_of(&scenario, 3, 2);
        assert_eq!(fleet.totals.unserved, 3);
        assert_eq!(fleet.totals.longest, Span::from_secs(4));
        assert_eq!(fleet.totals.outage_ns, 12_000_000_000);
    }

    #[test]
    fn a_reset_group_runs_like_a_new_one() {
        let scenario = lossy();
        let mut used = Simulation::new(&scenario, ()).unwrap();
        used.run_until(scenario.end());
        used.reset(99);
        used.run_until(scenario.end());
        let mut fresh =
            Simulation::with_parameters(&scenario, &scenario.parameters, 99, ()).unwrap();
        fresh.run_until(scenario.end());
        assert_eq!(used.nodes(), fresh.nodes());
        assert_eq!(used.inputs(), fresh.inputs());
        for function in ServerId::all(4) {
            assert_eq!(used.outages(function), fresh.outages(function));
        }
    }

    #[test]
    fn progress_ends_with_all_groups() {
        let most = AtomicU64::new(0);
        let groups = NonZeroU64::new(50).unwrap();
        let tell = |done| {
            most.fetch_max(done, Ordering::Relaxed);
        };
        fleet(&scenario("s1t"), groups, 1, Some(2), tell).unwrap();
        assert_eq!(most.into_inner(), 50);
    }
}
