//! The management program: one target, one priority (Fig. 3).
//!
//! P1 sends S.file and examines; P2 examines when S.file arrives. In trouble one of the two acts
//! (see `recovery`) and the other waits for U.file or D.file, ready to stand in.

use core::cmp::Reverse;

use crate::bug::Bug;
use crate::event::{Event, Trouble};
use crate::id::{Members, Priority, ServerId};
use crate::io::{Action, Outcome, Owner};
use crate::message::Message;
use crate::node::{Context, Node};
use crate::plan;
use crate::time::{Sequence, Span, Time};
use crate::timer::Timer;

/// One management program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    pub(crate) priority: Option<Priority>,
    /// The other manager of the target.
    pub(crate) peer: Option<ServerId>,
    pub(crate) state: State,
    pub(crate) job: Option<u16>,
    /// The server that was last heard to act for the target. As a rule the other manager, but a
    /// server that has stood in for both may still be at work when they return.
    pub(crate) acting: Option<ServerId>,
    /// P2 examines without having been told to: S.file was overdue.
    alone: bool,
    /// Trouble that was confirmed just before the other manager turned out to be silent.
    fresh: Option<Trouble>,
    /// How often in a row the acting manager's sign of life was overdue.
    silences: u8,
    /// The other manager has found the same service trouble in this cycle.
    pub(crate) agreed: bool,
    /// The trouble that orders forbid to do anything about.
    pub(crate) left_alone: Option<Trouble>,
    /// How many examinations in a row found all well but nobody asking for the target's address.
    unheld: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// No management program runs for this target.
    #[default]
    Off,
    /// P1: until the next cycle. P2: until S.file is overdue.
    Waiting,
    /// The network is examined.
    Network,
    /// The network is examined again, since it did not answer.
    Confirming,
    /// The services are examined.
    Services,
    /// This server acts: the background job of the target runs here.
    Acting,
    /// The other manager acts; its sign of life is due.
    Deferring,
    /// The server that acts, or should, is silent: its own network is examined.
    CheckingPeer,
}

impl Watch {
    /// Whether it waits for the next cycle.
    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    /// Whether it waits for a timer of its own; one that acts waits for the background job.
    pub(crate) const fn is_waiting(&self, recovering: bool) -> bool {
        match self.state {
            State::Off => false,
            State::Acting => !recovering,
            _ => true,
        }
    }
}

/// How many overdue signs of life count as dead, when the other manager's network still answers.
const SILENCES_MAX: u8 = 2;

/// How many examinations have to find a management side silent. A server that has just started asks
/// for its address only after it has asked for its place.
const UNHELD_MAX: u8 = 2;

impl Node {
    pub(crate) fn watch(&mut self, target: ServerId) -> &mut Watch {
        &mut self.watches[target.index()]
    }

    fn watch_after(&mut self, cx: &Context<'_>, target: ServerId, wait: Span) {
        self.timers.set(Timer::Watch(target), cx.now + wait);
    }

    /// Makes the management programs match the structure: new ones start, old ones end.
    pub(crate) fn replan(&mut self, cx: &mut Context<'_>) {
        let managing = self.membership.is_managing();
        for target in self.others() {
            let managers = self.managers(target);
            let wanted = managing && self.structure.contains(target);
            let priority = managers.priority(self.me()).filter(|_| wanted);
            let peer = managers.peer_of(self.me()).filter(|_| wanted);
            let watch = self.watch(target);
            if watch.priority == priority && watch.peer == peer {
                continue;
            }
            watch.priority = priority;
            watch.peer = peer;
            match (watch.state, priority) {
                // Whoever acts goes on to the end, whatever becomes of the ring around it.
                (State::Acting, _) => {}
                (_, None) => self.end_program(cx, target),
                (_, Some(priority)) => self.begin_program(cx, target, priority),
            }
        }
    }

    fn begin_program(&mut self, cx: &mut Context<'_>, target: ServerId, priority: Priority) {
        self.cancel_job(cx, Owner::Watch, target);
        let watch = self.watch(target);
        watch.alone = false;
        watch.fresh = None;
        watch.silences = 0;
        watch.state = State::Waiting;
        if watch.acting.is_some() {
            return self.defer(cx, target);
        }
        match priority {
            Priority::P1 => self.begin_cycle(cx, target),
            Priority::P2 => {
                let wait = self.config.timing.sync_grace;
                self.watch_after(cx, target, wait);
            }
        }
    }

    pub(crate) fn end_program(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.cancel_job(cx, Owner::Watch, target);
        self.timers.clear(Timer::Watch(target));
        *self.watch(target) = Watch::default();
    }

    /// P1's cycle: S.file to P2, then the examination.
    pub(crate) fn begin_cycle(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.watch(target).agreed = false;
        // Without a P2 the target itself gets S.file, only to compare structures by.
        let to = self.watches[target.index()].peer.unwrap_or(target);
        let digest = self.digest;
        cx.out.send(to, Message::Sync { target, digest });
        self.examine(cx, target);
    }

    /// P1 has a reason to begin a cycle now; should it not, P2 will know soon.
    pub(crate) fn expect_sync(&mut self, cx: &Context<'_>, target: ServerId) {
        let soon = cx.now + self.config.timing.sync_grace;
        let due = self.timers.due(Timer::Watch(target));
        let next = due.map_or(soon, |due| due.min(soon));
        self.timers.set(Timer::Watch(target), next);
    }

    fn examine(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.watch(target).state = State::Network;
        self.run(cx, Owner::Watch, target, Action::ExamineNetwork { target });
    }

    fn examine_services(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.watch(target).state = State::Services;
        self.run(cx, Owner::Watch, target, Action::ExamineServices { target });
    }

    pub(crate) fn watch_expired(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let watch = self.watches[target.index()];
        match watch.state {
            State::Off | State::Acting => {}
            State::Waiting if watch.priority == Some(Priority::P1) => self.begin_cycle(cx, target),
            State::Waiting => {
                if !watch.alone {
                    cx.out.note(Event::SyncMissed { target });
                    self.watch(target).alone = true;
                }
                if self.config.has(Bug::ActsOnMissedSync) {
                    return self.act(cx, target, Trouble::Network);
                }
                self.examine(cx, target);
            }
            State::Network | State::Confirming | State::Services | State::CheckingPeer => {
                self.watch_done(cx, target, Outcome::Failed);
            }
            State::Deferring => self.check_peer(cx, target),
        }
    }

    pub(crate) fn watch_done(&mut self, cx: &mut Context<'_>, target: ServerId, outcome: Outcome) {
        match (self.watches[target.index()].state, outcome) {
            (State::Network, Outcome::Ok) => self.examine_services(cx, target),
            (State::Network, _) => self.network_silent(cx, target),
            (State::Confirming, Outcome::Ok) => {
                cx.out.note(Event::FalseAlarm { target });
                self.examine_services(cx, target);
            }
            (State::Confirming, _) => self.trouble_confirmed(cx, target, Trouble::Network),
            (State::Services, Outcome::Services(failing)) if failing.is_empty() => {
                self.found_healthy(cx, target);
            }
            (State::Services, Outcome::Failed) if self.config.is_guarded() => {
                // It answered just now and does not any more: that is a matter of its network.
                self.network_silent(cx, target);
            }
            (State::Services, _) => {
                self.note_detected(cx, target, Trouble::Service);
                self.trouble_confirmed(cx, target, Trouble::Service);
            }
            (State::CheckingPeer, outcome) => self.peer_checked(cx, target, outcome),
            (State::Off | State::Waiting | State::Acting | State::Deferring, _) => {}
        }
    }

    /// Trouble that is left alone is found in each cycle, and told once.
    fn note_detected(&self, cx: &mut Context<'_>, target: ServerId, trouble: Trouble) {
        if self.watches[target.index()].left_alone != Some(trouble) {
            cx.out.note(Event::Detected { target, trouble });
        }
    }

    fn network_silent(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.note_detected(cx, target, Trouble::Network);
        self.watch(target).state = State::Confirming;
        self.run(cx, Owner::Watch, target, Action::ExamineNetwork { target });
    }

    fn found_healthy(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let is_unheld = self.is_unheld(cx.now, target);
        let watch = self.watch(target);
        watch.unheld = if is_unheld { watch.unheld + 1 } else { 0 };
        if watch.unheld >= UNHELD_MAX {
            watch.unheld = 0;
            let trouble = Trouble::Management;
            self.note_detected(cx, target, trouble);
            return self.trouble_confirmed(cx, target, trouble);
        }
        // A P2 that has been waiting for a silent P1 finds here that nothing is left to recover,
        // but the target may still wait for its address.
        let stood_by = self.watches[target.index()].silences > 0;
        if (stood_by || self.serves_unattended(target)) && !self.orders.is_frozen() {
            // It may be on this host, which runs the virtual server on that manager's request; the
            // target must not be offered it before it is off.
            if self.standbys[target.index()].is_awake() {
                self.hand_back(cx, target);
            } else {
                self.give_back(cx, target);
            }
        }
        self.wait_in_step(cx, target);
    }

    /// Whether the virtual server of `target` runs here and nobody is at work who would have it suspended: a server
    /// that went down has passed it on to this one.
    fn serves_unattended(&self, target: ServerId) -> bool {
        let is_attended = self.watches[target.index()].acting.is_some()
            || self.recoveries[target.index()].is_active();
        self.standbys[target.index()].is_wanted() && !is_attended
    }

    /// Both managers wait the inter-monitoring time; P2 allows for a late S.file.
    pub(crate) fn wait_in_step(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.watch(target).left_alone = None;
        self.pause(cx, target);
        if !self.absent.is_empty() && self.absent.contains(target) {
            self.absent = self.absent.without(target);
            self.replan(cx);
        }
    }

    /// Nothing is done until the next cycle.
    fn pause(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let timing = &self.config.timing;
        let grace = timing.inter_monitoring + timing.sync_grace;
        let cycle = timing.inter_monitoring;
        let watch = self.watch(target);
        watch.silences = 0;
        watch.acting = None;
        let Some(priority) = watch.priority else {
            return self.end_program(cx, target);
        };
        watch.state = State::Waiting;
        let wait = if priority == Priority::P1 || watch.alone {
            cycle
        } else {
            grace
        };
        self.watch_after(cx, target, wait);
    }

    /// The target is cared for again: P1 examines it at once.
    pub(crate) fn watch_anew(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let watch = self.watch(target);
        watch.left_alone = None;
        if watch.state == State::Waiting && watch.priority == Some(Priority::P1) {
            self.begin_cycle(cx, target);
        }
    }

    fn trouble_confirmed(&mut self, cx: &mut Context<'_>, target: ServerId, trouble: Trouble) {
        if self.membership.is_leaving() || self.orders.leaves_alone(target) {
            return self.leave_alone(cx, target, trouble);
        }
        cx.out.note(Event::Confirmed { target, trouble });
        let watch = self.watches[target.index()];
        if watch.priority == Some(Priority::P1) || watch.silences > 0 {
            self.act(cx, target, trouble);
        } else if watch.alone {
            self.watch(target).fresh = Some(trouble);
            self.check_peer(cx, target);
        } else {
            if let (true, Some(peer)) = (self.config.is_guarded(), watch.acting.or(watch.peer))
                && trouble == Trouble::Service
            {
                let said = Some(self.said());
                cx.out.send(peer, Message::Agree { target, said });
            }
            self.defer(cx, target);
        }
        if self.config.has(Bug::ResumesTwice) && trouble == Trouble::Network {
            self.want(cx, target, Span::ZERO);
        }
        if trouble == Trouble::Network {
            self.target_is_absent(cx, target);
        }
    }

    /// The target manages nobody now, and serves nobody's function.
    fn target_is_absent(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.take_guests_of(cx, target);
        self.absent = self.absent.with(target);
        self.replan(cx);
    }

    /// Nothing is done about the target's trouble, but others count on what it did for them.
    fn leave_alone(&mut self, cx: &mut Context<'_>, target: ServerId, trouble: Trouble) {
        let is_news = self.note_left_alone(cx, target, trouble);
        self.pause(cx, target);
        if trouble == Trouble::Network && is_news {
            self.target_is_absent(cx, target);
        }
    }

    /// The other manager has found service trouble too.
    pub(crate) fn agree_received(
        &mut self,
        now: Time,
        from: ServerId,
        target: ServerId,
        said: Option<Sequence>,
    ) {
        let is_old = said.is_some_and(|said| self.is_overtaken(now, from, said));
        let watch = self.watch(target);
        if watch.peer == Some(from) && !is_old {
            watch.agreed = true;
        }
    }

    /// This server acts from now on.
    pub(crate) fn act(&mut self, cx: &mut Context<'_>, target: ServerId, trouble: Trouble) {
        self.take_up(cx, target);
        self.begin_recovery(cx, target, trouble);
        if self.orders.leaves_alone(target) {
            self.park(cx, target);
        }
    }

    /// The management program leaves the target to a background job that begins here.
    pub(crate) fn take_up(&mut self, cx: &mut Context<'_>, target: ServerId) {
        // An examination that is still under way would end a later wait with its result.
        self.cancel_job(cx, Owner::Watch, target);
        let watch = self.watch(target);
        watch.state = State::Acting;
        watch.acting = None;
        watch.silences = 0;
        self.timers.clear(Timer::Watch(target));
    }

    /// The other manager acts; this one waits for U.file, D.file, or silence.
    fn defer(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.cancel_job(cx, Owner::Watch, target);
        let timing = &self.config.timing;
        let wait = timing.inter_monitoring + timing.sync_grace;
        let watch = self.watch(target);
        watch.state = State::Deferring;
        watch.fresh = None;
        self.watch_after(cx, target, wait);
    }

    fn check_peer(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let watch = self.watch(target);
        watch.silences = watch.silences.saturating_add(1);
        let Some(manager) = watch.acting.or(watch.peer) else {
            return self.stand_in(cx, target);
        };
        watch.state = State::CheckingPeer;
        let action = Action::ExamineNetwork { target: manager };
        self.run(cx, Owner::Watch, target, action);
    }

    fn peer_checked(&mut self, cx: &mut Context<'_>, target: ServerId, outcome: Outcome) {
        let silences = self.watches[target.index()].silences;
        if outcome == Outcome::Ok && silences < SILENCES_MAX {
            self.defer(cx, target);
        } else {
            self.stand_in(cx, target);
        }
    }

    /// Nobody else acts. Unless it was seen just now, the state of the target may be old, so it is
    /// examined first; trouble found then is acted upon, since `silences` is above zero.
    fn stand_in(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let watch = self.watch(target);
        if let Some(manager) = watch.acting.take().or(watch.peer) {
            cx.out.note(Event::StoodIn { target, manager });
        }
        match self.watch(target).fresh.take() {
            Some(trouble) => self.act(cx, target, trouble),
            None if self.config.has(Bug::TrustsOldTrouble) => {
                self.act(cx, target, Trouble::Network);
            }
            None => self.examine(cx, target),
        }
    }

    pub(crate) fn sync_received(&mut self, cx: &mut Context<'_>, from: ServerId, target: ServerId) {
        let watch = self.watch(target);
        if watch.peer != Some(from) {
            return;
        }
        match watch.state {
            State::Acting => self.report_progress(cx, target),
            State::Off => {}
            State::Waiting | State::Deferring | State::CheckingPeer
                if watch.priority == Some(Priority::P2) =>
            {
                watch.alone = false;
                watch.silences = 0;
                self.cancel_job(cx, Owner::Watch, target);
                self.examine(cx, target);
            }
            _ => {
                watch.alone = false;
                watch.silences = 0;
            }
        }
    }

    pub(crate) fn progress_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        target: ServerId,
        (serving, restarting): (bool, bool),
        agreed: bool,
    ) {
        let watch = self.watches[target.index()];
        if watch.state == State::Acting {
            if self.outranked(from, target, serving) {
                cx.out.note(Event::Deferred { target, to: from });
                self.abandon_recovery(cx, target);
                self.defer_to(cx, target, from);
            } else if agreed {
                // The other learns at once that it is outranked. With different structures both
                // might think so, and answer each other for ever.
                self.report_progress(cx, target);
            }
        } else if watch.priority.is_some() {
            self.defer_to(cx, target, from);
            if restarting {
                self.take_guests_of(cx, target);
            }
        } else {
            self.watch(target).acting = Some(from);
        }
    }

    /// The target's own management side has reported: trouble that was confirmed, but not yet acted
    /// upon because the other manager had to be examined first, is old news.
    pub(crate) fn forget_fresh(&mut self, target: ServerId) {
        if self.config.has(Bug::KeepsOldTrouble) {
            return;
        }
        self.watch(target).fresh = None;
    }

    /// Of two servers at work on one target the one that serves goes on, else the one with the
    /// higher priority, else the nearest before the target.
    pub(crate) fn outranked(&self, other: ServerId, target: ServerId, serving: bool) -> bool {
        let managers = plan::managers(target, self.structure.members());
        let standing = |server: ServerId, serving: bool| {
            let distance = Reverse(server.distance(target));
            (serving, managers.rank(server), distance)
        };
        let serves = self.standbys[target.index()].is_serving();
        standing(other, serving) > standing(self.me(), serves)
            && !self.config.has(Bug::NobodyDefers)
    }

    /// The newcomer learns, before it manages anybody, for whom `from` acts.
    pub(crate) fn learn_acting(&mut self, cx: &mut Context<'_>, from: ServerId, acting: Members) {
        let members = self.structure.members();
        for target in acting
            .iter_after(self.me())
            .filter(|target| members.contains(*target))
        {
            match self.watches[target.index()].state {
                State::Off => self.watch(target).acting = Some(from),
                State::Acting => {}
                _ => self.defer_to(cx, target, from),
            }
        }
    }

    /// The background job has ended otherwise than by a plain recovery: the management program goes
    /// on as the structure now has it.
    pub(crate) fn release_target(&mut self, cx: &mut Context<'_>, target: ServerId) {
        if self.watches[target.index()].state == State::Acting {
            self.wait_in_step(cx, target);
        }
    }

    /// Nobody acts any more for servers that have been cut out.
    pub(crate) fn forget_acting(&mut self, removed: Members) {
        for target in removed.iter() {
            self.watch(target).acting = None;
        }
    }

    pub(crate) fn defer_to(&mut self, cx: &mut Context<'_>, target: ServerId, acting: ServerId) {
        let watch = self.watch(target);
        watch.alone = false;
        watch.silences = 0;
        watch.acting = Some(acting);
        self.defer(cx, target);
    }

    pub(crate) fn up_received(&mut self, cx: &mut Context<'_>, from: ServerId, target: ServerId) {
        let watch = self.watches[target.index()];
        if watch.state == State::Off {
            self.watch(target).acting = None;
            return;
        }
        let from_manager = watch.peer == Some(from) || watch.acting == Some(from);
        if from_manager && watch.state != State::Acting {
            self.cancel_job(cx, Owner::Watch, target);
            self.watch(target).alone = false;
            self.wait_in_step(cx, target);
            // It may be this host that runs the virtual server, on the other manager's request.
            if self.standbys[target.index()].is_awake() {
                self.hand_back(cx, target);
            }
        }
    }

    /// The background job ended well: both managers monitor in step again.
    pub(crate) fn recovered(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.tell_others(cx, Message::Up { target });
        // An examination that is still under way would end the wait with its result.
        self.cancel_job(cx, Owner::Watch, target);
        self.wait_in_step(cx, target);
    }
}

#[cfg(test)]
mod tests;
