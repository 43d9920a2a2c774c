//! What a check found, for people and programs.

use core::fmt;
use core::time::Duration;

use tetrarch_core::{ServerId, Span};

use crate::judge::Property;

/// One line of a counterexample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it happens, from the start of the run.
    pub at: Span,
    /// What happens.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10}  {}", self.at.to_string(), self.text)
    }
}

/// A property that does not hold, with a run that shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The property.
    pub property: Property,
    /// The server or function that it is about; none when it is about the whole group.
    pub subject: Option<ServerId>,
    /// In how many of the states that were looked at it is broken.
    pub states: u64,
    /// How many steps the run takes.
    pub depth: u32,
    /// The run.
    pub lines: Vec<Line>,
    /// The faults of the run as a simulator would cause them, as far as it knows such faults.
    pub(crate) strikes: Vec<(Span, crate::fault::Fault)>,
}

/// What was looked at with a certain number of faults.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// The number of faults in every run; fewer were looked at in the rounds before.
    pub faults: u8,
    /// How many different states were reached.
    pub states: u64,
    /// How many of them have no fault left to come.
    pub tails: u64,
    /// How many steps from a state to a next one were taken.
    pub steps: u64,
    /// The longest run, in steps.
    pub depth: u32,
    /// How many states have every server without power; nothing is demanded of them.
    pub dark: u64,
    /// Whether every state within the bounds was looked at.
    pub is_exhausted: bool,
    /// How many states were known and not yet looked at when the time was over.
    pub unexplored: u64,
    /// What does not hold; the run of each is one of the shortest that were met.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub took: Duration,
}

impl Round {
    /// How likely it is that two of the states had the same fingerprint, so that one was missed.
    #[must_use]
    pub fn chance_of_omission(&self) -> f64 {
        let states = self.states as f64;
        states * states / 2.0 / 2.0_f64.powi(128)
    }
}
