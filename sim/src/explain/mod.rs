//! What happened in a run, and which parameter each second comes from.
//!
//! A run is repeated with a journal of causes. From the end of a measured time the way goes back from
//! effect to cause: a node's step was set off by a message, the end of a job or a wait, a job takes
//! what the simulated system's parameters say, a wait was set by an earlier step. Every step of that
//! way is a [`Part`], so the parts of a time add up to it by construction, and nothing is taken from
//! a formula for a kind of trouble. What no parameter explains is said to be unexplained.

mod breakdown;
mod cause;
mod gantt;
mod journal;
mod part;
mod reads;
mod story;
mod waits;
mod words;

pub use breakdown::Breakdown;
pub use gantt::{Bar, BarKind, Gantt, Lane, Mark};
pub use part::{Doing, Part, Reason};
pub use story::{Kind, Sentence};

use tetrarch_core::{ConfigError, Members, Output, ServerId};

use crate::measure::{Measured, measure_all};
use crate::parameters::Parameters;
use crate::scenario::{FaultAction, Scenario};
use crate::world::ClientHabit;
use cause::Tracer;
use reads::Reads;
use words::Words;

/// A run, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The servers' names in ring order.
    pub group: Vec<String>,
    /// The paper's three times for every server in ring order; empty for those without trouble.
    pub measured: Vec<Measured>,
    /// What happened, in the order of time.
    pub story: Vec<Sentence>,
    /// Every measured time with its parts, by server and then in the order of the metrics.
    pub breakdowns: Vec<Breakdown>,
    /// The run as lanes of bars.
    pub gantt: Gantt,
}

/// What `server` has decided, said in words with the servers' own names; none for what is not worth a
/// sentence. `members` are the servers in the ring as far as that server knows.
#[must_use]
pub fn decision_in_words(
    group: &[String],
    members: Members,
    server: ServerId,
    output: &Output,
) -> Option<String> {
    let words = Words { group, members };
    let said = match *output {
        Output::Note(event) => words.note(server, event),
        Output::Run { action, .. } => words.run(server, action),
        Output::Send { to, message } => words.send(server, Members::NONE.with(to), message),
        Output::Cancel { .. } | Output::Hold { .. } | Output::Announce { .. } => None,
    };
    said.map(|(_, sentence)| sentence)
}

/// Runs `scenario` with its own parameters and explains it.
///
/// # Errors
///
/// When the core refuses the configuration.
pub fn explain(scenario: &Scenario) -> Result<Explanation, ConfigError> {
    explain_with(scenario, &scenario.parameters)
}

/// The same with other parameters.
///
/// # Errors
///
/// When the core refuses the configuration.
pub fn explain_with(
    scenario: &Scenario,
    parameters: &Parameters,
) -> Result<Explanation, ConfigError> {
    let run = journal::run(scenario, parameters, scenario.seed)?;
    let habit = ClientHabit::new(parameters);
    let measured = measure_all(
        scenario,
        run.recorder.lines(),
        |function| &run.outages[function.index()],
        &habit,
    );
    let meddled = scenario.faults.iter().any(|fault| {
        matches!(
            fault.action,
            FaultAction::FileServerDown
                | FaultAction::FileServerCut(_)
                | FaultAction::FenceFails(_)
                | FaultAction::Upgrade { .. }
                | FaultAction::FileServerUp
                | FaultAction::FileServerSlow(_)
        )
    });
    let reads = Reads::new(&run.journal, parameters, meddled);
    let tracer = Tracer {
        journal: &run.journal,
        parameters,
        reads: &reads,
    };
    let breakdowns = ServerId::all(scenario.group.len())
        .flat_map(|server| {
            let place = server.index();
            breakdown::of_server(
                &tracer,
                server,
                &measured[place],
                &run.outages[place],
                &habit,
            )
        })
        .collect();
    let story = story::tell(&tracer, scenario, &measured);
    let drawer = gantt::Drawer {
        journal: &run.journal,
        scenario,
        measured: &measured,
        outages: &run.outages,
    };
    Ok(Explanation {
        group: scenario.group.clone(),
        gantt: drawer.draw(&story),
        story,
        measured,
        breakdowns,
    })
}
