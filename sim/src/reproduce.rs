//! The paper's experiments: which runs Fig. 6, Fig. 7 and the predictions for all pairs consist of.

use std::path::Path;

use tetrarch_core::{ConfigError, ServerId, Span, Time};
use thiserror::Error;

use crate::parameters::Parameters;
use crate::run::{Run, run_with};
use crate::scenario::{Fault, FaultAction, Metric, Scenario, ScenarioError, ServerIndex, Trouble};

/// Which table a result belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Trouble in one server.
    Fig6,
    /// Trouble in two opposite servers at once: mail and FTP.
    Fig7,
    /// Trouble in any two servers at once: predictions, the paper has no numbers.
    Pairs,
}

/// A simulated time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// The table.
    pub table: Table,
    /// The troubles, by the servers that they strike, in ring order.
    pub troubles: Vec<(String, Trouble)>,
    /// Whether the two servers are neighbours in the ring; false for one server.
    pub adjacent: bool,
    /// The server that the time is about.
    pub server: String,
    /// Which time.
    pub metric: Metric,
    /// The time; none when what it measures never happened.
    pub span: Option<Span>,
}

/// The experiments could not be run.
#[derive(Debug, Error)]
pub enum ReproduceError {
    /// The paper's scenario, built into the program, does not parse.
    #[error("the built-in scenario: {0}")]
    Scenario(#[from] ScenarioError),
    /// The core refuses the parameters.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Trouble strikes 5 s into the waiting time: the first examination takes the first second.
const STRUCK_AT: Span = Span::from_secs(6);

/// The paper's system, without trouble.
fn paper() -> Result<Scenario, ScenarioError> {
    let text = include_str!("../../scenarios/paper/s1t.toml");
    let mut scenario = Scenario::parse(text, "scenarios/paper/s1t.toml", Path::new("."))?;
    scenario.expects.clear();
    scenario.faults.clear();
    Ok(scenario)
}

/// One run that a table's times come from.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The table.
    pub table: Table,
    /// The troubles, by the servers that they strike, in ring order.
    pub troubles: Vec<(String, Trouble)>,
    /// Whether the two servers are neighbours in the ring; false for one server.
    pub adjacent: bool,
    /// The paper's system with these troubles, and without expectations.
    pub scenario: Scenario,
    struck: Vec<ServerId>,
}

impl Experiment {
    fn new(table: Table, struck: &[(ServerId, Trouble)], mut scenario: Scenario) -> Self {
        scenario.faults = struck
            .iter()
            .map(|(server, trouble)| strike(*server, *trouble))
            .collect();
        let named = struck
            .iter()
            .map(|(server, trouble)| (scenario.group[server.index()].clone(), *trouble))
            .collect();
        let adjacent = match struck {
            [(first, _), (second, _)] => {
                let apart = second.index() - first.index();
                apart == 1 || apart + 1 == scenario.group.len()
            }
            _ => false,
        };
        Self {
            table,
            troubles: named,
            adjacent,
            struck: struck.iter().map(|(server, _)| *server).collect(),
            scenario,
        }
    }

    /// Runs it with `parameters`.
    ///
    /// # Errors
    ///
    /// When the core refuses the parameters.
    pub fn run(&self, parameters: &Parameters) -> Result<Run, ConfigError> {
        run_with(&self.scenario, parameters, self.scenario.seed)
    }

    /// The times that `run` gave, for each server in trouble, in a fixed order.
    #[must_use]
    pub fn times(&self, run: &Run) -> Vec<Simulated> {
        let of = |server: &ServerId| {
            let (name, measured) = (
                self.scenario.group[server.index()].clone(),
                run.measured[server.index()],
            );
            Metric::ALL.iter().map(move |metric| Simulated {
                table: self.table,
                troubles: self.troubles.clone(),
                adjacent: self.adjacent,
                server: name.clone(),
                metric: *metric,
                span: measured.get(*metric),
            })
        };
        self.struck.iter().flat_map(of).collect()
    }
}

/// The experiments of `table` in a fixed order.
///
/// # Errors
///
/// When the built-in scenario does not parse.
pub fn experiments(table: Table) -> Result<Vec<Experiment>, ReproduceError> {
    let scenario = paper()?;
    let all = strikes(table, &scenario);
    Ok(all
        .iter()
        .map(|struck| Experiment::new(table, struck, scenario.clone()))
        .collect())
}

/// All times of `table`, simulated with `parameters`, in a fixed order.
///
/// # Errors
///
/// When the core refuses the parameters.
pub fn simulate(table: Table, parameters: &Parameters) -> Result<Vec<Simulated>, ReproduceError> {
    let mut results = Vec::new();
    for experiment in experiments(table)? {
        let run = experiment.run(parameters)?;
        results.extend(experiment.times(&run));
    }
    Ok(results)
}

fn strike(server: ServerId, trouble: Trouble) -> Fault {
    let server = ServerIndex(server.index() as u8);
    Fault {
        at: Time::ZERO + STRUCK_AT,
        action: FaultAction::Trouble { trouble, server },
        line: 0,
    }
}

fn strikes(table: Table, scenario: &Scenario) -> Vec<Vec<(ServerId, Trouble)>> {
    let named = |name: &str| {
        ServerId::all(scenario.group.len()).find(|s| scenario.group[s.index()] == name)
    };
    let pairs = |first: ServerId, second: ServerId, troubles: &[Trouble]| {
        let both = |a: Trouble| troubles.iter().map(move |b| vec![(first, a), (second, *b)]);
        troubles.iter().flat_map(|a| both(*a)).collect::<Vec<_>>()
    };
    match table {
        Table::Fig6 => named("web")
            .map(|web| {
                Trouble::ALL
                    .iter()
                    .map(|trouble| vec![(web, *trouble)])
                    .collect()
            })
            .unwrap_or_default(),
        Table::Fig7 => match (named("mail"), named("ftp")) {
            (Some(mail), Some(ftp)) => pairs(mail, ftp, &Trouble::ALL[1..]),
            _ => Vec::new(),
        },
        Table::Pairs => {
            let all = || ServerId::all(scenario.group.len());
            all()
                .flat_map(|first| {
                    all()
                        .filter(move |second| *second > first)
                        .map(move |s| (first, s))
                })
                .flat_map(|(first, second)| pairs(first, second, Trouble::ALL))
                .collect()
        }
    }
}
