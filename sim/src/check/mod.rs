//! The invariants, one checker per file. They stand outside the core and see only what it does.

mod address;
mod image;
mod restart;
mod wait;

use core::fmt;

use tetrarch_core::{Members, ServerId, Time};

use crate::observer::Observer;
use crate::simulation::Simulation;
pub use restart::RestartWatch;

/// An invariant that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Time,
    /// Which invariant.
    pub invariant: Invariant,
    /// The function or server that it is about.
    pub subject: ServerId,
    /// The servers that broke it together.
    pub by: Members,
}

/// What must always hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// A virtual IP address never has two holders that clients can reach.
    OneHolder,
    /// No virtual server runs on two hosts.
    OneImage,
    /// A healthy, reachable server is never restarted.
    NoNeedlessRestart,
    /// Every wait ends, whatever gets lost.
    NoEndlessWait,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: &[Self] = &[
        Self::OneHolder,
        Self::OneImage,
        Self::NoNeedlessRestart,
        Self::NoEndlessWait,
    ];

    /// Its name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneHolder => "one-holder",
            Self::OneImage => "one-image",
            Self::NoNeedlessRestart => "no-needless-restart",
            Self::NoEndlessWait => "no-endless-wait",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneHolder => "a virtual IP address has two holders that clients can reach",
            Self::OneImage => "a virtual server runs on two hosts",
            Self::NoEndlessWait => "a server waits for something without an end",
            Self::NoNeedlessRestart => "a healthy, reachable server was restarted",
        })
    }
}

/// Looks at a run after every event and keeps each violation once, when it begins.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    broken: Vec<(Invariant, ServerId)>,
    violations: Vec<Violation>,
}

impl Checker {
    /// Checks the present state of `simulation`.
    pub fn look<O: Observer>(&mut self, simulation: &Simulation<O>) {
        for subject in ServerId::all(simulation.nodes().len()) {
            self.settle(simulation, Invariant::OneHolder, subject, address::look);
            self.settle(simulation, Invariant::OneImage, subject, image::look);
            self.settle(simulation, Invariant::NoEndlessWait, subject, wait::look);
        }
    }

    fn settle<O: Observer>(
        &mut self,
        simulation: &Simulation<O>,
        invariant: Invariant,
        subject: ServerId,
        look: impl Fn(&Simulation<O>, ServerId) -> Option<Members>,
    ) {
        let known = self
            .broken
            .iter()
            .position(|broken| *broken == (invariant, subject));
        match (look(simulation, subject), known) {
            (Some(by), None) => {
                self.broken.push((invariant, subject));
                self.violations.push(Violation {
                    at: simulation.now(),
                    invariant,
                    subject,
                    by,
                });
            }
            (None, Some(place)) => {
                self.broken.swap_remove(place);
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    /// The violations so far, in the order in which they began.
    #[must_use]
    pub fn into_violations(self) -> Vec<Violation> {
        self.violations
    }
}
