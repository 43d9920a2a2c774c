//! Swarm: random rings, timings and faults, many seeds, every invariant checked.
//!
//! Each seed draws a ring, timings, which kinds of faults it knows and when they strike. After a
//! safety phase with these faults everything is repaired, and within [`progress_bound`] every
//! function must be served by its own server again, all servers must be members, and all views must
//! be equal.
//!
//! The paper's protocol does not survive cut links and lost messages: two managers that do not
//! hear of each other may both take a function over. So in seeds whose mix breaks links a broken
//! invariant is a known limit, which is counted; in all others it is a failure. Progress is
//! demanded of every seed.

mod bound;
mod draw;
mod judge;
mod mix;
mod plan;
mod shrink;

pub use bound::{BOUND_TEXT, progress_bound};
pub use draw::{Drawn, draw};
#[cfg(feature = "seeded-bugs")]
pub use judge::judge_planted;
pub use judge::{SeedReport, judge};
pub use mix::{Kind, Mix};
pub use plan::{Healing, Plan};
pub use shrink::{Shrunk, shrink};

use core::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::ThreadPoolBuildError;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use tetrarch_core::{ConfigError, Safety, Span};
use thiserror::Error;

use crate::check::Invariant;
use crate::parameters::ParameterError;
use crate::streams::pool;

/// How seeds are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long faults strike.
    pub safety: Span,
    /// The mean time between two faults in a group.
    pub fault_every: Span,
    /// Which timings are drawn.
    pub timings: Timings,
    /// The safety setting of every seed; none draws one for each.
    pub rules: Option<Safety>,
    /// The share of [`progress_bound`] that progress may take, in per cent, from 1 to 1000.
    pub bound_percent: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            safety: Span::from_secs(86_400),
            fault_every: Span::from_secs(600),
            timings: Timings::Random,
            rules: None,
            bound_percent: 100,
        }
    }
}

/// Which timings are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timings {
    /// Settings of the protocol within sane ranges, physical times with jitter.
    #[default]
    Random,
    /// The paper's settings, physical times with jitter.
    Paper,
}

impl Settings {
    /// The longest safety phase: a hundred days.
    pub const SAFETY_MAX: Span = Span::from_secs(100 * 86_400);
    /// The shortest mean time between two faults.
    pub const FAULT_EVERY_MIN: Span = Span::from_secs(1);
    /// The most faults that a scenario can hold, with room for their ends and the healing.
    const FAULTS_MAX: u64 = 20_000;

    /// Checks that the settings make sense together.
    ///
    /// # Errors
    ///
    /// When the safety phase or the time between faults is too short or too long, or there would be
    /// too many faults in one run.
    pub fn validate(&self) -> Result<(), SwarmError> {
        if self.safety == Span::ZERO || self.safety > Self::SAFETY_MAX {
            return Err(SwarmError::Safety(self.safety));
        }
        if self.fault_every < Self::FAULT_EVERY_MIN || self.fault_every > Self::SAFETY_MAX {
            return Err(SwarmError::FaultEvery(self.fault_every));
        }
        if self.safety.as_nanos() / self.fault_every.as_nanos() > Self::FAULTS_MAX {
            return Err(SwarmError::TooManyFaults(self.safety, self.fault_every));
        }
        if !(1..=1000).contains(&self.bound_percent) {
            return Err(SwarmError::Bound(self.bound_percent));
        }
        Ok(())
    }
}

/// Seeds could not be run.
#[derive(Debug, Error)]
pub enum SwarmError {
    /// No or too long a safety phase.
    #[error("the safety phase is {0}; expected more than 0s and at most 100d")]
    Safety(Span),
    /// Faults too often, or hardly ever.
    #[error("the mean time between faults is {0}; expected 1s to 100d")]
    FaultEvery(Span),
    /// More faults than a scenario holds.
    #[error("{0} with a fault every {1} are too many faults for one run; expected at most 20000")]
    TooManyFaults(Span, Span),
    /// No bound, or a senseless one.
    #[error("the share of the bound is {0} %; expected 1 to 1000")]
    Bound(u32),
    /// Seeds beyond the largest number.
    #[error("{seeds} seeds from {first} on go beyond the largest seed")]
    Seeds {
        /// The first seed.
        first: u64,
        /// How many.
        seeds: u64,
    },
    /// The drawn parameters are not valid together.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// The core refuses the configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The threads could not be started.
    #[error("the threads could not be started: {0}")]
    Threads(#[from] ThreadPoolBuildError),
}

/// What is wrong with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// An invariant was broken.
    Broken(Invariant),
    /// All is not well within the bound after everything has been repaired.
    NoProgress,
}

impl Failure {
    /// A short name for files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broken(invariant) => invariant.breach(),
            Self::NoProgress => "no-progress",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(invariant) => invariant.fmt(f),
            Self::NoProgress => f.write_str("not all is well again in time after the repair"),
        }
    }
}

/// Runs so many seeds from `first` on, on as many `threads`, or on all cores.
///
/// The reports come in the order of the seeds, and do not depend on the number of threads.
/// `progress` is called with the number of seeds that are done, from any of the threads.
///
/// # Errors
///
/// When the settings make no sense, or the threads cannot be started.
pub fn swarm(
    settings: &Settings,
    first: u64,
    seeds: u64,
    threads: Option<usize>,
    progress: impl Fn(u64) + Sync,
) -> Result<Vec<SeedReport>, SwarmError> {
    settings.validate()?;
    let end = first
        .checked_add(seeds)
        .ok_or(SwarmError::Seeds { first, seeds })?;
    let done = AtomicU64::new(0);
    pool(threads)?.install(|| {
        (first..end)
            .into_par_iter()
            .map(|seed| {
                let report = judge(seed, &draw(settings, seed)?)?;
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                Ok(report)
            })
            .collect()
    })
}

#[cfg(test)]
mod tests;
