//! Repeated runs of one scenario with jitter on its physical parameters.
//!
//! Every run has a number, and all that is drawn for it depends on the seed and that number alone. So
//! the results are the same for any number of threads, and any single run can be had again with
//! [`Repetition::variant`].

use std::sync::atomic::{AtomicU32, Ordering};

use rand::Rng;
use rayon::ThreadPoolBuildError;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use tetrarch_core::{ConfigError, ServerId, Span, Time};
use thiserror::Error;

use crate::jitter::{scatter, unit};
use crate::parameters::ParameterError;
use crate::run::{Run, run};
use crate::scenario::{Metric, Scenario};
use crate::statistics::Statistics;
use crate::streams::{pool, stream};
use crate::units::Ratio;

/// How a scenario is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// How many runs; at least one.
    pub runs: u32,
    /// Where the dice of all runs start from.
    pub seed: u64,
    /// How many threads; none for one on each core.
    pub threads: Option<usize>,
    /// Scales every standard deviation of [`crate::jitter::JITTER`].
    pub spread: Ratio,
    /// Whether all faults of a run are shifted together, evenly by up to half an inter-monitoring
    /// time to either side. Trouble in the middle of the waiting time then falls anywhere in it.
    pub shift_faults: bool,
}

/// What the runs gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// How many runs there were.
    pub runs: u32,
    /// Where their dice started from.
    pub seed: u64,
    /// Each time of each server that was in trouble, servers in ring order.
    pub times: Vec<Repeats>,
    /// Events of all runs: inputs that were stepped through nodes.
    pub inputs: u64,
    /// The runs with expectations that were not met.
    pub unmet: Failures,
    /// The runs that broke an invariant.
    pub violations: Failures,
}

/// One time of one server over all runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// The server.
    pub server: ServerId,
    /// Which time.
    pub metric: Metric,
    /// In how many runs there was such a time.
    pub present: u32,
    /// In how many runs what it measures never happened.
    pub absent: u32,
    /// The times that there were; none when there were none.
    pub statistics: Option<Statistics>,
}

/// Runs in which something was wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub runs: u32,
    /// The number of the first one, for [`Repetition::variant`].
    pub first: Option<u32>,
}

/// A scenario could not be repeated.
#[derive(Debug, Error)]
pub enum RepeatError {
    /// Nothing to repeat.
    #[error("the number of runs must be at least 1")]
    NoRuns,
    /// The scenario's parameters are not valid together.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// The core refuses the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The threads could not be started.
    #[error("the threads could not be started: {0}")]
    Threads(#[from] ThreadPoolBuildError),
}

/// Runs `scenario` so many times with jitter, on as many `threads`, or on all cores.
///
/// `progress` is called with the number of runs that are done, from any of the threads. See
/// [`Repetition`] for more choices.
///
/// # Errors
///
/// When there is nothing to run, the scenario's parameters are not valid, or the threads cannot be
/// started.
pub fn repeat(
    scenario: &Scenario,
    runs: u32,
    seed: u64,
    threads: Option<usize>,
    progress: impl Fn(u32) + Sync,
) -> Result<Repeated, RepeatError> {
    let repetition = Repetition {
        threads,
        ..Repetition::new(runs, seed)
    };
    repetition.run(scenario, progress)
}

impl Repetition {
    /// So many runs on all cores, with the jitter of the table and the faults at their instants.
    #[must_use]
    pub const fn new(runs: u32, seed: u64) -> Self {
        Self {
            runs,
            seed,
            threads: None,
            spread: Ratio::WHOLE,
            shift_faults: false,
        }
    }

    /// The scenario of run `number`, from 0: [`crate::run::run`] of it is that run.
    ///
    /// # Errors
    ///
    /// When the scenario's parameters are not valid together.
    pub fn variant(&self, scenario: &Scenario, number: u32) -> Result<Scenario, ParameterError> {
        let mut dice = stream(self.seed, u64::from(number));
        let mut variant = scenario.clone();
        variant.seed = dice.next_u64();
        // Drawn in any case, so that the parameters are the same with and without the shift.
        let shift = 2.0 * unit(&mut dice) - 1.0;
        if self.shift_faults {
            shift_faults(&mut variant, shift);
        }
        variant.parameters = scatter(&scenario.parameters, self.spread, &mut dice)?;
        Ok(variant)
    }

    /// Carries all runs out. See [`repeat`].
    ///
    /// # Errors
    ///
    /// As [`repeat`].
    pub fn run(
        &self,
        scenario: &Scenario,
        progress: impl Fn(u32) + Sync,
    ) -> Result<Repeated, RepeatError> {
        if self.runs == 0 {
            return Err(RepeatError::NoRuns);
        }
        let done = AtomicU32::new(0);
        // Collected in the order of their numbers, so that sums are taken in that order too.
        let samples = pool(self.threads)?.install(|| {
            (0..self.runs)
                .into_par_iter()
                .map(|number| {
                    let sample = run(&self.variant(scenario, number)?).map(|run| Sample::of(&run));
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                    Ok(sample?)
                })
                .collect::<Result<Vec<Sample>, RepeatError>>()
        })?;
        Ok(self.summed_up(scenario, &samples))
    }

    fn summed_up(&self, scenario: &Scenario, samples: &[Sample]) -> Repeated {
        let mut times = Vec::new();
        for server in ServerId::all(scenario.group.len()) {
            let place = server.index();
            if samples.iter().any(|sample| sample.times[place].is_some()) {
                for (column, metric) in Metric::ALL.iter().enumerate() {
                    let of = |sample: &Sample| sample.times[place].and_then(|row| row[column]);
                    let found: Vec<Span> = samples.iter().filter_map(of).collect();
                    times.push(Repeats {
                        server,
                        metric: *metric,
                        present: found.len() as u32,
                        absent: self.runs - found.len() as u32,
                        statistics: Statistics::of(&found),
                    });
                }
            }
        }
        Repeated {
            runs: self.runs,
            seed: self.seed,
            times,
            inputs: samples.iter().map(|sample| sample.inputs).sum(),
            unmet: Failures::among(samples, |sample| sample.unmet),
            violations: Failures::among(samples, |sample| sample.violated),
        }
    }
}

/// What is kept of a run.
#[derive(Clone, Debug)]
struct Sample {
    /// For each server the times in the order of [`Metric::ALL`]; none for one without trouble.
    times: Vec<Option<[Option<Span>; Metric::ALL.len()]>>,
    inputs: u64,
    unmet: bool,
    violated: bool,
}

impl Sample {
    fn of(run: &Run) -> Self {
        let times = run.measured.iter().map(|measured| {
            let mut row = [None; Metric::ALL.len()];
            for (cell, metric) in row.iter_mut().zip(Metric::ALL) {
                *cell = measured.get(*metric);
            }
            measured.struck.map(|_| row)
        });
        Self {
            times: times.collect(),
            inputs: run.inputs,
            unmet: !run.unmet.is_empty(),
            violated: !run.violations.is_empty(),
        }
    }
}

impl Failures {
    fn among(samples: &[Sample], wrong: impl Fn(&Sample) -> bool) -> Self {
        Self {
            runs: samples.iter().filter(|sample| wrong(sample)).count() as u32,
            first: samples.iter().position(wrong).map(|number| number as u32),
        }
    }
}

/// Shifts all faults by the same share, from -1 to 1, of half an inter-monitoring time, but none out
/// of the run. Faults at one instant belong together, so they stay together.
fn shift_faults(scenario: &mut Scenario, share: f64) {
    let end = scenario.end();
    let half = Span::from_nanos(scenario.parameters.inter_monitoring.as_nanos() / 2);
    let instants = || scenario.faults.iter().map(|fault| fault.at);
    let (Some(first), Some(last)) = (instants().min(), instants().max()) else {
        return;
    };
    let earlier = half.min(first - Time::ZERO);
    let later = half.min(end - last);
    let room = (earlier + later).as_nanos() as f64;
    let shift = Span::from_nanos(((share + 1.0) / 2.0 * room) as u64);
    for fault in &mut scenario.faults {
        fault.at = Time::ZERO + (fault.at - Time::ZERO).saturating_sub(earlier) + shift;
    }
}

#[cfg(test)]
mod tests;
