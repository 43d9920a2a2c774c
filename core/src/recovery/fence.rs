//! Power fencing in guarded groups: a server in network trouble that has such a device is switched
//! surely off, so that nobody has to wait for the end of what it holds.
//!
//! A manager that cannot reach a server knows only that. So it first asks all others, and has the power
//! switched off only when a majority of all voters, itself among them, has missed two of the server's
//! questions in a row. Such a server has no majority's votes to renew its leases with, so it is about to
//! lose what it holds in any case. A server that most of the others hear is left alone, whoever cannot
//! reach it.

use super::State;
use crate::bug::Bug;
use crate::event::{Event, Means};
use crate::id::{Members, ServerId};
use crate::io::{Action, Owner};
use crate::message::Message;
use crate::node::{Context, Node};
use crate::time::{Life, Span, Time};

impl Node {
    pub(super) fn may_fence(&self, target: ServerId) -> bool {
        self.config.is_guarded()
            && self.config.fenceable().contains(target)
            && !self.recoveries[target.index()].tried.fence
    }

    /// How long a server must have been silent: two of the three questions that it asks in a term.
    fn silence(&self) -> Span {
        self.config.timing.lease_term.part(3).times(2)
    }

    /// As a voter: the life in which `target` was last heard, if that is long enough ago.
    fn unheard(&self, now: Time, target: ServerId) -> Option<Life> {
        self.register.unheard(now, target, self.silence())
    }

    /// The first step: what the others have heard.
    pub(super) fn ask_whether_heard(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let me = self.me();
        let recovery = self.recovery(target);
        recovery.tried.fence = true;
        recovery.state = State::Asking;
        recovery.unheard_by = Members::NONE;
        recovery.life = None;
        // Whoever has heard it says nothing, so the wait has an end of its own.
        let wait = self.config.timing.poll_pause;
        self.recovery_after(cx, target, wait);
        self.tell_others(cx, Message::Doubt { target });
        if let Some(life) = self.unheard(cx.now, target) {
            self.unheard_received(cx, me, target, life);
        }
    }

    pub(crate) fn doubt_received(&self, cx: &mut Context<'_>, from: ServerId, target: ServerId) {
        if !self.config.is_guarded() {
            return;
        }
        if let Some(life) = self.unheard(cx.now, target) {
            cx.out.send(from, Message::Unheard { target, life });
        }
    }

    /// One more server has not heard the target.
    pub(crate) fn unheard_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        target: ServerId,
        life: Life,
    ) {
        let needed = if self.config.has(Bug::FencesAlone) {
            1
        } else {
            self.config.majority()
        };
        let recovery = self.recovery(target);
        if recovery.state != State::Asking {
            return;
        }
        recovery.unheard_by = recovery.unheard_by.with(from);
        recovery.life = recovery.life.max(Some(life));
        if recovery.unheard_by.len() >= needed {
            self.begin_means(cx, target, Means::Fence, State::Fencing);
            self.run(cx, Owner::Recovery, target, Action::Fence { target });
        }
    }

    /// The power is off: what the target held is free, and it will not come back by itself.
    pub(super) fn fenced(&mut self, cx: &mut Context<'_>, target: ServerId) {
        cx.out.note(Event::Fenced { target });
        let recovery = self.recovery(target);
        recovery.tried.wait = true;
        recovery.network_normal = false;
        if let Some(life) = recovery.life {
            self.tell_others(cx, Message::Fenced { target, life });
            self.register.fenced(target, life);
            self.ask_for_leases(cx);
        }
        self.escalate(cx, target);
    }

    /// As a voter: the word of a server that manages the target is as good as its device. A later life
    /// of the target has begun after the fence, and keeps its votes.
    pub(crate) fn fenced_received(&mut self, from: ServerId, target: ServerId, life: Life) {
        let manages = self.managers(target).priority(from).is_some();
        let acts = self.watches[target.index()].acting == Some(from);
        if !self.config.is_guarded() || !manages && !acts {
            return;
        }
        let life = if self.config.has(Bug::FreesAnyLife) {
            Life::new(u32::MAX)
        } else {
            life
        };
        self.register.fenced(target, life);
    }
}
