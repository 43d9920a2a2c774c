//! What a guarded server may hold, enforced whether its agent lives or not.
//!
//! Three things see to the end of a hold, and each is enough:
//!
//! - The agent's node knows its leases, and lets go by itself.
//! - The kernel takes an address off at the end of its lifetime, in whole seconds, that was given with it.
//! - A process of its own, the guard, reads the [file of the holds](crate::holds) and takes the address off
//!   or kills the virtual server. It works when the agent is stopped or killed, and outlives it until
//!   everything that the agent held has come to its end.

mod process;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tetrarch_core::{Claim, Claims, ServerId, Span};
use tokio::sync::Notify;

use crate::clock::since_boot;
use crate::disk::Disk;
use crate::holds::{Change, Grant, Holds};
use crate::parts::{Failure, Guard};
use crate::witness::Witness;

pub use process::{Keeper, run};

/// Longest wait for the witness: an answer that comes later has little of its lease left.
const VOTE_MAX: Duration = Duration::from_secs(2);

/// How many questions to the witness may hang in a dead mount.
const VOTES_MAX: usize = 2;

/// The folder of the witness on the shared area.
const WITNESS_FOLDER: &str = "witness";

/// The guard of a server of a guarded group.
#[derive(Debug)]
pub struct Guarded {
    holds: Arc<Holds>,
    witness: Witness,
    mount: Disk,
    extended: Arc<Notify>,
    keeper: Keeper,
}

impl Guarded {
    /// The guard of the server `me`, with its `holds` enforced by the process that `keeper` keeps, and the
    /// witness on the shared area `shared`. Votes last for `term`.
    #[must_use]
    pub fn new(holds: Arc<Holds>, shared: &Path, me: ServerId, term: Span, keeper: Keeper) -> Self {
        Self {
            holds,
            witness: Witness::new(&shared.join(WITNESS_FOLDER), me, term),
            mount: Disk::new(VOTES_MAX),
            extended: Arc::default(),
            keeper,
        }
    }

    /// Wakes whoever waits for it at each hold, to give an address the lifetime that it has now.
    #[must_use]
    pub fn extended(&self) -> Arc<Notify> {
        Arc::clone(&self.extended)
    }
}

impl Guard for Guarded {
    fn silent(&self) -> Span {
        self.holds.silent()
    }

    fn left(&self, claim: Claim) -> Option<Span> {
        self.holds.left(claim)
    }

    fn living(&self, now: Span) -> bool {
        self.holds.living(now)
    }

    fn hold(&self, claim: Claim, until: Span) {
        if self.holds.hold(claim, until) == Change::New {
            // Before anything is begun by it: whoever stands still from here on has nothing that the guard
            // does not know of.
            self.keeper.ring();
        }
        self.extended.notify_one();
    }

    fn grant(&self, claim: Claim) -> Grant {
        self.holds.grant(claim)
    }

    fn is_off(&self, claim: Claim, grant: Grant) {
        self.holds.is_off(claim, grant);
    }

    async fn vote(&self, claims: Claims) -> Result<Claims, Failure> {
        let question = self.witness.question(claims);
        let witness = self.witness.clone();
        let asked = move || witness.ask(question, since_boot);
        let answer = self.mount.call(VOTE_MAX, asked).await;
        Ok(answer.ok_or("the shared area does not answer")??)
    }
}

/// The guard of a server: none under the paper's rules, where everything is allowed.
#[derive(Debug)]
pub struct AnyGuard(pub Option<Guarded>);

impl Guard for AnyGuard {
    fn silent(&self) -> Span {
        self.0.as_ref().map_or(Span::ZERO, Guard::silent)
    }

    fn left(&self, claim: Claim) -> Option<Span> {
        self.0
            .as_ref()
            .map_or(Some(Span::MAX), |guard| guard.left(claim))
    }

    fn living(&self, now: Span) -> bool {
        self.0.as_ref().is_none_or(|guard| guard.living(now))
    }

    fn hold(&self, claim: Claim, until: Span) {
        if let Some(guard) = &self.0 {
            guard.hold(claim, until);
        }
    }

    fn grant(&self, claim: Claim) -> Grant {
        let guard = self.0.as_ref();
        guard.map_or_else(Grant::default, |guard| guard.grant(claim))
    }

    fn is_off(&self, claim: Claim, grant: Grant) {
        if let Some(guard) = &self.0 {
            guard.is_off(claim, grant);
        }
    }

    async fn vote(&self, claims: Claims) -> Result<Claims, Failure> {
        match &self.0 {
            Some(guard) => guard.vote(claims).await,
            None => Err("a group under the paper's rules has no votes".into()),
        }
    }
}
