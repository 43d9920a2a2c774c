//! `timing`: every parameter, where its value comes from, and why.

use std::path::PathBuf;

use tetrarch_report::{Format, Table};
use tetrarch_sim::parameters::{Parameters, TABLE, UnitKind};
use tetrarch_sim::scenario::load_timing;

use crate::args::Exit;
use crate::error::CliError;
use crate::output::Output;

const LONG: &str = "\
Print every timing parameter with its value, unit, source, meaning and evidence.

The source is Table 1 of the paper, `inferred` (computed back from its results, because the paper does not state it; \
there are five) or `assumed` (no published result depends on it). Scenario files override any of them by name, in a \
table under `timing` or in a timing file.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch timing                    the paper's system
  tetrarch timing timing.toml        a timing file: its values, and those it does not change
  tetrarch timing --format csv       the same for a program

A timing file that is put on top of the paper's values:
  base = \"paper\"
  inter_monitoring = \"20s\"
  file_server_rate = \"2 Gbit/s\"";

/// Print every timing parameter with its evidence.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// `paper`, or a timing file
    #[arg(default_value = "paper", value_name = "paper|FILE")]
    timing: PathBuf,
}

/// Prints the parameters.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let parameters = if args.timing.as_os_str() == "paper" {
        Parameters::paper()
    } else {
        load_timing(&args.timing)?
    };
    match output.format() {
        Format::Table => output.result(&text(&parameters))?,
        Format::Csv | Format::Json => output.table(&table(&parameters)?)?,
    }
    Ok(Exit::Fine)
}

fn text(parameters: &Parameters) -> String {
    let mut text = String::new();
    for row in TABLE {
        let (value, paper) = (row.get(parameters), row.paper());
        let changed = if value == paper {
            String::new()
        } else {
            format!("; {paper} in the paper's system")
        };
        text.push_str(&format!(
            "{} = \"{value}\"  ({}{changed})\n",
            row.key, row.source
        ));
        for line in [row.meaning, row.evidence] {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

fn table(parameters: &Parameters) -> Result<Table, CliError> {
    let header = [
        "key", "value", "unit", "paper", "source", "meaning", "evidence",
    ];
    let mut table = Table::new(&header)?;
    for row in TABLE {
        let unit = match row.unit {
            UnitKind::Duration => "s",
            UnitKind::Memory => "MB",
            UnitKind::Rate => "bit/s",
            UnitKind::Data => "bytes",
            UnitKind::Ratio => "ratio",
        };
        table.push(vec![
            row.key.into(),
            row.get(parameters).to_string().as_str().into(),
            unit.into(),
            row.paper().to_string().as_str().into(),
            row.source.to_string().as_str().into(),
            row.meaning.into(),
            row.evidence.into(),
        ])?;
    }
    Ok(table)
}
