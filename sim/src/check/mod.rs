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
    /// Messages do not multiply without end.
    NoStorm,
}

impl Invariant {
    /// Every invariant that is checked in each run.
    pub const ALL: &[Self] = &[
        Self::OneHolder,
        Self::OneImage,
        Self::NoNeedlessRestart,
        Self::NoEndlessWait,
        Self::NoStorm,
    ];

    /// Its name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneHolder => "one-holder",
            Self::OneImage => "one-image",
            Self::NoNeedlessRestart => "no-needless-restart",
            Self::NoEndlessWait => "no-endless-wait",
            Self::NoStorm => "no-message-storm",
        }
    }

    /// A short name for its being broken.
    #[must_use]
    pub const fn breach(self) -> &'static str {
        match self {
            Self::OneHolder => "two-holders",
            Self::OneImage => "two-images",
            Self::NoNeedlessRestart => "needless-restart",
            Self::NoEndlessWait => "endless-wait",
            Self::NoStorm => "message-storm",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneHolder => "a virtual IP address has two holders that clients can reach",
            Self::OneImage => "a virtual server runs on two hosts",
            Self::NoEndlessWait => "a server waits for something without an end",
            Self::NoStorm => "messages multiply without end",
            Self::NoNeedlessRestart => "a healthy, reachable server was restarted",
        })
    }
}

/// Events in one second that no group comes near to: a ring of eight in health has a dozen.
const EVENTS_MAX: u32 = 20_000;

/// Looks at a run after every event and keeps each violation once, when it begins.
///
/// It looks only at what can have changed: at addresses and virtual servers when the world has
/// counted a change of these, and at the waits of the one node that was stepped. Each event still
/// has its own look, so a violation that the next event ends at the same instant is seen.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    /// The world's count of changes at the last look.
    seen: Option<u64>,
    /// The present second, and how many events it has had.
    second: (u64, u32),
    broken: Vec<(Invariant, ServerId)>,
    violations: Vec<Violation>,
}

impl Checker {
    /// Checks what the last event can have changed in `simulation`; to be called after each.
    pub fn look<O: Observer>(&mut self, simulation: &Simulation<O>) {
        let second = simulation.now().as_nanos() / 1_000_000_000;
        self.second = match self.second {
            (same, events) if same == second => (same, events.saturating_add(1)),
            _ => (second, 0),
        };
        if self.second.1 == EVENTS_MAX {
            let by = simulation
                .stepped()
                .map_or(Members::NONE, |server| Members::NONE.with(server));
            self.violations
                .extend(ServerId::new(0).map(|first| Violation {
                    at: simulation.now(),
                    invariant: Invariant::NoStorm,
                    subject: simulation.stepped().unwrap_or(first),
                    by,
                }));
        }
        let revision = simulation.revision();
        if self.seen != Some(revision) {
            self.seen = Some(revision);
            self.look_everywhere(simulation);
        } else if let Some(stepped) = simulation.stepped() {
            self.settle(simulation, Invariant::NoEndlessWait, stepped, wait::look);
        }
    }

    /// Whether events come so fast that the run would never end.
    #[must_use]
    pub const fn is_storm(&self) -> bool {
        self.second.1 >= EVENTS_MAX
    }

    fn look_everywhere<O: Observer>(&mut self, simulation: &Simulation<O>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::{Settings, draw};
    use tetrarch_core::Span;

    #[test]
    fn looking_only_at_what_can_have_changed_misses_nothing() {
        let settings = Settings {
            safety: Span::from_secs(7_200),
            fault_every: Span::from_secs(60),
            ..Settings::default()
        };
        let mut found = 0;
        for seed in 0..40 {
            let scenario = draw(&settings, seed).unwrap().plan.scenario();
            let mut simulation = Simulation::new(&scenario, ()).unwrap();
            let (mut thrifty, mut thorough) = (Checker::default(), Checker::default());
            while !thrifty.is_storm() && simulation.advance(scenario.end()) {
                thrifty.look(&simulation);
                thorough.look_everywhere(&simulation);
                assert_eq!(thrifty.broken, thorough.broken, "seed {seed}");
            }
            found += thorough.violations.len();
            thrifty
                .violations
                .retain(|found| found.invariant != Invariant::NoStorm);
            assert_eq!(thrifty.violations, thorough.violations, "seed {seed}");
        }
        assert!(found > 0, "nothing was broken, so nothing was compared");
    }
}
