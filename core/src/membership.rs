//! This server's own place: joining the ring, its own virtual IP address, and the structure.

use crate::event::{Event, Trouble};
use crate::id::{Members, ServerId};
use crate::io::{Action, Outcome, Owner};
use crate::message::Message;
use crate::node::{Context, Node};
use crate::plan;
use crate::structure::Structure;
use crate::timer::Timer;

/// What a server knows of its own place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Membership {
    phase: Phase,
    own: Own,
    pub(crate) job: Option<u16>,
    /// The members have been asked, and their answers are awaited.
    asking: bool,
    /// Somebody answered.
    answered: bool,
    /// Somebody who answered serves or recovers this server's function.
    held: bool,
    /// Who waits to hear that this server holds its address again.
    pub(crate) giver: Option<ServerId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Phase {
    /// The management programs do not run.
    #[default]
    Stopped,
    /// They run, but this server does not know its place yet.
    Joining,
    /// This server is in the ring and manages others.
    Managing,
    /// This server has been cut out and asks to come back.
    Outside,
}

/// This server's own virtual IP address, on this server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Own {
    #[default]
    Dropped,
    Assigning,
    Held,
    Releasing,
}

impl Membership {
    pub(crate) const fn is_running(&self) -> bool {
        !matches!(self.phase, Phase::Stopped)
    }

    pub(crate) const fn is_managing(&self) -> bool {
        matches!(self.phase, Phase::Managing)
    }

    pub(crate) const fn holds_own(&self) -> bool {
        matches!(self.own, Own::Held | Own::Releasing)
    }
}

impl Membership {
    pub(crate) const fn own_is_changing(&self) -> bool {
        matches!(self.own, Own::Assigning | Own::Releasing)
    }

    /// Whether it manages and holds its own address, or is about to: nothing is left to ask for.
    pub(crate) const fn has_place(&self) -> bool {
        self.is_managing() && !matches!(self.own, Own::Dropped)
    }
}

impl Node {
    /// Starts: a server that holds its address goes on at once, any other asks for its place first.
    pub(crate) fn join(&mut self, cx: &mut Context<'_>, holding: bool, serving: Members) {
        for function in serving.iter() {
            self.standbys[function.index()].found_serving();
        }
        self.membership.phase = Phase::Joining;
        if holding {
            self.membership.own = Own::Held;
        }
        self.ask(cx);
        if holding {
            self.begin_managing(cx);
        }
    }

    fn ask(&mut self, cx: &mut Context<'_>) {
        self.membership.asking = true;
        self.membership.answered = false;
        self.membership.held = false;
        for other in self.others() {
            cx.out.send(
                other,
                Message::Hello {
                    structure: self.structure,
                },
            );
        }
        self.timers
            .set(Timer::Join, cx.now + self.config.timing.join_wait);
    }

    fn begin_managing(&mut self, cx: &mut Context<'_>) {
        if self.membership.phase != Phase::Managing {
            self.membership.phase = Phase::Managing;
            cx.out.note(Event::Managing);
            self.replan(cx);
        }
    }

    pub(crate) fn join_expired(&mut self, cx: &mut Context<'_>) {
        if !self.membership.asking {
            return self.ask(cx);
        }
        self.membership.asking = false;
        let me = self.me();
        let alone = !self.membership.answered || self.structure.members().is_empty();
        if !self.structure.contains(me) && alone {
            // Nobody is left to take this server back: it takes itself back.
            self.change_host(cx, me, Some(me));
        }
        if self.structure.contains(me) {
            self.begin_managing(cx);
            self.resume_recoveries(cx);
            if self.membership.own == Own::Dropped && !self.membership.held {
                self.claim_own(cx);
            }
        } else {
            self.membership.phase = Phase::Outside;
        }
        if !self.membership.has_place() {
            let again = self.config.timing.inter_monitoring;
            self.timers.set(Timer::Join, cx.now + again);
        }
    }

    /// Virtual servers that still served when the programs started belong to recoveries that were
    /// under way, unless the structure says that they serve for good.
    fn resume_recoveries(&mut self, cx: &mut Context<'_>) {
        let unattended = self.view().serving().minus(self.view().recovering());
        for function in unattended.iter_after(self.me()) {
            let managed = self.watches[function.index()].priority.is_some();
            if managed && self.structure.contains(function) {
                self.act(cx, function, Trouble::Network);
            }
        }
    }

    fn claim_own(&mut self, cx: &mut Context<'_>) {
        let me = self.me();
        self.membership.own = Own::Assigning;
        self.run(cx, Owner::Own, me, Action::AssignOwn);
    }

    fn release_own(&mut self, cx: &mut Context<'_>) {
        let me = self.me();
        self.membership.own = Own::Releasing;
        self.membership.giver = None;
        self.run(cx, Owner::Own, me, Action::ReleaseOwn);
    }

    pub(crate) fn own_done(&mut self, cx: &mut Context<'_>, outcome: Outcome) {
        match (self.membership.own, outcome) {
            (Own::Assigning, Outcome::Ok) => {
                self.membership.own = Own::Held;
                cx.out.note(Event::OwnAddressHeld);
                if !self.membership.is_managing() {
                    // Cut out while the address was being assigned.
                    return self.release_own(cx);
                }
                self.timers.clear(Timer::Join);
                self.membership.asking = false;
                if let Some(giver) = self.membership.giver.take() {
                    cx.out.send(giver, Message::Resumed);
                }
            }
            (Own::Assigning, _) => {
                self.membership.own = Own::Dropped;
                self.timers
                    .set(Timer::Join, cx.now + self.config.timing.inter_monitoring);
            }
            (Own::Releasing, _) => {
                self.membership.own = Own::Dropped;
                cx.out.note(Event::OwnAddressDropped);
                if self.membership.giver.is_some() {
                    return self.claim_own(cx);
                }
                let timing = &self.config.timing;
                let wait = if self.membership.is_managing() {
                    // A manager is about to restart this server; it asks when that did not come.
                    timing.judgement_max
                } else {
                    timing.inter_monitoring
                };
                self.timers.set(Timer::Join, cx.now + wait);
            }
            (Own::Dropped | Own::Held, _) => {}
        }
    }

    pub(crate) fn own_expired(&mut self, cx: &mut Context<'_>) {
        self.own_done(cx, Outcome::Failed);
    }

    pub(crate) fn yield_received(&mut self, cx: &mut Context<'_>) {
        match self.membership.own {
            Own::Held | Own::Assigning => self.release_own(cx),
            Own::Dropped | Own::Releasing => {}
        }
    }

    pub(crate) fn give_back_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        structure: &Structure,
    ) {
        self.merge(cx, structure);
        if !self.structure.contains(self.me()) {
            return;
        }
        self.begin_managing(cx);
        match self.membership.own {
            Own::Held => cx.out.send(from, Message::Resumed),
            Own::Dropped => {
                self.membership.giver = Some(from);
                self.claim_own(cx);
            }
            Own::Assigning | Own::Releasing => self.membership.giver = Some(from),
        }
    }

    pub(crate) fn hello_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        structure: &Structure,
    ) {
        self.merge(cx, structure);
        self.forget_fresh(from);
        let held = self.held();
        cx.out.send(
            from,
            Message::Welcome {
                structure: self.structure,
                held,
            },
        );
        if self.recoveries[from.index()].is_active() {
            self.target_returned(cx, from);
        } else if self.membership.is_managing() && self.takes_back(from) {
            self.begin_readmission(cx, from);
        }
    }

    /// Whether it is on this server to examine `server`, which was cut out, and take it back: the
    /// host of its function does, or, when nobody serves it, its future P1.
    fn takes_back(&self, server: ServerId) -> bool {
        if self.structure.contains(server) {
            return false;
        }
        let members = self.structure.members();
        match self
            .structure
            .host(server)
            .filter(|host| members.contains(*host))
        {
            Some(host) => host == self.me(),
            None => plan::managers(server, members).p1 == Some(self.me()),
        }
    }

    pub(crate) fn welcome_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        structure: &Structure,
        held: Members,
    ) {
        self.membership.answered = true;
        self.membership.held |= held.contains(self.me());
        self.merge(cx, structure);
        self.learn_acting(cx, from, held);
    }

    pub(crate) fn report_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        structure: &Structure,
    ) {
        self.merge(cx, structure);
        if self.structure != *structure {
            cx.out.send(
                from,
                Message::Report {
                    structure: self.structure,
                },
            );
        }
    }

    /// D.file: the old P2 of the removed server reports to those who saw nothing.
    pub(crate) fn down_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        structure: &Structure,
    ) {
        self.merge(cx, structure);
        let members = self.structure.members();
        for other in self
            .others()
            .filter(|other| *other != from && members.contains(*other))
        {
            cx.out.send(
                other,
                Message::Report {
                    structure: self.structure,
                },
            );
        }
    }

    pub(crate) fn broadcast_structure(&mut self, cx: &mut Context<'_>) {
        self.tell_others(
            cx,
            Message::Report {
                structure: self.structure,
            },
        );
    }

    /// Whoever's structure differs gets this one, and answers when it knows more.
    pub(crate) fn compare_structures(&mut self, cx: &mut Context<'_>, from: ServerId, digest: u16) {
        if digest != self.digest {
            cx.out.send(
                from,
                Message::Report {
                    structure: self.structure,
                },
            );
        }
    }

    /// Changes who serves `function`, as this server has decided.
    pub(crate) fn change_host(
        &mut self,
        cx: &mut Context<'_>,
        function: ServerId,
        host: Option<ServerId>,
    ) {
        let changed = self.structure.with_host(function, host);
        self.adopt(cx, changed);
    }

    fn merge(&mut self, cx: &mut Context<'_>, other: &Structure) {
        let merged = self.structure.merged(other);
        self.adopt(cx, merged);
    }

    fn adopt(&mut self, cx: &mut Context<'_>, structure: Structure) {
        if structure == self.structure {
            return;
        }
        let members = structure.members();
        let before = self.structure.members();
        self.structure = structure;
        self.digest = structure.digest(self.config.size());
        if members != before {
            cx.out.note(Event::StructureChanged { members });
            self.absent = self.absent.minus(before.minus(members));
        }
        if !self.membership.is_running() || self.membership.phase == Phase::Joining {
            return;
        }
        if !members.contains(self.me()) {
            self.leave(cx);
        }
        if !self.outside().is_empty() && before != members {
            self.timers
                .set(Timer::Beat, cx.now + self.config.timing.inter_monitoring);
        }
        self.forget_acting(before.minus(members));
        self.reconcile_guests(cx);
        self.replan(cx);
    }

    /// The others have cut this server out: it drops its address and asks to come back.
    fn leave(&mut self, cx: &mut Context<'_>) {
        if self.membership.phase == Phase::Outside {
            return;
        }
        self.membership.phase = Phase::Outside;
        for target in self.view().recovering().iter_after(self.me()) {
            self.abandon_recovery(cx, target);
            self.end_program(cx, target);
        }
        self.yield_received(cx);
        self.timers
            .set(Timer::Join, cx.now + self.config.timing.inter_monitoring);
    }
}
