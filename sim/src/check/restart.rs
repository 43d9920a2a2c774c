//! A healthy, reachable server is never restarted.

use tetrarch_core::{Action, Members, Output, SERVERS_MAX, ServerId, Time};

use super::{Invariant, Violation};
use crate::observer::Observer;
use crate::world::WorldEvent;

/// Follows which servers are healthy from what happens to them, and which ones are told to restart.
#[derive(Clone, Debug)]
pub struct RestartWatch {
    healthy: Members,
    violations: Vec<Violation>,
}

impl Default for RestartWatch {
    fn default() -> Self {
        Self {
            healthy: Members::first(SERVERS_MAX),
            violations: Vec::new(),
        }
    }
}

impl RestartWatch {
    /// The violations so far.
    #[must_use]
    pub fn into_violations(self) -> Vec<Violation> {
        self.violations
    }
}

impl Observer for RestartWatch {
    fn output(&mut self, now: Time, server: ServerId, output: &Output) {
        if let Output::Run {
            action: Action::RestartServer { target },
            ..
        } = *output
            && self.healthy.contains(target)
        {
            self.violations.push(Violation {
                at: now,
                invariant: Invariant::NoNeedlessRestart,
                subject: target,
                by: Members::NONE.with(server),
            });
        }
    }

    fn world(&mut self, now: Time, server: ServerId, event: WorldEvent) {
        match event {
            WorldEvent::Trouble(_)
            | WorldEvent::PowerLost
            | WorldEvent::Restarting
            | WorldEvent::StandsStill
            | WorldEvent::ServicesRestarting => {
                self.healthy = self.healthy.without(server);
            }
            WorldEvent::FencedInReach => self.violations.push(Violation {
                at: now,
                invariant: Invariant::NoNeedlessRestart,
                subject: server,
                by: Members::NONE,
            }),
            WorldEvent::ServicesReady | WorldEvent::GoesOn => {
                self.healthy = self.healthy.with(server);
            }
            WorldEvent::Repaired
            | WorldEvent::Starting
            | WorldEvent::Answers
            | WorldEvent::FunctionLost
            | WorldEvent::FunctionBack
            | WorldEvent::Fault(_)
            | WorldEvent::SystemFault(_) => {}
        }
    }
}
