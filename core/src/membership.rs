//! This server's own place: joining the ring, its own virtual IP address, and the structure.

use crate::bug::Bug;
use crate::event::{Event, Trouble};
use crate::id::{Members, ServerId};
use crate::io::{Action, Outcome, Owner};
use crate::lease::{Claim, Claims};
use crate::message::Message;
use crate::node::{Context, Node};
use crate::orders::Orders;
use crate::plan;
use crate::structure::Structure;
use crate::time::Span;
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
    /// The manager that wants the address, while this server examines itself.
    pub(crate) doubter: Option<ServerId>,
    /// Another machine answers for the address, while this server examines itself.
    contested: bool,
    /// The address was lost with its lease, and is to come back with the next.
    lapsed: bool,
    /// The machine is about to go down, if it does within so many signs of life.
    leaving: u8,
    /// It may: that has been noted.
    pub(crate) left: bool,
    /// The manager that was invited to take this server's function over as planned.
    pub(crate) taker: Option<ServerId>,
    /// The managers that have declined to.
    pub(crate) declined: Members,
    /// The one that was invited has answered this time.
    taker_answered: bool,
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
    /// There is no lease of it yet.
    Claiming,
    Assigning,
    Held,
    /// It is on this server, whose services are being examined.
    Doubted,
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
        matches!(self.own, Own::Held | Own::Doubted | Own::Releasing)
    }
}

impl Membership {
    /// The machine is about to go down. When that has not come in `wait`, it evidently does not.
    pub(crate) fn leave(&mut self, wait: Span, beat: Span) {
        let beats = wait.as_nanos().div_ceil(beat.as_nanos().max(1));
        self.leaving = u8::try_from(beats).unwrap_or(u8::MAX).max(1);
    }

    pub(crate) const fn is_leaving(&self) -> bool {
        self.leaving > 0
    }

    /// Another sign of life, and the machine has not gone down.
    pub(crate) const fn beat(&mut self) {
        self.leaving = self.leaving.saturating_sub(1);
        if self.leaving == 0 {
            self.left = false;
        }
    }

    /// Whether it manages and holds its own address, and nothing about that is in question.
    pub(crate) const fn is_settled(&self) -> bool {
        self.is_managing() && matches!(self.own, Own::Held)
    }

    pub(crate) const fn own_is_changing(&self) -> bool {
        matches!(self.own, Own::Assigning | Own::Doubted | Own::Releasing)
    }

    /// Whether this server's address lives on a lease. One that is being dropped does not mind its
    /// end.
    pub(crate) const fn uses_own(&self) -> bool {
        matches!(self.own, Own::Assigning | Own::Held | Own::Doubted)
    }

    /// Whether it manages and holds its own address, or is about to: nothing is left to ask for.
    pub(crate) const fn has_place(&self) -> bool {
        self.is_managing() && !matches!(self.own, Own::Dropped | Own::Claiming)
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
        } else if self.config.has(Bug::TakesUnasked) {
            self.begin_managing(cx);
            self.claim_own(cx);
        }
    }

    fn ask(&mut self, cx: &mut Context<'_>) {
        self.membership.asking = true;
        self.membership.answered = false;
        self.membership.held = false;
        self.membership.taker_answered = false;
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
            if !self.outside().is_empty() {
                self.timers
                    .set(Timer::Beat, cx.now + self.config.timing.inter_monitoring);
            }
            self.begin_orders(cx);
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
            match self.membership.own {
                Own::Dropped if !self.membership.held && !self.awaits_taker() => {
                    self.claim_own(cx);
                }
                Own::Claiming if self.membership.held => self.stop_claiming_own(cx),
                _ => {}
            }
        } else {
            self.membership.phase = Phase::Outside;
        }
        if !self.membership.has_place() {
            let again = self.config.timing.inter_monitoring;
            self.timers.set(Timer::Join, cx.now + again);
        }
    }

    /// Whether the manager that took this server's function over may have it still: it did not answer
    /// just now, but is there as far as this server knows.
    fn awaits_taker(&self) -> bool {
        let is_there =
            |taker: ServerId| self.structure.contains(taker) && !self.absent.contains(taker);
        !self.membership.taker_answered && self.membership.taker.is_some_and(is_there)
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

    fn own_claim(&self) -> Claims {
        Claims::NONE.with(Claim::Address(self.me()))
    }

    fn claim_own(&mut self, cx: &mut Context<'_>) {
        self.membership.own = Own::Claiming;
        self.claim(cx, self.own_claim());
        if self.may(cx.now, Claim::Address(self.me())) {
            self.own_leased(cx);
        }
    }

    fn stop_claiming_own(&mut self, cx: &mut Context<'_>) {
        self.membership.own = Own::Dropped;
        self.give_up(cx, self.own_claim());
    }

    pub(crate) fn own_leased(&mut self, cx: &mut Context<'_>) {
        if self.membership.own == Own::Claiming {
            let me = self.me();
            self.membership.own = Own::Assigning;
            self.run(cx, Owner::Own, me, Action::AssignOwn);
        }
    }

    /// The lease of this server's own address has ended, and the driver has taken it off.
    pub(crate) fn own_lost(&mut self, cx: &mut Context<'_>) {
        self.release_own(cx);
        self.membership.lapsed = true;
    }

    fn release_own(&mut self, cx: &mut Context<'_>) {
        let me = self.me();
        self.membership.own = Own::Releasing;
        self.membership.contested = false;
        self.membership.giver = None;
        self.membership.lapsed = false;
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
                self.membership.taker = None;
                self.membership.leaving = 0;
                self.membership.left = false;
                self.invite(cx);
            }
            (Own::Assigning, _) => {
                self.doubt(self.own_claim());
                self.stop_claiming_own(cx);
                self.timers
                    .set(Timer::Join, cx.now + self.config.timing.inter_monitoring);
            }
            (Own::Doubted, outcome) => self.self_examined(cx, outcome),
            (Own::Releasing, outcome) => {
                self.taken_off(self.own_claim(), outcome == Outcome::Ok);
                self.own_released(cx);
            }
            (Own::Dropped | Own::Claiming | Own::Held, _) => {}
        }
    }

    fn own_released(&mut self, cx: &mut Context<'_>) {
        self.membership.own = Own::Dropped;
        cx.out.note(Event::OwnAddressDropped);
        let timing = &self.config.timing;
        let is_managing = self.membership.is_managing();
        let mut wait = timing.inter_monitoring;
        if self.membership.giver.is_some() || self.membership.lapsed && is_managing {
            self.claim_own(cx);
        } else {
            let handed_over = self.membership.taker.is_some() && !self.membership.is_leaving();
            if is_managing && !handed_over {
                // A manager is about to restart this server; it asks when that did not come.
                wait = timing.judgement_max;
            }
            self.give_up(cx, self.own_claim());
            self.tell_dropped(cx);
        }
        if !self.membership.has_place() {
            self.timers.set(Timer::Join, cx.now + wait);
        }
    }

    /// A manager that nobody agrees with wants this server's address. It gets it only when the
    /// services are in trouble here, too.
    fn self_examined(&mut self, cx: &mut Context<'_>, outcome: Outcome) {
        self.membership.own = Own::Held;
        let doubter = self.membership.doubter.take();
        let contested = core::mem::take(&mut self.membership.contested);
        let is_well = matches!(outcome, Outcome::Services(failing) if failing.is_empty());
        if !is_well || doubter.is_none() && !contested {
            return self.release_own(cx);
        }
        if let Some(manager) = doubter {
            cx.out.note(Event::Refused { manager });
            cx.out.send(manager, Message::Resumed);
        }
        if contested {
            let me = self.me();
            self.say_holds(cx, me);
            cx.out.announce(me);
        }
    }

    /// Another machine answers for this server's address, which stays here only if the services are
    /// well.
    pub(crate) fn examine_contested(&mut self, cx: &mut Context<'_>) {
        if self.membership.own == Own::Held {
            let me = self.me();
            self.membership.own = Own::Doubted;
            self.membership.contested = true;
            self.run(cx, Owner::Own, me, Action::ExamineServices { target: me });
        }
    }

    pub(crate) fn own_expired(&mut self, cx: &mut Context<'_>) {
        self.own_done(cx, Outcome::Failed);
    }

    pub(crate) fn yield_received(&mut self, cx: &mut Context<'_>, from: ServerId, agreed: bool) {
        if self.config.is_guarded() && !agreed && self.membership.own == Own::Held {
            let me = self.me();
            self.membership.own = Own::Doubted;
            self.membership.doubter = Some(from);
            self.run(cx, Owner::Own, me, Action::ExamineServices { target: me });
        } else {
            self.drop_own(cx);
        }
    }

    pub(crate) fn drop_own(&mut self, cx: &mut Context<'_>) {
        match self.membership.own {
            Own::Held | Own::Doubted | Own::Assigning => self.release_own(cx),
            Own::Claiming => self.stop_claiming_own(cx),
            Own::Releasing => self.membership.lapsed = false,
            Own::Dropped => {}
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
            Own::Held | Own::Doubted => cx.out.send(from, Message::Resumed),
            Own::Dropped => {
                self.membership.giver = Some(from);
                self.claim_own(cx);
            }
            Own::Claiming | Own::Assigning | Own::Releasing => {
                self.membership.giver = Some(from);
            }
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
        self.register.greeted(from);
        let held = self.held();
        cx.out.send(
            from,
            Message::Welcome {
                structure: self.structure,
                held,
            },
        );
        if self.orders != Orders::NONE {
            let orders = self.orders;
            cx.out.send(from, Message::Orders { orders });
        }
        if self.recoveries[from.index()].is_active() {
            self.target_returned(cx, from);
        } else if self.membership.is_managing() && self.takes_back(from) {
            self.begin_readmission(cx, from);
        }
    }

    /// Whether it is on this server to examine `server`, which was cut out, and take it back: the
    /// host of its function does, or, when nobody serves it, its future P1.
    fn takes_back(&self, server: ServerId) -> bool {
        if self.structure.contains(server) || self.orders.leaves_alone(server) {
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
        self.membership.taker_answered |= self.membership.taker == Some(from);
        self.membership.held |= held.contains(self.me()) && !self.config.has(Bug::IgnoresHolders);
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
            self.send_report(cx, from);
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
            self.send_report(cx, other);
        }
    }

    pub(crate) fn broadcast_structure(&mut self, cx: &mut Context<'_>) {
        for other in self.others() {
            self.send_report(cx, other);
        }
    }

    pub(crate) fn send_report(&self, cx: &mut Context<'_>, to: ServerId) {
        if !self.config.has(Bug::HidesStructure) {
            let structure = self.structure;
            cx.out.send(to, Message::Report { structure });
        }
    }

    /// Whoever's structure differs gets this one, and answers when it knows more.
    pub(crate) fn compare_structures(&mut self, cx: &mut Context<'_>, from: ServerId, digest: u16) {
        if digest != self.digest {
            self.send_report(cx, from);
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

    pub(crate) fn merge(&mut self, cx: &mut Context<'_>, other: &Structure) {
        let mut merged = self.structure.merged(other);
        if self.config.has(Bug::KeepsOlderStructure) && merged == *other {
            merged = self.structure;
        }
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
        self.drop_own(cx);
        self.timers
            .set(Timer::Join, cx.now + self.config.timing.inter_monitoring);
    }
}
