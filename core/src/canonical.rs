//! One form for all nodes that will behave alike: what a checker of states compares by.

use crate::io::{JobId, Owner};
use crate::message::Message;
use crate::node::{Node, View, Vote};
use crate::time::Time;

/// The serial of every job under way in the canonical form. A part waits for one job at most, so its
/// owner and subject tell it from all others.
const SERIAL: u16 = 1;

impl Node {
    /// The same node as it would be if the instant `now` were called `base`.
    ///
    /// Two nodes that answer every future input alike, their inputs' instants counted from now, are
    /// made equal as far as instants and bookkeeping go: timers keep their distance from now, a wait
    /// of a background job that is over ends now, the jobs under way get the serial 1 (see
    /// [`View::waits_for`] for matching their results beforehand), and the count of stale results
    /// starts again. `base` must leave room for timers that are overdue; they saturate at zero.
    #[must_use]
    pub fn rebased(&self, now: Time, base: Time) -> Self {
        let mut node = self.clone();
        node.timers.rebase(now, base);
        let term = node.config.timing.lease_term;
        node.leases.rebase(now, base, term);
        node.register.forget_overtaken(now, term);
        node.register = node.register.rebased(now, base);
        if node.vote.job.is_some() {
            node.vote.asked = node.vote.asked.rebased(now, base);
        } else {
            node.vote = Vote::default();
        }
        for recovery in &mut node.recoveries {
            recovery.rebase(now, base);
        }
        let window = node.config.damping.map(|damping| damping.window);
        for flaps in &mut node.flaps {
            *flaps = flaps.rebased(now, base, window);
        }
        let jobs = node.watches.iter_mut().map(|part| &mut part.job);
        let jobs = jobs.chain(node.recoveries.iter_mut().map(|part| &mut part.job));
        let jobs = jobs.chain(node.standbys.iter_mut().map(|part| &mut part.job));
        for job in jobs.chain([&mut node.membership.job, &mut node.vote.job]) {
            *job = job.map(|_| SERIAL);
        }
        node.serial = SERIAL;
        node.stale = 0;
        node
    }
}

impl Message {
    /// The same message with `base` in the place of the instant `now`.
    #[must_use]
    pub fn rebased(self, now: Time, base: Time) -> Self {
        match self {
            Self::Renew { claims, asked } => Self::Renew {
                claims,
                asked: asked.rebased(now, base),
            },
            Self::Grant { claims, asked } => Self::Grant {
                claims,
                asked: asked.rebased(now, base),
            },
            Self::Agree { target, said } => Self::Agree {
                target,
                said: said.map(|said| said.rebased(now, base)),
            },
            other => other,
        }
    }
}

impl View<'_> {
    /// Whether the result of `job` is still waited for; a driver need not deliver any other.
    #[must_use]
    pub fn waits_for(&self, job: JobId) -> bool {
        let subject = job.subject.index();
        let waited_for = match job.owner {
            Owner::Watch => self.node.watches[subject].job,
            Owner::Recovery => self.node.recoveries[subject].job,
            Owner::Standby => self.node.standbys[subject].job,
            Owner::Own => self.node.membership.job,
            Owner::Vote => self.node.vote.job,
        };
        waited_for == Some(job.serial)
    }
}
