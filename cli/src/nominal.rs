//! The nominal run of a scenario file: no dice in its parameters.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use tetrarch_core::{ServerId, Span};
use tetrarch_sim::check::Violation;
use tetrarch_sim::record::{Life, Records};
use tetrarch_sim::run::{self, Run, Unmet};
use tetrarch_sim::scenario::Scenario;
use tetrarch_sim::trace::Printed;

use crate::error::CliError;
use crate::files::make_folder;

/// A scenario and the name of its file.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The file, as the user named it.
    pub(crate) file: String,
    /// What it says.
    pub(crate) scenario: Scenario,
}

/// Reads a scenario file, perhaps with another duration.
pub(crate) fn load(path: &Path, duration: Option<Span>) -> Result<Loaded, CliError> {
    let file = path.display().to_string();
    let mut scenario = Scenario::load(path)?;
    if let Some(duration) = duration {
        scenario = scenario
            .with_duration(duration)
            .map_err(|error| CliError::Usage(format!("{file}: --duration: {error}")))?;
    }
    Ok(Loaded { file, scenario })
}

/// A scenario that was run.
#[derive(Clone, Debug)]
pub(crate) struct Nominal {
    loaded: Loaded,
    run: Run,
}

impl Nominal {
    /// Runs a scenario.
    pub(crate) fn run(loaded: Loaded) -> Result<Self, CliError> {
        let run = run::run(&loaded.scenario)?;
        Ok(Self { loaded, run })
    }

    /// Runs a scenario and writes a record of each life of each node into a folder, which is made if it is
    /// missing.
    pub(crate) fn record(loaded: Loaded, folder: &Path) -> Result<Self, CliError> {
        make_folder(folder)?;
        let scenario = &loaded.scenario;
        let parameters = &scenario.parameters;
        let sink_for = |life: Life| {
            // A record is evidence: none is written over, and those of two runs do not mix.
            let path = folder.join(life.file_name(&scenario.group));
            File::create_new(path).map(BufWriter::new)
        };
        let records = Records::new(scenario, parameters, sink_for)?;
        let (run, records) = run::run_watched(scenario, parameters, scenario.seed, records)?;
        records.finish().map_err(|source| CliError::Life {
            file: folder.join(source.life.file_name(&scenario.group)),
            source,
        })?;
        Ok(Self { loaded, run })
    }

    /// The file, as the user named it.
    pub(crate) fn file(&self) -> &str {
        &self.loaded.file
    }

    /// What the file says.
    pub(crate) const fn scenario(&self) -> &Scenario {
        &self.loaded.scenario
    }

    /// What the run gave.
    pub(crate) const fn result(&self) -> &Run {
        &self.run
    }

    /// The whole trace as text.
    pub(crate) fn trace(&self) -> String {
        Printed {
            lines: &self.run.lines,
            group: &self.loaded.scenario.group,
        }
        .to_string()
    }

    /// Each expectation that is not met, in one line.
    pub(crate) fn unmet(&self) -> impl Iterator<Item = String> + '_ {
        self.run.unmet.iter().map(|unmet| self.unmet_line(unmet))
    }

    /// Each invariant that is broken, in one line.
    pub(crate) fn broken(&self) -> impl Iterator<Item = String> + '_ {
        self.run
            .violations
            .iter()
            .map(|broken| self.broken_line(broken))
    }

    /// All that is wrong, each in one line.
    pub(crate) fn problems(&self) -> impl Iterator<Item = String> + '_ {
        self.unmet().chain(self.broken())
    }

    /// The line of the first expectation that is not met.
    pub(crate) fn first_unmet_line(&self) -> Option<usize> {
        let line = self.run.unmet.first()?.expect.line;
        usize::try_from(line).ok().filter(|line| *line > 0)
    }

    fn unmet_line(&self, unmet: &Unmet) -> String {
        let group = &self.loaded.scenario.group;
        format!(
            "{}:{}: expected {}; found: {}",
            self.loaded.file,
            unmet.expect.line,
            unmet.expect.check.named(group),
            unmet.found.named(group)
        )
    }

    fn broken_line(&self, violation: &Violation) -> String {
        let group = &self.loaded.scenario.group;
        let name = |server: ServerId| group.get(server.index()).map_or("?", String::as_str);
        let by: Vec<&str> = violation.by.iter().map(name).collect();
        format!(
            "{}: invariant broken at {}: {}: {} (by {})",
            self.loaded.file,
            violation.at,
            name(violation.subject),
            violation.invariant,
            by.join(", ")
        )
    }
}
