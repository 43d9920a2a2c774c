//! Scenario files: a management group, its timing, what goes wrong, and what must be true.
//!
//! ```toml
//! name = "the web server's services stop"
//! purpose = "A restart of the services repairs them, so no virtual server is needed."
//! group = ["mail", "web", "ftp", "proxy"]   # 2 to 8 servers in ring order
//! timing = "paper"         # or a timing file's path, or a table of parameters; default "paper"
//! safety = "paper"         # default
//! failback = "automatic"   # default; "manual", or how long a server must have been healthy
//! sightings = ["rivals"]   # what servers see by themselves; default none, in guarded groups rivals
//! fences = ["web"]         # servers with a device that switches them off; default none
//! seed = 1                 # default
//! duration = "300s"
//!
//! [services]               # default: one service with its server's name
//! web = ["httpd"]
//!
//! [versions]               # default: the newest
//! web = 1
//!
//! [[fault]]
//! at = "6s"
//! trouble = "S1t"          # S1t, S2t, N1t or N2t; or `fault`, see `FaultAction`
//! server = "web"
//!
//! [[expect]]
//! server = "web"
//! metric = "target"        # function, target or disconnection
//! at_least = "2.9s"        # at_least, at_most, or absent = true
//! at_most = "3.5s"
//!
//! [[expect]]
//! served = "web"           # whose function
//! by = "web"               # which host serves it, or "nobody"
//! at = "60s"               # default: the end
//!
//! [[expect]]
//! members = ["mail", "web", "ftp", "proxy"]
//! ```
//!
//! A timing file holds the parameters of [`crate::parameters`] as keys, and optionally `base`:
//! `"paper"` or another timing file, on top of which its values are put. A table under `timing` may
//! do the same. Paths are relative to the folder of the file that they stand in.

mod equipment;
mod error;
mod expect;
mod fault;
mod file;
mod group;
mod operation;
mod reader;
mod timing;
mod value;
mod write;

pub use equipment::{Equipment, Sightings};
pub use error::{Place, Position, Problem, ScenarioError};
pub use expect::{Bounds, Check, Expect, Metric};
pub use fault::{Fault, FaultAction, Trouble};
pub use group::ServerIndex;
pub use operation::{Operation, Policy};
pub use reader::FILE_BYTES_MAX;
pub use timing::load_timing;

use std::path::Path;

pub use tetrarch_core::Safety;
use tetrarch_core::{Span, Time};
use toml::Spanned;

use crate::parameters::Parameters;
use crate::units::DURATION_EXPECTED;
use error::Source;
use file::{Duration, Name, Purpose, SafetyName, ScenarioFile, Seed};
use group::Group;
use reader::Item;
use value::Value;

/// A run to simulate, and what must be true of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What it is called, in one line.
    pub name: String,
    /// Why it exists, for a reader who knows nothing of it.
    pub purpose: String,
    /// The servers' names in ring order: 2 to 8, all different.
    pub group: Vec<String>,
    /// For each server of `group`, in the same order, its 1 to 8 services.
    pub services: Vec<Vec<String>>,
    /// All timing parameters, valid together.
    pub parameters: Parameters,
    /// The protocol's safety settings.
    pub safety: Safety,
    /// By which rules recovered servers get their functions back.
    pub policy: Policy,
    /// What the servers are equipped with.
    pub equipment: Equipment,
    /// Where all the run's dice start from.
    pub seed: u64,
    /// How long the run takes: more than zero, at most [`Scenario::DURATION_MAX`].
    pub duration: Span,
    /// What goes wrong, in the file's order.
    pub faults: Vec<Fault>,
    /// What must be true, in the file's order.
    pub expects: Vec<Expect>,
}

/// Where the dice start from when a scenario does not say it.
const SEED_DEFAULT: u64 = 1;

impl Scenario {
    /// The longest run: a year and a day.
    pub const DURATION_MAX: Span = Span::from_secs(366 * 86_400);

    /// Reads the scenario file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than [`FILE_BYTES_MAX`], or is not a valid scenario,
    /// or when a timing file that it refers to is not valid. The error prints as one line with the
    /// place, what was found there, and what was expected.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ScenarioError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = reader::read_text(path, &name)?;
        Self::parse(&text, &name, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads a scenario from `text`. Errors name `file`, and paths in the text are relative to
    /// `base_dir`.
    ///
    /// # Errors
    /// As [`Scenario::load`], once the text is there.
    pub fn parse(text: &str, file: &str, base_dir: &Path) -> Result<Self, ScenarioError> {
        let source = Source { file, text };
        let read: ScenarioFile = reader::parse_toml(source)?;
        let Name(name) = need(source, read.name, "name", Name::EXPECTED)?;
        let Purpose(purpose) = need(source, read.purpose, "purpose", Purpose::EXPECTED)?;
        let group = need(source, read.group, "group", Group::EXPECTED)?.names(source)?;
        let duration = need(source, read.duration, "duration", DURATION_EXPECTED)?;
        let Duration(duration) = duration;

        let item = |key, value| Item::new(source, key, value);
        let services = read.services.as_ref().map(|value| item("services", value));
        let timing = read.timing.as_ref().map(|value| item("timing", value));
        let versions = read.versions.as_ref().map(|value| item("versions", value));
        let failback = read.failback.as_ref().map(|value| item("failback", value));
        let damping = read.damping.as_ref().map(|value| item("damping", value));
        let sightings = read.sightings.as_ref();
        let sightings = sightings.map(|value| item("sightings", value));
        let fences = read.fences.as_ref().map(|value| item("fences", value));
        let safety = read
            .safety
            .map_or_else(Safety::default, |SafetyName(safety)| safety);
        let usual = Equipment::of(safety);
        let end = Time::ZERO + duration;
        let faults = entries(source, "fault", read.fault.as_ref())?.into_iter();
        let expects = entries(source, "expect", read.expect.as_ref())?.into_iter();
        Ok(Self {
            services: group::read_services(services, &group)?,
            parameters: timing::read_timing(timing, base_dir)?,
            policy: operation::read_policy(failback, damping)?,
            equipment: Equipment {
                versions: equipment::read_versions(versions, &group)?,
                sightings: equipment::read_sightings(sightings, usual.sightings)?,
                fences: equipment::read_fences(fences, &group)?,
            },
            faults: faults
                .map(|item| fault::read_fault(item, &group, end))
                .collect::<Result<_, _>>()?,
            expects: expects
                .map(|item| expect::read_expect(item, &group, end))
                .collect::<Result<_, _>>()?,
            name,
            purpose,
            group,
            safety,
            seed: read.seed.map_or(SEED_DEFAULT, |Seed(seed)| seed),
            duration,
        })
    }

    /// The same scenario with another duration. Expectations for the old end move to the new one.
    ///
    /// # Errors
    /// One line, when `duration` is not more than zero and at most [`Scenario::DURATION_MAX`], or a
    /// fault or an expectation would come after the end.
    pub fn with_duration(mut self, duration: Span) -> Result<Self, String> {
        let shown = crate::units::span_text(duration);
        if duration == Span::ZERO || duration > Self::DURATION_MAX {
            return Err(format!(
                "the duration is {shown}; expected more than 0s and at most 366d"
            ));
        }
        let (old, end) = (self.end(), Time::ZERO + duration);
        self.duration = duration;
        for expect in &mut self.expects {
            expect.check.move_end(old, end);
        }
        let faults = self.faults.iter().map(|f| ("fault", f.line, f.at));
        let expects = self.expects.iter();
        let expects = expects.filter_map(|e| Some(("expectation", e.line, e.check.at()?)));
        match faults.chain(expects).find(|(_, _, at)| *at > end) {
            None => Ok(self),
            Some((what, line, at)) => Err(format!(
                "the {what} of line {line} is at {at}, after the end; expected a duration longer than {shown}"
            )),
        }
    }

    /// The end of the run.
    #[must_use]
    pub fn end(&self) -> Time {
        Time::ZERO + self.duration
    }
}

/// The value of a key that every scenario has.
fn need<T>(
    source: Source<'_>,
    value: Option<T>,
    key: &str,
    expected: &str,
) -> Result<T, ScenarioError> {
    value.ok_or_else(|| {
        let problem = Problem::MissingKey {
            key: key.to_owned(),
            section: "a scenario".to_owned(),
            expected: expected.to_owned(),
        };
        source.error(&(0..0), problem)
    })
}

/// The tables under `[[key]]`.
fn entries<'a>(
    source: Source<'a>,
    key: &'a str,
    value: Option<&'a Spanned<Value>>,
) -> Result<Vec<Item<'a>>, ScenarioError> {
    match value {
        Some(value) => Item::new(source, key, value).list(&format!("tables headed [[{key}]]")),
        None => Ok(Vec::new()),
    }
}
