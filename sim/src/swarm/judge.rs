//! One seed's run under the eyes of all checkers.

use tetrarch_core::{ConfigError, Safety, ServerId, Span, Time};

use super::draw::Drawn;
use super::mix::Mix;
use super::{Failure, SwarmError};
use crate::check::Invariant;
use crate::run::{Judged, Watch, unmet_now};
use crate::scenario::Scenario;

/// What came of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedReport {
    /// The seed.
    pub seed: u64,
    /// How many servers its ring has.
    pub servers: usize,
    /// Its safety setting.
    pub rules: Safety,
    /// The kinds of faults that it knows.
    pub mix: Mix,
    /// Faults and their ends in the safety phase.
    pub faults: usize,
    /// How long it was simulated; to the storm, if messages multiplied without end.
    pub simulated: Span,
    /// Events: inputs that were stepped through nodes.
    pub inputs: u64,
    /// How often each invariant was broken, in the order of [`Invariant::ALL`].
    pub broken: [u32; Invariant::ALL.len()],
    /// From the repair of everything until all was well, to a tenth of the bound; none when that
    /// did not last until the bound's end.
    pub progress_after: Option<Span>,
    /// How long that may take.
    pub bound: Span,
}

impl SeedReport {
    /// What the protocol promises and did not hold.
    pub fn failures(&self) -> impl Iterator<Item = Failure> + '_ {
        let broken = self.found().filter(|failure| self.is_promised(*failure));
        // A storm ends the run, so there is nothing to say about the time after it.
        let stuck = self.progress_after.is_none() && !self.has_storm();
        broken.chain(stuck.then_some(Failure::NoProgress))
    }

    /// What was broken while links were cut or messages lost: known limits of the paper's protocol.
    /// A guarded group has none.
    pub fn limits(&self) -> impl Iterator<Item = Failure> + '_ {
        self.found().filter(|failure| !self.is_promised(*failure))
    }

    /// That waits and messages come to an end is part of progress, so it is promised always.
    fn is_promised(&self, failure: Failure) -> bool {
        let progress = [Invariant::NoEndlessWait, Invariant::NoStorm].map(Failure::Broken);
        self.is_bound() || progress.contains(&failure)
    }

    /// Whether every invariant must hold in this seed.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.rules == Safety::Guarded || self.mix.has_whole_links()
    }

    fn has_storm(&self) -> bool {
        self.found()
            .any(|failure| failure == Failure::Broken(Invariant::NoStorm))
    }

    fn found(&self) -> impl Iterator<Item = Failure> + '_ {
        let counted = Invariant::ALL.iter().zip(self.broken);
        counted
            .filter(|(_, times)| *times > 0)
            .map(|(invariant, _)| Failure::Broken(*invariant))
    }
}

/// How many looks the time of the bound is divided into.
const LOOKS: u64 = 100;

/// Runs what `seed` has drawn.
///
/// # Errors
///
/// When the core refuses the configuration.
pub fn judge(seed: u64, drawn: &Drawn) -> Result<SeedReport, SwarmError> {
    let scenario = drawn.plan.scenario();
    let watch = Watch::new(&scenario, &scenario.parameters, scenario.seed, ())?;
    Ok(judge_watched(seed, drawn, &scenario, watch))
}

/// Runs what `seed` has drawn with a mistake planted in every server.
///
/// # Errors
///
/// When the core refuses the configuration.
#[cfg(feature = "seeded-bugs")]
pub fn judge_planted(
    seed: u64,
    drawn: &Drawn,
    bug: tetrarch_core::Bug,
) -> Result<SeedReport, SwarmError> {
    let scenario = drawn.plan.scenario();
    let mut watch = Watch::new(&scenario, &scenario.parameters, scenario.seed, ())?;
    watch.simulation.plant(bug);
    Ok(judge_watched(seed, drawn, &scenario, watch))
}

fn judge_watched(
    seed: u64,
    drawn: &Drawn,
    scenario: &Scenario,
    mut watch: Watch<()>,
) -> SeedReport {
    let plan = &drawn.plan;
    let (healed_at, bound) = (plan.healed_at(), plan.bound());
    watch.run_to(healed_at);
    let mut well_at = None;
    for look in 1..=LOOKS {
        let stop = healed_at + Span::from_nanos(bound.as_nanos() / LOOKS).times(look);
        watch.run_to(stop);
        well_at = if is_well(scenario, &watch) {
            well_at.or(Some(stop))
        } else {
            None
        };
    }
    watch.run_to(scenario.end());
    watch.expect(scenario, scenario.end());
    let is_managing = ServerId::all(plan.size).all(|s| watch.simulation.is_managing(s));
    let simulated = watch.simulation.now() - Time::ZERO;
    let is_ended = watch.simulation.now() == scenario.end();
    let ((), judged) = watch.finish();
    let is_fine = is_ended && judged.unmet.is_empty() && is_managing;
    let count = |invariant: &Invariant| {
        let found = judged.violations.iter();
        found.filter(|found| found.invariant == *invariant).count() as u32
    };
    let mut broken = [0; Invariant::ALL.len()];
    for (times, invariant) in broken.iter_mut().zip(Invariant::ALL) {
        *times = count(invariant);
    }
    SeedReport {
        seed,
        servers: plan.size,
        rules: plan.rules,
        mix: drawn.mix.clone(),
        faults: plan.faults.len(),
        simulated,
        inputs: judged.inputs,
        broken,
        progress_after: well_at.filter(|_| is_fine).map(|at| at - healed_at),
        bound,
    }
}

/// Whether every expectation would be met now, and every server manages.
fn is_well(scenario: &Scenario, watch: &Watch<()>) -> bool {
    let simulation = &watch.simulation;
    ServerId::all(scenario.group.len()).all(|server| simulation.is_managing(server))
        && scenario
            .expects
            .iter()
            .all(|expect| unmet_now(expect, simulation).is_none())
}

/// When `scenario` fails in the way of `wanted`, if it does: the first violation, or the end of a
/// run that leaves an expectation unmet.
pub(super) fn fails_at(scenario: &Scenario, wanted: Failure) -> Result<Option<Time>, ConfigError> {
    let mut watch = Watch::new(scenario, &scenario.parameters, scenario.seed, ())?;
    watch.run_to(scenario.end());
    if watch.simulation.now() == scenario.end() {
        watch.expect(scenario, scenario.end());
    }
    let ((), judged): ((), Judged) = watch.finish();
    Ok(match wanted {
        Failure::NoProgress => (!judged.unmet.is_empty()).then_some(scenario.end()),
        Failure::Broken(invariant) => judged
            .violations
            .iter()
            .find(|found| found.invariant == invariant)
            .map(|found| found.at),
    })
}
