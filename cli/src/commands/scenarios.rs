//! `scenarios`: what there is to simulate.

use std::path::PathBuf;

use tetrarch_report::{Format, Table};
use tetrarch_sim::scenario::Scenario;

use crate::args::Exit;
use crate::error::CliError;
use crate::files::scenario_files;
use crate::output::Output;

const AFTER_HELP: &str = "\
Examples:
  tetrarch scenarios                 all scenarios under scenarios/
  tetrarch scenarios scenarios/paper those of the paper's experiments
  tetrarch --format csv scenarios    the same for a program";

/// List scenarios with their purposes.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The folder, with the folders in it; TOML files in folders called `timing` are no scenarios
    #[arg(default_value = "scenarios")]
    dir: PathBuf,
}

/// Prints the list.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let mut table = Table::new(&["file", "name", "purpose"])?;
    let mut text = String::new();
    for path in scenario_files(&args.dir)? {
        let scenario = Scenario::load(&path)?;
        let file = path.display().to_string();
        // A purpose has several lines, which people read as such and programs as one text.
        text.push_str(&format!("{file}: {}\n", scenario.name));
        for line in scenario.purpose.lines() {
            text.push_str(&format!("    {line}\n"));
        }
        table.push(vec![
            file.as_str().into(),
            scenario.name.as_str().into(),
            scenario.purpose.as_str().into(),
        ])?;
    }
    match output.format() {
        Format::Table => output.result(&text)?,
        Format::Csv | Format::Json => output.table(&table)?,
    }
    Ok(Exit::Fine)
}
