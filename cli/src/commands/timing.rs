//! `timing`: every parameter, where its value comes from, and why.

use std::path::PathBuf;

use tetrarch_report::{Format, Table, Value};
use tetrarch_sim::parameters::{Parameters, TABLE, UnitKind};
use tetrarch_sim::reproduce;
use tetrarch_sim::scenario::load_timing;
use tetrarch_sim::sensitivity::{Change, sensitivity};

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
  tetrarch timing
      the paper's system
  tetrarch timing timing.toml
      a timing file: its values, and those it does not change
  tetrarch timing --format csv
      the same for a program
  tetrarch timing --sensitivity
      which published times depend on which parameter

A timing file that is put on top of the paper's values:
  base = \"paper\"
  inter_monitoring = \"20s\"
  file_server_rate = \"2 Gbit/s\"";

/// By how many per cent a parameter moves.
const PERCENT: u32 = 10;

/// Print every timing parameter with its evidence.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// `paper`, or a timing file
    #[arg(default_value = "paper", value_name = "paper|FILE")]
    timing: PathBuf,
    /// Print how each published time moves when each parameter of the paper's system moves by 10 %
    #[arg(long, conflicts_with = "timing")]
    sensitivity: bool,
}

/// Prints the parameters.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    if args.sensitivity {
        output.table(&sensitivities()?)?;
        return Ok(Exit::Fine);
    }
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

/// Every parameter and published time that belong together: those that do not move are left out.
fn sensitivities() -> Result<Table, CliError> {
    let header = [
        "parameter",
        "figure",
        "trouble",
        "server",
        "metric",
        "nominal_s",
        "minus_10_percent_s",
        "plus_10_percent_s",
    ];
    let mut table = Table::new(&header)?;
    let still = Change::Moved(0);
    let rows = sensitivity(PERCENT)?.into_iter();
    for row in rows.filter(|row| row.down != still || row.up != still) {
        let cell = row.cell;
        let (figure, trouble) = match cell.table {
            reproduce::Table::Fig6 => ("fig6", cell.trouble.name().to_owned()),
            reproduce::Table::Fig7 => ("fig7", [cell.trouble.name(); 2].join("+")),
            reproduce::Table::Pairs => ("pairs", cell.trouble.name().to_owned()),
        };
        table.push(vec![
            row.parameter.into(),
            figure.into(),
            trouble.as_str().into(),
            cell.server.as_str().into(),
            cell.metric.name().into(),
            Value::Seconds(row.nominal.as_secs_f64()),
            change(&row.down),
            change(&row.up),
        ])?;
    }
    Ok(table)
}

fn change(change: &Change) -> Value {
    match change {
        Change::Moved(ns) => Value::Seconds(*ns as f64 / 1e9),
        Change::Gone => "gone".into(),
        Change::Refused(_) => "not possible".into(),
    }
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
