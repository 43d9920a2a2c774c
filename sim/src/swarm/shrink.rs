//! A failing run made as small as it can be made and still fail in the same way.
//!
//! Delta debugging without dice or clocks: each step proposes a smaller plan, a run of it tells
//! whether it still fails, and the steps are repeated until none of them helps or the budget of runs
//! is spent. So the same failure always shrinks to the same scenario.

use tetrarch_core::{ConfigError, Span, Time};

use super::Failure;
use super::judge::fails_at;
use super::plan::{Healing, Plan, servers};
use crate::parameters::{Parameters, TABLE};
use crate::scenario::Scenario;

/// A failure's smallest scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// What is wrong.
    pub failure: Failure,
    /// The smallest plan that was found.
    pub plan: Plan,
    /// How many runs it took.
    pub runs: u32,
}

impl Shrunk {
    /// The scenario file, ready to be kept.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        self.plan.scenario()
    }
}

/// The most runs that one failure is given.
const RUNS_MAX: u32 = 3_000;

/// Makes `plan` smaller while it still fails in the way of `failure`. None when it does not fail.
///
/// # Errors
///
/// When the core refuses the configuration.
pub fn shrink(plan: &Plan, failure: Failure) -> Result<Option<Shrunk>, ConfigError> {
    let mut search = Search {
        best: plan.clone(),
        failure,
        runs: 0,
    };
    if let Failure::Broken(_) = failure {
        // The healing becomes faults like others, most of which come too late to matter.
        let healing = plan.healing_faults();
        search.best.faults.extend(healing);
        search.best.safety = plan.scenario().duration;
        search.best.healing = Healing::None;
    }
    let first = search.best.clone();
    if !search.accept(first)? {
        return Ok(None);
    }
    loop {
        let before = search.best.clone();
        search.fewer_faults()?;
        search.fewer_servers()?;
        search.less_healing()?;
        search.plainer_parameters()?;
        search.less_time()?;
        search.rounder_times()?;
        if search.best == before || search.runs >= RUNS_MAX {
            break;
        }
    }
    let name = format!("{}: {}", plan.name, failure.name());
    let version = env!("CARGO_PKG_VERSION");
    let purpose = format!("Found by the swarm of Tetrarch {version} and shrunk: {failure}.");
    Ok(Some(Shrunk {
        failure,
        plan: Plan {
            name,
            purpose,
            ..search.best
        },
        runs: search.runs,
    }))
}

struct Search {
    best: Plan,
    failure: Failure,
    runs: u32,
}

impl Search {
    /// Runs a proposal, and keeps it when it fails as it should.
    fn accept(&mut self, mut plan: Plan) -> Result<bool, ConfigError> {
        if self.runs >= RUNS_MAX || plan.safety == Span::ZERO {
            return Ok(false);
        }
        self.runs += 1;
        let Some(at) = fails_at(&plan.scenario(), self.failure)? else {
            return Ok(false);
        };
        if plan.healing == Healing::None {
            // A second after the violation, in whole seconds, nothing is left to see.
            let seconds = (at - Time::ZERO).as_nanos() / 1_000_000_000 + 2;
            plan.safety = plan.safety.min(Span::from_secs(seconds));
            let end = plan.healed_at();
            plan.faults.retain(|fault| fault.at <= end);
        }
        self.best = plan;
        Ok(true)
    }

    /// Leaves out runs of faults: halves, quarters, and so on down to single ones.
    fn fewer_faults(&mut self) -> Result<(), ConfigError> {
        let mut length = self.best.faults.len();
        while length > 0 {
            // From the end, since what comes last matters least to what comes before.
            let mut end = self.best.faults.len();
            while end > 0 {
                let start = end.saturating_sub(length);
                let mut plan = self.best.clone();
                plan.faults.drain(start..end);
                self.accept(plan)?;
                end = start.min(self.best.faults.len());
            }
            length /= 2;
        }
        Ok(())
    }

    fn fewer_servers(&mut self) -> Result<(), ConfigError> {
        for server in servers(self.best.size).rev() {
            if let Some(plan) = self.best.without(server) {
                self.accept(plan)?;
            }
        }
        Ok(())
    }

    fn less_healing(&mut self) -> Result<(), ConfigError> {
        if self.best.healing == Healing::All {
            let healing = Healing::Needed;
            self.accept(Plan {
                healing,
                ..self.best.clone()
            })?;
        }
        Ok(())
    }

    /// The paper's timings and the usual dice, all at once or one by one.
    fn plainer_parameters(&mut self) -> Result<(), ConfigError> {
        let paper = Parameters::paper();
        if self.best.parameters != paper {
            let parameters = paper.clone();
            self.accept(Plan {
                parameters,
                ..self.best.clone()
            })?;
        }
        for row in TABLE {
            if row.get(&self.best.parameters) == row.paper() {
                continue;
            }
            let mut plan = self.best.clone();
            let is_set = row.set(&mut plan.parameters, row.paper()).is_ok();
            if is_set && plan.parameters.validate().is_ok() {
                self.accept(plan)?;
            }
        }
        if self.best.seed != 1 {
            self.accept(Plan {
                seed: 1,
                ..self.best.clone()
            })?;
        }
        Ok(())
    }

    /// Moves each fault with all after it, and at last the end, towards what comes before.
    fn less_time(&mut self) -> Result<(), ConfigError> {
        for place in 0..=self.best.faults.len() {
            // Whole, half and quarter gaps; then all but some seconds of it, because where in a
            // cycle a fault strikes is often what matters.
            let shares = [1, 2, 4].map(|share| (share, 0));
            for (share, left_s) in shares.into_iter().chain((1..=30).map(|left| (1, left))) {
                let at = |place: usize| self.best.faults.get(place).map(|fault| fault.at);
                let before = place.checked_sub(1).and_then(at).unwrap_or(Time::ZERO);
                let here = at(place).unwrap_or(self.best.healed_at());
                let cut = Span::from_nanos((here - before).as_nanos() / share);
                let cut = cut.saturating_sub(Span::from_secs(left_s));
                if cut < LEAST_CUT {
                    break;
                }
                let mut plan = self.best.clone();
                for fault in plan.faults.iter_mut().skip(place) {
                    fault.at = earlier(fault.at, cut);
                }
                plan.safety = plan.safety.saturating_sub(cut);
                if self.accept(plan)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Times in whole tens of seconds, seconds or tenths of them, the roundest that does.
    fn rounder_times(&mut self) -> Result<(), ConfigError> {
        const GRAINS_MS: [u64; 3] = [10_000, 1_000, 100];
        for place in 0..=self.best.faults.len() {
            for grain in GRAINS_MS {
                let mut plan = self.best.clone();
                let round = |at: Time| {
                    let ns = grain * 1_000_000;
                    Time::from_nanos(at.as_nanos() / ns * ns)
                };
                match plan.faults.get_mut(place) {
                    Some(fault) => fault.at = round(fault.at),
                    None => plan.safety = round(plan.healed_at()) - Time::ZERO,
                }
                if plan == self.best {
                    break;
                }
                let in_order = plan.faults.is_sorted_by_key(|fault| fault.at);
                let end = plan.healed_at();
                let inside = plan.faults.iter().all(|fault| fault.at <= end);
                if in_order && inside && self.accept(plan)? {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Gaps shorter than this are not worth a run.
const LEAST_CUT: Span = Span::from_millis(500);

fn earlier(at: Time, cut: Span) -> Time {
    Time::ZERO + (at - Time::ZERO).saturating_sub(cut)
}
