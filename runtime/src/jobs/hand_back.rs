//! What a release begins with when the real server gets the address: the virtual server's data go first.
//!
//! A release may be for many reasons, and only one of them leaves time for that. Which one it is the node
//! says, and only after its step: so each release of a step waits for the step's end.

use tetrarch_core::{Action, Claim, Members, ServerId};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::{Jobs, Task};
use crate::clock::Clock;
use crate::link::Peers;
use crate::parts::{Guard, Parts, VirtualServers};

impl<C: Clock, P: Parts, N: Peers> Jobs<C, P, N> {
    /// What a release is to wait for.
    pub(super) fn awaits_decision(&mut self, action: Action) -> Option<oneshot::Receiver<bool>> {
        let Action::Release { function } = action else {
            return None;
        };
        let (decide, decided) = oneshot::channel();
        self.undecided.push((function, decide));
        Some(decided)
    }

    /// The node's step is over, and it gives back `giving_back`.
    pub(crate) fn stepped(&mut self, giving_back: Members) {
        self.giving_back.send_if_modified(|before| {
            let is_new = *before != giving_back;
            *before = giving_back;
            is_new
        });
        for (function, decide) in self.undecided.drain(..) {
            // The task waits for its turn at least, so it is there.
            let _ = decide.send(giving_back.contains(function));
        }
    }
}

impl<C: Clock, P: Parts, N: Peers> Task<C, P, N> {
    /// Has the virtual server's data brought to its real server, if this job is a release for that one. It is
    /// broken off when the node is in a hurry, which it says by a cancellation, when it gives nothing back after
    /// all, and when the hold of what is being given back ends: the address must be off at once then.
    pub(super) async fn synchronise(&mut self, cancelled: &mut oneshot::Receiver<()>) {
        let Action::Release { function } = self.action else {
            return;
        };
        let Some(gives_back) = self.gives_back.take() else {
            return;
        };
        if gives_back.await != Ok(true) {
            return;
        }
        let due = self.clock.now() + self.limit;
        let ended = tokio::select! {
            biased;
            Ok(()) = cancelled => Err("the management programs want it off at once".into()),
            () = self.is_kept(function) => {
                info!(%function, "its data stay, as its real server does not get it after all");
                return;
            }
            () = self.hold_ends(function) => Err("its hold has ended".into()),
            () = self.clock.sleep_until(due) => Err("it took longer than any job may".into()),
            ended = self.parts.virtual_servers().synchronise(function) => ended,
        };
        if let Err(why) = ended {
            warn!(
                %function, %why,
                "given back without all of its data: what its virtual server accepted last may be there alone"
            );
        }
    }

    /// Ends when the node gives `function` back no more, as its real server has failed again.
    async fn is_kept(&self, function: ServerId) {
        let mut giving_back = self.giving_back.clone();
        let changed = giving_back.wait_for(|given| !given.contains(function));
        if changed.await.is_err() {
            // The driver has ended; that is a matter of its jobs' cancellation.
            std::future::pending().await
        }
    }

    /// Ends when this server may no longer hold the address of `function`, or run its virtual server.
    async fn hold_ends(&self, function: ServerId) {
        if !self.is_guarded {
            return std::future::pending().await;
        }
        let claims = [Claim::Address(function), Claim::Image(function)];
        loop {
            let left = claims.map(|claim| self.parts.guard().left(claim));
            let [Some(address), Some(image)] = left else {
                return;
            };
            // It is renewed meanwhile as long as most servers answer; a look at its end shows that.
            let until = self.clock.now() + address.min(image);
            self.clock.sleep_until(until).await;
        }
    }
}
