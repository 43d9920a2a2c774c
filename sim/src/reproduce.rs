//! The paper's experiments: which runs Fig. 6, Fig. 7 and the predictions for all pairs consist of.

use std::path::Path;

use tetrarch_core::{ServerId, Span, Time};
use thiserror::Error;

use crate::parameters::Parameters;
use crate::run::run_with;
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
    Config(#[from] tetrarch_core::ConfigError),
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

/// All times of `table`, simulated with `parameters`, in a fixed order.
///
/// # Errors
///
/// When the core refuses the parameters.
pub fn simulate(table: Table, parameters: &Parameters) -> Result<Vec<Simulated>, ReproduceError> {
    let mut scenario = paper()?;
    let mut results = Vec::new();
    for troubles in experiments(table, &scenario) {
        scenario.faults = troubles
            .iter()
            .map(|(server, trouble)| strike(*server, *trouble))
            .collect();
        let run = run_with(&scenario, parameters, scenario.seed)?;
        let named: Vec<(String, Trouble)> = troubles
            .iter()
            .map(|(server, trouble)| (scenario.group[server.index()].clone(), *trouble))
            .collect();
        let adjacent = match troubles.as_slice() {
            [(first, _), (second, _)] => {
                let apart = second.index() - first.index();
                apart == 1 || apart + 1 == scenario.group.len()
            }
            _ => false,
        };
        for (server, _) in &troubles {
            for metric in Metric::ALL {
                results.push(Simulated {
                    table,
                    troubles: named.clone(),
                    adjacent,
                    server: scenario.group[server.index()].clone(),
                    metric: *metric,
                    span: run.measured[server.index()].get(*metric),
                });
            }
        }
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

fn experiments(table: Table, scenario: &Scenario) -> Vec<Vec<(ServerId, Trouble)>> {
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
