//! One whole run of a scenario: trace, times, expectations and invariants.

use core::fmt;

use tetrarch_core::{ConfigError, Members, ServerId, Span, Time};

use crate::check::{Checker, RestartWatch, Violation};
use crate::measure::{Measured, measure_all};
use crate::observer::Observer;
use crate::parameters::Parameters;
use crate::scenario::{Bounds, Check, Expect, Scenario, ServerIndex};
use crate::simulation::Simulation;
use crate::trace::{Line, Recorder};
use crate::world::{ClientHabit, Outage};

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Everything that happened.
    pub lines: Vec<Line>,
    /// The paper's three times for every server in ring order; empty for those without trouble.
    pub measured: Vec<Measured>,
    /// For every function the times without service.
    pub outages: Vec<Vec<Outage>>,
    /// The expectations that were not met.
    pub unmet: Vec<Unmet>,
    /// The invariants that were broken, but for those that the scenario demands.
    pub violations: Vec<Violation>,
    /// The invariants that were broken as the scenario demands.
    pub demanded: Vec<Violation>,
    /// How many inputs were stepped through nodes.
    pub inputs: u64,
}

/// An expectation of the scenario that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The expectation.
    pub expect: Expect,
    /// What was found instead.
    pub found: Found,
}

/// What an expectation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This time, or none.
    Metric(Option<Span>),
    /// The longest outage took so long.
    Outage(Span),
    /// This host served, or nobody.
    Host(Option<ServerId>),
    /// The invariant was not broken.
    Intact,
    /// Each managing server's view of the members.
    Members(Vec<(ServerId, Members)>),
}

impl Found {
    /// What was found, with the servers' own names.
    #[must_use]
    pub fn named(&self, group: &[String]) -> String {
        let name = |server: ServerId| group.get(server.index()).map_or("?", String::as_str);
        match self {
            Self::Metric(Some(span)) => span.to_string(),
            Self::Outage(span) => format!("one of {span}"),
            Self::Metric(None) => "no such time".to_owned(),
            Self::Host(Some(host)) => format!("served by {}", name(*host)),
            Self::Host(None) => "served by nobody".to_owned(),
            Self::Intact => "not broken".to_owned(),
            Self::Members(views) => views
                .iter()
                .map(|(viewer, members)| {
                    let members: Vec<&str> = members.iter().map(name).collect();
                    format!("{} sees {}", name(*viewer), members.join(" "))
                })
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named(&[]))
    }
}

/// Runs `scenario` with its own parameters, watching everything.
///
/// # Errors
///
/// When the core refuses the configuration.
pub fn run(scenario: &Scenario) -> Result<Run, ConfigError> {
    run_with(scenario, &scenario.parameters, scenario.seed)
}

/// The same with other parameters and dice, as repeated runs need.
///
/// # Errors
///
/// When the core refuses the configuration.
pub fn run_with(
    scenario: &Scenario,
    parameters: &Parameters,
    seed: u64,
) -> Result<Run, ConfigError> {
    run_watched(scenario, parameters, seed, ()).map(|(run, ())| run)
}

/// The same with somebody else watching, who is handed out at the end.
///
/// # Errors
///
/// When the core refuses the configuration.
pub fn run_watched<O: Observer>(
    scenario: &Scenario,
    parameters: &Parameters,
    seed: u64,
    watcher: O,
) -> Result<(Run, O), ConfigError> {
    let observer = (Recorder::default(), watcher);
    let mut watch = Watch::new(scenario, parameters, seed, observer)?;
    for stop in stops(scenario) {
        watch.run_to(stop);
        watch.expect(scenario, stop);
    }
    let simulation = &watch.simulation;
    let habit = ClientHabit::new(parameters);
    let measured = measure_all(
        scenario,
        simulation.observer().0.0.lines(),
        |function| simulation.outages(function),
        &habit,
    );
    let outages = ServerId::all(scenario.group.len())
        .map(|function| simulation.outages(function).to_vec())
        .collect();
    let times = scenario
        .expects
        .iter()
        .filter_map(|expect| unmet_time(expect, &measured));
    watch.unmet.extend(times);
    let ((recorder, watcher), judged) = watch.finish();
    let Judged {
        mut unmet,
        violations,
        inputs,
    } = judged;
    let intact = |expect: &&Expect| {
        let is_violation = matches!(expect.check, Check::Violation { .. });
        is_violation && !violations.iter().any(|found| demands(expect, found))
    };
    unmet.extend(scenario.expects.iter().filter(intact).map(|expect| Unmet {
        expect: expect.clone(),
        found: Found::Intact,
    }));
    unmet.sort_by_key(|unmet| unmet.expect.line);
    let (demanded, violations) = violations
        .into_iter()
        .partition(|found| scenario.expects.iter().any(|expect| demands(expect, found)));
    let run = Run {
        lines: recorder.into_lines(),
        measured,
        outages,
        unmet,
        violations,
        demanded,
        inputs,
    };
    Ok((run, watcher))
}

/// What is left of a run that nobody needs a trace of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The expectations that were not met.
    pub(crate) unmet: Vec<Unmet>,
    /// The invariants that were broken.
    pub(crate) violations: Vec<Violation>,
    /// How many inputs were stepped through nodes.
    pub(crate) inputs: u64,
}

/// A run under the eyes of all checkers.
#[derive(Clone, Debug)]
pub(crate) struct Watch<O> {
    pub(crate) simulation: Simulation<(O, RestartWatch)>,
    checker: Checker,
    unmet: Vec<Unmet>,
}

impl<O: Observer> Watch<O> {
    pub(crate) fn new(
        scenario: &Scenario,
        parameters: &Parameters,
        seed: u64,
        observer: O,
    ) -> Result<Self, ConfigError> {
        let observer = (observer, RestartWatch::default());
        Ok(Self {
            simulation: Simulation::with_parameters(scenario, parameters, seed, observer)?,
            checker: Checker::default(),
            unmet: Vec::new(),
        })
    }

    /// Lets everything up to and including `stop` happen, unless a storm keeps time from going on.
    pub(crate) fn run_to(&mut self, stop: Time) {
        while !self.checker.is_storm() {
            if !self.simulation.advance(stop) {
                return self.simulation.run_until(stop);
            }
            self.checker.look(&self.simulation);
        }
    }

    /// Keeps the expectations for `stop`, which is now, that are not met.
    pub(crate) fn expect(&mut self, scenario: &Scenario, stop: Time) {
        let unmet = scenario
            .expects
            .iter()
            .filter(|expect| expect.check.at() == Some(stop))
            .filter_map(|expect| unmet_now(expect, &self.simulation));
        self.unmet.extend(unmet);
    }

    pub(crate) fn finish(self) -> (O, Judged) {
        let inputs = self.simulation.inputs();
        let (observer, restarts) = self.simulation.into_observer();
        let mut violations = self.checker.into_violations();
        violations.extend(restarts.into_violations());
        violations.sort_by_key(|violation| violation.at);
        let judged = Judged {
            unmet: self.unmet,
            violations,
            inputs,
        };
        (observer, judged)
    }
}

/// The instants at which the run pauses for expectations, the end last.
fn stops(scenario: &Scenario) -> Vec<Time> {
    let mut stops: Vec<Time> = scenario
        .expects
        .iter()
        .filter_map(|expect| expect.check.at())
        .collect();
    stops.push(scenario.end());
    stops.sort_unstable();
    stops.dedup();
    stops
}

fn id(server: ServerIndex) -> Option<ServerId> {
    ServerId::new(server.index())
}

pub(crate) fn unmet_now<O: Observer>(expect: &Expect, simulation: &Simulation<O>) -> Option<Unmet> {
    let found = match &expect.check {
        Check::Metric { .. } | Check::Violation { .. } => return None,
        Check::Served { function, by, .. } => {
            let found = simulation.served_by(id(*function)?);
            (found != by.and_then(id)).then_some(Found::Host(found))?
        }
        Check::Outage {
            function, at_most, ..
        } => {
            let now = simulation.now();
            let outages = simulation.outages(id(*function)?).iter();
            let longest = outages.map(|outage| outage.to.unwrap_or(now) - outage.from);
            let longest = longest.max().unwrap_or(Span::ZERO);
            (longest > *at_most).then_some(Found::Outage(longest))?
        }
        Check::Members { members, .. } => {
            let wanted = members
                .iter()
                .filter_map(|m| id(*m))
                .fold(Members::NONE, Members::with);
            let views: Vec<(ServerId, Members)> = ServerId::all(simulation.nodes().len())
                .filter(|server| simulation.is_managing(*server))
                .map(|server| {
                    let view = simulation.nodes()[server.index()].view();
                    (server, view.structure().members())
                })
                .collect();
            let agreed = !views.is_empty() && views.iter().all(|(_, view)| *view == wanted);
            (!agreed).then_some(Found::Members(views))?
        }
    };
    Some(Unmet {
        expect: expect.clone(),
        found,
    })
}

/// Whether `expect` asks for what was found.
fn demands(expect: &Expect, found: &Violation) -> bool {
    match expect.check {
        Check::Violation { invariant, subject } => {
            invariant == found.invariant && subject.is_none_or(|s| id(s) == Some(found.subject))
        }
        _ => false,
    }
}

fn unmet_time(expect: &Expect, measured: &[Measured]) -> Option<Unmet> {
    let Check::Metric {
        server,
        metric,
        bounds,
    } = &expect.check
    else {
        return None;
    };
    let found = measured.get(server.index())?.get(*metric);
    let met = match (bounds, found) {
        (Bounds::Absent, found) => found.is_none(),
        (Bounds::Within { .. }, None) => false,
        (Bounds::Within { at_least, at_most }, Some(span)) => {
            at_least.is_none_or(|least| span >= least) && at_most.is_none_or(|most| span <= most)
        }
    };
    (!met).then(|| Unmet {
        expect: expect.clone(),
        found: Found::Metric(found),
    })
}
