//! The paper's experiments as the cells and traces of `results/`.

use rayon::prelude::*;
use tetrarch_report::{Cell, Figure, Metric};
use tetrarch_sim::parameters::Parameters;
use tetrarch_sim::reproduce::{self, Experiment, Simulated, Table};
use tetrarch_sim::scenario;
use tetrarch_sim::trace::{Entry, Line, Printed};

use crate::error::CliError;

/// A table of the paper or of predictions: its cells, and what happened in its experiments.
#[derive(Clone, Debug)]
pub(crate) struct Experimented {
    /// The cells in a fixed order.
    pub(crate) cells: Vec<Cell>,
    /// The experiments in a fixed order.
    pub(crate) runs: Vec<ExperimentRun>,
}

/// One experiment that was run.
#[derive(Clone, Debug)]
pub(crate) struct ExperimentRun {
    /// The trouble as the cells name it, such as `S2t+N1t`.
    pub(crate) trouble: String,
    /// The servers in ring order.
    group: Vec<String>,
    lines: Vec<Line>,
}

impl ExperimentRun {
    /// Its log: what the managers noted and how the system changed, without the routine between.
    pub(crate) fn log(&self) -> String {
        let is_event = |line: &&Line| matches!(line.entry, Entry::Note(_) | Entry::World(_));
        let lines: Vec<Line> = self.lines.iter().filter(is_event).copied().collect();
        Printed {
            lines: &lines,
            group: &self.group,
        }
        .to_string()
    }
}

/// Runs all experiments of `table` on the paper's system. They do not depend on each other, so they run side by
/// side; the order of the results is fixed.
pub(crate) fn run(table: Table) -> Result<Experimented, CliError> {
    let done = reproduce::experiments(table)?
        .par_iter()
        .map(run_one)
        .collect::<Result<Vec<_>, CliError>>()?;
    let (cells, runs): (Vec<Vec<Cell>>, Vec<ExperimentRun>) = done.into_iter().unzip();
    Ok(Experimented {
        cells: cells.concat(),
        runs,
    })
}

fn run_one(experiment: &Experiment) -> Result<(Vec<Cell>, ExperimentRun), CliError> {
    let run = experiment.run(&Parameters::paper())?;
    let times = experiment.times(&run);
    let run = ExperimentRun {
        trouble: trouble(experiment.table, &experiment.troubles),
        group: experiment.scenario.group.clone(),
        lines: run.lines,
    };
    Ok((times.iter().map(cell).collect(), run))
}

/// A simulated time beside the published one.
fn cell(simulated: &Simulated) -> Cell {
    let figure = match simulated.table {
        Table::Fig6 => Figure::Fig6,
        Table::Fig7 => Figure::Fig7,
        Table::Pairs if simulated.adjacent => Figure::Adjacent,
        Table::Pairs => Figure::Opposite,
    };
    Cell::with_published(
        figure,
        &trouble(simulated.table, &simulated.troubles),
        &simulated.server,
        metric(simulated.metric),
        simulated.span.map(|span| span.as_secs_f64()),
    )
}

/// A metric of the simulator as one of the report.
pub(crate) const fn metric(metric: scenario::Metric) -> Metric {
    match metric {
        scenario::Metric::Function => Metric::Function,
        scenario::Metric::Target => Metric::Target,
        scenario::Metric::Disconnection => Metric::Disconnection,
    }
}

/// The name of one or two troubles: with their servers only where the table does not fix them.
pub(crate) fn trouble(table: Table, troubles: &[(String, scenario::Trouble)]) -> String {
    let named = troubles.iter().map(|(server, trouble)| match table {
        Table::Fig6 | Table::Fig7 => trouble.name().to_owned(),
        Table::Pairs => format!("{}@{server}", trouble.name()),
    });
    named.collect::<Vec<_>>().join("+")
}
