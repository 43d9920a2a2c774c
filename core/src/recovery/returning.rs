//! The wait for a server to come back by itself, and what ends it: its sign of life, an answer, or the
//! judgement that it does not come.

use crate::event::Event;
use crate::id::ServerId;
use crate::io::{Action, Outcome, Owner};
use crate::node::{Context, Node};
use crate::timer::Timer;

use super::State;

impl Node {
    /// The means has been tried, and the server has the maximum judgement time to come back.
    pub(super) fn await_return(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let until = cx.now + self.config.timing.judgement_max;
        let recovery = self.recovery(target);
        recovery.until = until;
        recovery.tried.wait = true;
        recovery.network_normal = false;
        self.watch_for_return(cx, target);
    }

    pub(super) fn watch_for_return(&mut self, cx: &mut Context<'_>, target: ServerId) {
        if self.recoveries[target.index()].returned {
            self.settle(cx, target, true);
        } else {
            self.poll(cx, target);
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let until = self.recoveries[target.index()].until;
        if cx.now >= until {
            return self.judge(cx, target);
        }
        self.recovery(target).state = State::Polling;
        self.run(
            cx,
            Owner::Recovery,
            target,
            Action::ExamineNetwork { target },
        );
        let overdue = cx.now + self.config.timing.examination_max;
        self.timers.set(Timer::Recovery(target), overdue.min(until));
    }

    pub(super) fn polled(&mut self, cx: &mut Context<'_>, target: ServerId, outcome: Outcome) {
        let pause = cx.now + self.config.timing.poll_pause;
        let recovery = self.recovery(target);
        // An examination that was cut short by the end of the wait says nothing new.
        if cx.now < recovery.until {
            recovery.network_normal = outcome == Outcome::Ok;
        }
        recovery.state = State::Pausing;
        let next = pause.min(recovery.until);
        self.timers.set(Timer::Recovery(target), next);
    }

    /// The wait is over. A server whose network answers, though its management side is silent, is
    /// examined; any other needs a stronger means.
    pub(super) fn judge(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let is_there = self.recoveries[target.index()].network_normal;
        if is_there && self.config.is_guarded() {
            // Nobody would ask for its leases, so it cannot have its address back.
            self.report(cx, target, false);
        } else if is_there {
            self.settle(cx, target, true);
        } else {
            self.escalate(cx, target);
        }
    }

    /// The target's own management side says that it is there again.
    pub(crate) fn target_returned(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let recovery = self.recovery(target);
        match recovery.state {
            State::Idle | State::Reporting { .. } | State::HandingOver => return,
            // One whose function is elsewhere asks for it again and again.
            State::Parked | State::Watching if !recovery.leaving => return,
            State::Parked | State::Watching => {
                recovery.leaving = false;
                recovery.reported = false;
                self.cancel_job(cx, Owner::Recovery, target);
                self.settle(cx, target, true);
            }
            State::Pausing | State::Polling | State::Asking => {
                self.cancel_job(cx, Owner::Recovery, target);
                self.settle(cx, target, true);
            }
            _ => recovery.returned = true,
        }
        cx.out.note(Event::Returned { target });
    }

    /// Whoever asks for leases is there.
    pub(crate) fn sign_of_life(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let state = self.recoveries[target.index()].state;
        if matches!(state, State::Pausing | State::Polling | State::Asking) {
            self.target_returned(cx, target);
        }
    }
}
