//! What a server that recovers others tells meanwhile, again and again: that it is at work, and who is not in
//! the ring.

use crate::bug::Bug;
use crate::id::{Members, ServerId};
use crate::message::Message;
use crate::node::{Context, Node};
use crate::timer::Timer;

use super::State;

impl Node {
    /// Tells all others that this server is alive and at work. Whoever becomes a manager of the
    /// target meanwhile must know it too.
    pub(crate) fn report_progress(&mut self, cx: &mut Context<'_>, target: ServerId) {
        if self.config.has(Bug::WorksInSilence) {
            return;
        }
        let recovery = &self.recoveries[target.index()];
        let restarting = recovery.tried.restart && recovery.state == State::RestartingServer;
        let serving = self.standbys[target.index()].is_serving();
        let digest = self.digest;
        self.tell_others(
            cx,
            Message::Progress {
                target,
                serving,
                restarting,
                digest,
            },
        );
    }

    /// Signs of life for the targets that this server recovers, and the structure for the servers
    /// that are not in it: one that was cut out by mistake hears of it so.
    pub(crate) fn beat(&mut self, cx: &mut Context<'_>) {
        let active = self.view().recovering();
        for target in active.iter_after(self.me()) {
            self.report_progress(cx, target);
        }
        let outside = self.outside();
        for server in outside.iter_after(self.me()) {
            self.send_report(cx, server);
        }
        if self.orders.is_any() {
            self.tell_orders(cx);
        }
        self.membership.beat();
        self.invite(cx);
        let repeats = self.orders.is_any() || self.membership.is_leaving();
        if repeats || !active.union(outside).is_empty() {
            self.timers
                .set(Timer::Beat, cx.now + self.config.timing.inter_monitoring);
        }
    }

    /// From now on there is something to repeat.
    pub(crate) fn begin_beat(&mut self, cx: &Context<'_>) {
        if !self.timers.is_set(Timer::Beat) {
            let next = cx.now + self.config.timing.inter_monitoring;
            self.timers.set(Timer::Beat, next);
        }
    }

    /// The servers of the group that are not in the ring, as far as this server, which is, knows.
    pub(crate) fn outside(&self) -> Members {
        if self.membership.is_managing() {
            Members::first(self.config.size())
                .minus(self.structure.members())
                .without(self.me())
        } else {
            Members::NONE
        }
    }

    /// The functions that this server serves or recovers, so that others must keep off.
    pub(crate) fn held(&self) -> Members {
        let view = self.view();
        view.recovering().union(view.awake())
    }
}
