//! Virtual servers that this host cannot run: another manager is asked, or they are tried again.

use super::State;
use crate::id::ServerId;
use crate::message::Message;
use crate::node::{Context, Node};
use crate::plan;
use crate::time::Span;
use crate::timer::Timer;

impl Node {
    /// This host cannot run the virtual server: the other manager shall.
    pub(super) fn delegate(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let standby = self.standby(function);
        standby.state = State::Suspended;
        standby.wanted = false;
        if self.is_handing_over(function) {
            return self.end_hand_over(cx, function);
        }
        let managers = plan::managers(function, self.structure.members());
        let other = [managers.p1, managers.p2]
            .into_iter()
            .flatten()
            .find(|manager| *manager != self.me() && !self.absent.contains(*manager));
        // Only the acting manager passes the task on, so that it cannot wander in a circle.
        if let Some(other) = other.filter(|_| self.recoveries[function.index()].is_active()) {
            self.standby(function).delegated = Some(other);
            cx.out.send(other, Message::Take { function });
        }
    }

    /// The same for a virtual server that has failed here.
    pub(super) fn delegate_failed(&mut self, cx: &mut Context<'_>, function: ServerId) {
        self.delegate(cx, function);
        let is_mine = self.may_retry(function);
        let standby = self.standby(function);
        standby.failed = is_mine && standby.delegated.is_none();
    }

    /// Whatever kept a virtual server from serving here may have gone after a cycle.
    pub(super) fn try_again(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let is_mine = self.may_retry(function);
        let is_leaving = self.membership.is_leaving();
        let next = cx.now + self.config.timing.inter_monitoring;
        let standby = self.standby(function);
        if standby.failed && is_mine && !is_leaving {
            standby.wanted = true;
            standby.state = State::Called;
            self.timers.set(Timer::Standby(function), next);
        }
    }

    /// Room has become free: the first function after this server that was refused, and that is still
    /// this server's to serve, gets it.
    pub(super) fn use_room(&mut self, cx: &mut Context<'_>) {
        let open = |function: &ServerId| {
            let standby = self.standbys[function.index()];
            standby.refused && standby.delegated.is_none() && self.may_retry(*function)
        };
        if let Some(function) = self.others().find(open) {
            self.want(cx, function, Span::ZERO);
        }
    }

    /// Whether a function that was refused is unserved for sure: this server acts for it and has
    /// asked nobody else, or the structure has nobody for it. What was refused on another manager's
    /// request may long be served elsewhere, or back at its own server.
    pub(super) fn may_retry(&self, function: ServerId) -> bool {
        let host = self.structure.host(function);
        let unserved = host.is_none_or(|host| host == self.me() || !self.structure.contains(host));
        self.recoveries[function.index()].is_active() || (unserved && self.adopts(function))
    }
}
