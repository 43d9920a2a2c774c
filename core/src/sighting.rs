//! What a server sees by itself, without asking anybody: a rival for an address that it holds, and
//! that its own services fail or are well again.
//!
//! Nothing is decided by a sighting alone. A rival makes holders compare what they know; services are
//! examined by whoever manages them, only sooner.

use crate::bug::Bug;
use crate::event::Event;
use crate::id::{Members, Priority, ServerId, ServiceSet};
use crate::io::Sighting;
use crate::lease::Claim;
use crate::message::Message;
use crate::node::{Context, Node};
use crate::plan;
use crate::structure::Structure;
use crate::timer::Timer;

/// What has been seen, and what was said of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Sightings {
    /// The functions whose rivals were answered lately. They are not answered again until
    /// [`Timer::Seen`], so that a foreign machine cannot make this server flood the network.
    pub(crate) rivals: Members,
    /// The services of this server that failed when they were last seen.
    failing: ServiceSet,
    /// Those that its managers were last told of.
    told: ServiceSet,
}

impl Node {
    pub(crate) fn seen(&mut self, cx: &mut Context<'_>, sighting: Sighting) {
        match sighting {
            Sighting::Rival { function } if function.index() < self.config.size() => {
                self.rival_seen(cx, function);
            }
            Sighting::Rival { .. } => {}
            Sighting::Services(failing) => {
                self.sightings.failing = failing;
                if !self.timers.is_set(Timer::Seen) {
                    self.report_services(cx);
                }
            }
        }
    }

    /// Sightings count again. What the services have done meanwhile is told now.
    pub(crate) fn seen_expired(&mut self, cx: &mut Context<'_>) {
        self.sightings.rivals = Members::NONE;
        self.report_services(cx);
    }

    fn pause_sightings(&mut self, cx: &Context<'_>) {
        if !self.timers.is_set(Timer::Seen) {
            let pause = self.config.timing.poll_pause;
            self.timers.set(Timer::Seen, cx.now + pause);
        }
    }

    fn report_services(&mut self, cx: &mut Context<'_>) {
        let failing = self.sightings.failing;
        if failing == self.sightings.told || !self.membership.is_managing() {
            return;
        }
        self.sightings.told = failing;
        let managers = plan::managers(self.me(), self.structure.members());
        for manager in [managers.p1, managers.p2].into_iter().flatten() {
            cx.out.send(manager, Message::Services { failing });
        }
        self.pause_sightings(cx);
    }

    /// A target says which of its services fail. That is only a reason to look sooner.
    pub(crate) fn services_reported(
        &mut self,
        cx: &mut Context<'_>,
        target: ServerId,
        failing: ServiceSet,
    ) {
        let watch = &self.watches[target.index()];
        match watch.priority {
            _ if failing.is_empty() => self.examine_repaired(cx, target),
            Some(Priority::P1) if watch.is_idle() => self.begin_cycle(cx, target),
            Some(Priority::P2) if watch.is_idle() => self.expect_sync(cx, target),
            Some(_) | None => {}
        }
    }

    /// Somebody else answers for an address that this server holds.
    fn rival_seen(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let is_own = function == self.me();
        let holds = if is_own {
            self.membership.uses_own() && self.membership.holds_own()
        } else {
            self.standbys[function.index()].is_serving()
        };
        if !holds || self.sightings.rivals.contains(function) {
            return;
        }
        self.sightings.rivals = self.sightings.rivals.with(function);
        self.pause_sightings(cx);
        cx.out.note(Event::RivalSeen { function });
        if self.config.is_guarded() {
            // One whose lease has ended is being dropped already.
            if self.leased_until(Claim::Address(function)) > cx.now {
                cx.out.announce(function);
            }
        } else if is_own {
            self.examine_contested(cx);
        } else {
            self.say_holds(cx, function);
        }
    }

    /// Tells all others that this server holds the address, and what it knows of the structure, by which
    /// one of the two will drop it.
    pub(crate) fn say_holds(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let structure = self.structure;
        self.tell_others(
            cx,
            Message::Holds {
                function,
                structure,
            },
        );
    }

    /// Another server holds the address of `function`. Both structures are merged before anything is
    /// compared, so both servers compare by the same one, and exactly one of them finds itself behind:
    /// the function's host by the structure stays, which a real server is as long as it is in the ring;
    /// of two others the one that [`Node::outranked`] leaves.
    pub(crate) fn holds_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        function: ServerId,
        structure: &Structure,
    ) {
        if function.index() >= self.config.size() {
            return;
        }
        self.merge(cx, structure);
        if self.config.is_guarded() {
            // Whoever has no lease has to go, and knows it.
            return;
        }
        if function == self.me() {
            // One that is out of the ring has dropped its address with the merging.
            self.rival_seen(cx, function);
        } else if self.standbys[function.index()].is_serving() {
            if self.is_behind(from, function) && !self.config.has(Bug::NeverOverruled) {
                self.overruled(cx, from, function);
            } else if !self.sightings.rivals.contains(function) {
                self.rival_seen(cx, function);
                cx.out.announce(function);
            }
        }
    }

    fn is_behind(&self, other: ServerId, function: ServerId) -> bool {
        match self.structure.host(function) {
            Some(host) if host == other => true,
            Some(host) if host == self.me() => false,
            _ => self.outranked(other, function, true),
        }
    }

    fn overruled(&mut self, cx: &mut Context<'_>, by: ServerId, function: ServerId) {
        cx.out.note(Event::Overruled { function, by });
        if !self.recoveries[function.index()].is_active() {
            self.unwant(cx, function);
        } else if by == function {
            // It is there, and well by its own word; the recovery finds out whether that is so.
            self.unwant(cx, function);
            self.target_returned(cx, function);
        } else {
            self.abandon_recovery(cx, function);
            self.defer_to(cx, function, by);
        }
    }
}
