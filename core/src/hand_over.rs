//! Planned hand-overs: a healthy server's function goes to a virtual server that runs already, because
//! an operator has ordered it or the machine is about to go down.
//!
//! The server invites one of its managers, which resumes the virtual server and offers to take the
//! address; the server drops it and says so. It alone decides whom it invites, so no two managers ever
//! resume one virtual server for that. The manager's job is a background job like any other, so the
//! other managers keep off, and take over when it is heard of no more.

use crate::event::Event;
use crate::id::ServerId;
use crate::message::Message;
use crate::node::{Context, Node};
use crate::plan;
use crate::recovery::{Recovery, State};
use crate::timer::Timer;

impl Node {
    // The server whose function moves.

    /// The machine is about to go down.
    pub(crate) fn leave_host(&mut self, cx: &mut Context<'_>) {
        if !self.membership.is_managing() || self.membership.is_leaving() {
            return;
        }
        if self.orders.is_frozen() {
            // Nothing may move, so nothing is waited for.
            return cx.out.note(Event::Left);
        }
        let timing = &self.config.timing;
        self.membership
            .leave(timing.judgement_max, timing.inter_monitoring);
        self.begin_beat(cx);
        for target in self.view().recovering().iter_after(self.me()) {
            self.abandon_recovery(cx, target);
            self.release_target(cx, target);
        }
        for function in self.view().awake().iter_after(self.me()) {
            self.unwant(cx, function);
        }
        self.invite(cx);
        self.note_left(cx);
    }

    /// Whether this server's function shall be with its virtual server.
    fn is_sent_away(&self) -> bool {
        let me = self.me();
        (self.membership.is_leaving() || self.orders.sends_away(me)) && !self.orders.is_frozen()
    }

    pub(crate) fn finds_no_taker(&self) -> bool {
        let membership = &self.membership;
        let has_function = membership.is_settled() && membership.holds_own();
        has_function && self.is_sent_away() && membership.taker.is_none()
    }

    /// Invites the first of its managers that is there and has not declined, if this server's function
    /// is to move. Repeated with each sign of life.
    pub(crate) fn invite(&mut self, cx: &mut Context<'_>) {
        if !self.membership.is_settled() {
            return;
        }
        self.order_spent(cx);
        if !self.is_sent_away() {
            return;
        }
        let managers = plan::managers(self.me(), self.structure.members());
        let is_there = |manager: &ServerId| {
            !self.absent.contains(*manager) && !self.membership.declined.contains(*manager)
        };
        let takers = [managers.p1, managers.p2].into_iter().flatten();
        self.membership.taker = takers.into_iter().find(is_there);
        if let Some(taker) = self.membership.taker {
            let leaving = self.membership.is_leaving();
            cx.out.send(taker, Message::Invite { leaving });
        }
    }

    /// The virtual server runs: this server drops its address, unless that is no longer wanted.
    pub(crate) fn offer_received(&mut self, cx: &mut Context<'_>, from: ServerId) {
        if !self.is_sent_away() || self.membership.taker != Some(from) {
            return cx.out.send(from, Message::Decline);
        }
        self.drop_own(cx);
        self.tell_dropped(cx);
    }

    /// The manager that is to take the address over learns that it is off this server.
    pub(crate) fn tell_dropped(&mut self, cx: &mut Context<'_>) {
        let is_off = !self.membership.holds_own() && !self.membership.uses_own();
        if let Some(taker) = self.membership.taker.filter(|_| is_off) {
            cx.out.send(taker, Message::Dropped);
        }
        self.note_left(cx);
    }

    /// Nothing that clients need is left here, and the machine may go down.
    pub(crate) fn note_left(&mut self, cx: &mut Context<'_>) {
        let membership = &self.membership;
        let is_empty = !membership.holds_own() && !membership.uses_own();
        if membership.is_leaving() && !membership.left && is_empty && self.view().awake().is_empty()
        {
            self.membership.left = true;
            cx.out.note(Event::Left);
        }
    }

    /// A virtual server that was suspended because this server goes down is passed on.
    pub(crate) fn pass_on(&mut self, cx: &mut Context<'_>, function: ServerId) {
        // The other manager of a member's function stands in for this one; what this server hosts for
        // good goes where it would go if this server were dead.
        let members = self.structure.members();
        let managers = if self.structure.contains(function) {
            let managers = plan::managers(function, members);
            [managers.p1, managers.p2]
        } else {
            let managers = plan::managers(self.me(), members);
            [managers.p2, managers.p1]
        };
        let mut others = managers.into_iter().flatten();
        let is_there = |other: &ServerId| *other != self.me() && !self.absent.contains(*other);
        if let Some(next) = others.find(is_there) {
            cx.out.send(next, Message::Take { function });
        }
        self.note_left(cx);
    }

    /// One side calls a planned hand-over off.
    pub(crate) fn decline_received(&mut self, cx: &mut Context<'_>, from: ServerId) {
        if self.recoveries[from.index()].state == State::HandingOver {
            self.end_hand_over(cx, from);
        } else if self.membership.taker == Some(from) {
            self.membership.taker = None;
            self.membership.declined = self.membership.declined.with(from);
            self.invite(cx);
        }
    }

    // The manager that takes the function over.

    pub(crate) fn invite_received(&mut self, cx: &mut Context<'_>, from: ServerId, leaving: bool) {
        let recovery = self.recovery(from);
        if recovery.is_active() {
            if leaving && recovery.state == State::HandingOver {
                recovery.leaving = true;
            }
            return;
        }
        let watch = self.watches[from.index()];
        let others = self.view().awake().without(from);
        let has_room = others.len() < usize::from(self.config.guests_max);
        let is_free = watch.priority.is_some() && watch.acting.is_none();
        if !is_free || self.membership.is_leaving() || self.orders.is_frozen() || !has_room {
            if !has_room {
                cx.out.note(Event::NoRoom { function: from });
            }
            return cx.out.send(from, Message::Decline);
        }
        cx.out.note(Event::HandOverBegun { target: from });
        self.take_up(cx, from);
        self.begin_beat(cx);
        *self.recovery(from) = Recovery::handing_over(leaving);
        let wait = self.config.timing.job_max;
        self.timers.set(Timer::Recovery(from), cx.now + wait);
        self.want_beside(cx, from);
        self.report_progress(cx, from);
    }

    /// The virtual server holds the address: what is left is to look after the server.
    pub(crate) fn handed_over(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let judgement = self.config.timing.judgement_max;
        let recovery = self.recovery(target);
        if recovery.state != State::HandingOver {
            return;
        }
        if recovery.leaving {
            // It has the judgement time to go down; after that it evidently does not.
            recovery.hold_until = cx.now + judgement;
        }
        recovery.reported = true;
        recovery.state = State::Settling;
        self.park(cx, target);
    }

    /// A planned hand-over comes to nothing: the server keeps its address, or gets it back.
    pub(crate) fn end_hand_over(&mut self, cx: &mut Context<'_>, target: ServerId) {
        if self.recoveries[target.index()].state != State::HandingOver {
            return;
        }
        cx.out.note(Event::HandOverFailed { target });
        cx.out.send(target, Message::Decline);
        self.end_recovery(cx, target);
        self.recovered(cx, target);
        self.hand_back(cx, target);
    }

    /// Whether the virtual server of `function` is to run beside its server, which has the address
    /// still.
    pub(crate) fn is_handing_over(&self, function: ServerId) -> bool {
        self.recoveries[function.index()].state == State::HandingOver
    }

    /// Whoever waits for the address of `function` has been told that it is free.
    pub(crate) fn dropped_received(&mut self, cx: &mut Context<'_>, from: ServerId) {
        if self.is_handing_over(from) {
            self.address_dropped(cx, from);
        }
    }
}
