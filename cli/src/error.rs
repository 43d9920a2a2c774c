//! Why a command could not do its work; each prints as one helpful line.

use std::io;
use std::path::{Path, PathBuf};

use tetrarch_core::ConfigError;
use tetrarch_report::cells::WriteError;
use tetrarch_report::check::JunitError;
use tetrarch_report::figures::FigureError;
use tetrarch_report::file::FileError;
use tetrarch_report::output::{OutputError, TableError};
use tetrarch_sim::fleet::FleetError;
use tetrarch_sim::repeat::RepeatError;
use tetrarch_sim::reproduce::ReproduceError;
use tetrarch_sim::scenario::ScenarioError;
use tetrarch_sim::swarm::SwarmError;
use tetrarch_verify::BoundsError;
use thiserror::Error;

/// Wrong usage, wrong input, or an operating system that refuses.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    /// A scenario or timing file is wrong.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The paper's experiments cannot be run.
    #[error(transparent)]
    Reproduce(#[from] ReproduceError),
    /// The core refuses a configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A picture cannot be drawn.
    #[error(transparent)]
    Figure(#[from] FigureError),
    /// Cells cannot be written as CSV.
    #[error(transparent)]
    Cells(#[from] WriteError),
    /// A scenario cannot be repeated.
    #[error(transparent)]
    Repeat(#[from] RepeatError),
    /// A group cannot be checked.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    /// A fleet cannot be simulated.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// A swarm cannot be run.
    #[error(transparent)]
    Swarm(#[from] SwarmError),
    /// JUnit XML cannot be written.
    #[error(transparent)]
    Junit(#[from] JunitError),
    /// A file is no record, or a damaged one.
    #[error("{}: {source}", path.display())]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        source: tetrarch_record::ReadError,
    },
    /// A record of a run cannot be written.
    #[error("{}: {source}", file.display())]
    Life {
        /// The record.
        file: PathBuf,
        /// Whose record, and why.
        source: tetrarch_sim::record::LifeError,
    },
    /// A server's settings are wrong.
    #[error(transparent)]
    Site(#[from] tetrarch_runtime::site::SiteError),
    /// A new site cannot be made.
    #[error(transparent)]
    Init(#[from] tetrarch_runtime::init::InitError),
    /// The agent cannot run.
    #[error(transparent)]
    Agent(#[from] tetrarch_runtime::agent::AgentError),
    /// The guard beside an agent cannot run.
    #[error("the guard cannot run: {source}")]
    Guard {
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder or file cannot be used.
    #[error("{}: cannot {what}: {source}", path.display())]
    Path {
        /// The folder or file.
        path: PathBuf,
        /// What was wanted.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// Results cannot be rendered.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A table cannot be built.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Standard output does not take what is printed.
    #[error("cannot print: {0}")]
    Print(io::Error),
    /// Anything else that the user can mend; the text says where and what was expected.
    #[error("{0}")]
    Usage(String),
}

impl CliError {
    /// Ties the system's reason to a path.
    pub(crate) fn path(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Path { path, what, source }
    }
}
