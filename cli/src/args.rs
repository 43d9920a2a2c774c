//! What every command shares: the global options and the exit codes.

use std::process::ExitCode;

use clap::{Args, Parser, ValueEnum};
use tetrarch_core::Span;
use tetrarch_report::Format;
use tetrarch_sim::units::parse_span;

use crate::commands::Command;

const AFTER_HELP: &str = "\
Examples:
  tetrarch reproduce
      Fig. 6 and Fig. 7, published beside simulated
  tetrarch simulate scenarios/paper/s2t.toml
      one scenario: times and expectations
  tetrarch explain scenarios/paper/s2t.toml
      its story, second by second
  tetrarch verify --ring 3 --faults 1
      every run of a ring of three with one fault
  tetrarch swarm --seeds 200
      random rings and faults
  tetrarch check
      what moved since results/ was committed

Exit codes:
  0  fine
  1  what was checked differs, an expectation is not met, or an invariant is
     broken
  2  wrong usage or input; standard error says where, and what was expected
  3  an order to a live ring stands, and is not carried out yet";

/// Keeps the options of every command apart from a command's own.
const HEADING: &str = "Global options";

/// Simulates groups of servers that keep each other in service.
///
/// Four servers (2 to 8) in a ring manage each other: each is watched by two others, and its function is taken
/// over by a virtual server while it is being repaired.
#[derive(Debug, Parser)]
#[command(name = "tetrarch", version, after_long_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// How results are printed
    #[arg(long, global = true, help_heading = HEADING, value_enum, default_value_t)]
    pub(crate) format: FormatChoice,
    /// Print no progress and no remarks, only results and errors
    #[arg(long, short, global = true, help_heading = HEADING)]
    pub(crate) quiet: bool,
    /// When to use colours; NO_COLOR is respected
    #[arg(long, global = true, help_heading = HEADING)]
    #[arg(value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

/// The value of `--format`.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum FormatChoice {
    /// An aligned table for people
    #[default]
    Table,
    /// Comma-separated values with a header
    Csv,
    /// JSON
    Json,
}

impl From<FormatChoice> for Format {
    fn from(choice: FormatChoice) -> Self {
        match choice {
            FormatChoice::Table => Self::Table,
            FormatChoice::Csv => Self::Csv,
            FormatChoice::Json => Self::Json,
        }
    }
}

/// The value of `--color`.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<ColorChoice> for anstream::ColorChoice {
    fn from(choice: ColorChoice) -> Self {
        match choice {
            ColorChoice::Auto => Self::Auto,
            ColorChoice::Always => Self::AlwaysAnsi,
            ColorChoice::Never => Self::Never,
        }
    }
}

/// Reads a duration of the command line, such as `90s`.
pub(crate) fn duration(text: &str) -> Result<Span, String> {
    parse_span(text).map_err(|error| error.to_string())
}

/// How a command ended when it could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Fine,
    /// What was checked differs, an expectation is not met, or an invariant is broken.
    Different,
    /// What was ordered is not so yet.
    Unfinished,
}

impl Exit {
    /// Fine or not.
    pub(crate) const fn fine_if(is_fine: bool) -> Self {
        if is_fine { Self::Fine } else { Self::Different }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Fine => Self::SUCCESS,
            Exit::Different => Self::from(1),
            Exit::Unfinished => Self::from(3),
        }
    }
}
