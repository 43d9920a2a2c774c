//! Power fencing in guarded groups: a server in network trouble that has such a device is switched
//! surely off, so that nobody has to wait for the end of what it holds.
//!
//! A manager that cannot reach a server knows only that. So it first asks all others, and has the power
//! switched off only when a majority of all voters, itself among them, has missed two of the server's
//! questions in a row. Such a server has no majority's votes to renew its leases with, so it is about to
//! lose what it holds in any case. A server that most of the others hear is left alone, whoever cannot
//! reach it. So is one that wants nothing, and so asks for nothing: its silence says nothing. The server itself is
//! asked too, and answers with a question of its own if it is there again.

use super::State;
use crate::bug::Bug;
use crate::event::{Event, Means};
use crate::id::{Members, ServerId};
use crate::io::{Action, Owner};
use crate::message::Message;
use crate::node::{Context, Node};
use crate::time::{Life, Span, Time};
use crate::timer::Timer;

/// A server that is there again has so long to say so before its power is switched off: longer than a
/// message there and back takes, and short beside the device's work.
const ANSWER_MAX: Span = Span::from_millis(20);

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

    pub(crate) fn doubt_received(
        &mut self,
        cx: &mut Context<'_>,
        from: ServerId,
        target: ServerId,
    ) {
        if !self.config.is_guarded() {
            return;
        }
        if target == self.me() {
            self.ask_for_leases(cx);
        } else if let Some(life) = self.unheard(cx.now, target) {
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
        let recovery = self.recovery(target);
        if recovery.state != State::Asking {
            return;
        }
        recovery.unheard_by = recovery.unheard_by.with(from);
        recovery.life = recovery.life.max(Some(life));
        if self.is_fit_to_fence(cx.now, target) {
            let soon = cx.now + ANSWER_MAX;
            let due = self.timers.due(Timer::Recovery(target));
            let next = due.map_or(soon, |due| due.min(soon));
            self.timers.set(Timer::Recovery(target), next);
        }
    }

    /// Whether a majority has not heard the target, this server among them even now.
    fn is_fit_to_fence(&self, now: Time, target: ServerId) -> bool {
        let needed = if self.config.has(Bug::FencesAlone) {
            1
        } else {
            self.config.majority()
        };
        let is_unheard = self.unheard(now, target).is_some();
        is_unheard && self.recoveries[target.index()].unheard_by.len() >= needed
    }

    /// Nobody else answers any more, nor does the target.
    pub(super) fn asked_long_enough(&mut self, cx: &mut Context<'_>, target: ServerId) {
        if self.is_fit_to_fence(cx.now, target) {
            self.begin_means(cx, target, Means::Fence, State::Fencing);
            self.run(cx, Owner::Recovery, target, Action::Fence { target });
        } else {
            self.escalate(cx, target);
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

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::config::{Config, Safety};
    use crate::event::Trouble;
    use crate::io::{Input, Outbox, Output};
    use crate::lease::{Claim, Claims};
    use crate::time::Sequence;
    use crate::timing::Timing;

    fn s(number: usize) -> ServerId {
        ServerId::new(number - 1).unwrap()
    }

    fn ms(ms: u64) -> Time {
        Time::ZERO + Span::from_millis(ms)
    }

    fn step(node: &mut Node, at: Time, input: Input) -> Vec<Output> {
        let mut outbox = Outbox::new();
        let mut step = node.step(at, input, &mut outbox);
        let outputs = step.by_ref().collect();
        let _ = step.finish();
        outputs
    }

    fn heard(node: &mut Node, at: Time, from: ServerId, message: Message) -> Vec<Output> {
        step(node, at, Input::Message { from, message })
    }

    /// The first of three servers, which manages the second, just started.
    fn node() -> Node {
        let second = Span::from_secs(1);
        let timing = Timing {
            inter_monitoring: second.times(100),
            reexamination_wait: second,
            judgement_max: second.times(100),
            hand_off: Span::from_millis(200),
            poll_pause: second,
            sync_grace: second,
            join_wait: second,
            examination_max: second.times(100),
            job_max: second.times(100),
            lease_term: second.times(6),
            lease_margin: Span::from_millis(600),
        };
        let config = Config::new(s(1), 3, 2, timing).unwrap();
        let config = config.with_safety(Safety::Guarded);
        let mut node = Node::new(config.with_fenceable(Members::first(3)));
        let start = Input::Start {
            holding: true,
            serving: Members::NONE,
            silent: Span::MAX,
            left: Span::MAX,
        };
        step(&mut node, ms(0), start);
        node
    }

    /// The second server asks for so much at `at`.
    fn asks(node: &mut Node, at: Time, claims: Claims) {
        let asked = Sequence {
            life: Some(Life::new(1)),
            stamp: at.into(),
        };
        heard(node, at, s(2), Message::Renew { claims, asked });
    }

    fn address() -> Claims {
        Claims::NONE.with(Claim::Address(s(2)))
    }

    fn says_unheard(node: &mut Node, at: Time) -> bool {
        let outputs = heard(node, at, s(3), Message::Doubt { target: s(2) });
        let is_unheard = |output: &Output| {
            let message = match output {
                Output::Send { message, .. } => Some(*message),
                _ => None,
            };
            matches!(message, Some(Message::Unheard { .. }))
        };
        outputs.iter().any(is_unheard)
    }

    #[test]
    fn only_who_would_have_asked_counts_as_unheard() {
        let mut node = node();
        assert!(!says_unheard(&mut node, ms(900)), "it has never asked");
        asks(&mut node, ms(1_000), address());
        assert!(!says_unheard(&mut node, ms(4_900)));
        assert!(says_unheard(&mut node, ms(5_000)));
        asks(&mut node, ms(6_000), Claims::NONE);
        assert!(!says_unheard(&mut node, ms(60_000)), "it wants nothing");
        asks(&mut node, ms(61_000), address());
        let structure = node.view().structure();
        heard(&mut node, ms(62_000), s(2), Message::Hello { structure });
        assert!(!says_unheard(&mut node, ms(70_000)), "it has just started");
        asks(&mut node, ms(71_000), address());
        assert!(says_unheard(&mut node, ms(75_000)));
    }

    #[test]
    fn who_is_doubted_asks_at_once() {
        let mut node = node();
        let outputs = heard(&mut node, ms(500), s(3), Message::Doubt { target: s(1) });
        let asked = |output: &&Output| {
            let message = match output {
                Output::Send { message, .. } => Some(*message),
                _ => None,
            };
            matches!(message, Some(Message::Renew { .. }))
        };
        assert_eq!(outputs.iter().filter(asked).count(), 2, "{outputs:?}");
    }

    /// Whether the second server is switched off that has not asked since 1 s, is doubted at 10 s, unheard by the
    /// third one too, and does `says` after so long.
    fn is_fenced(says_after: Option<Span>) -> bool {
        let mut node = node();
        asks(&mut node, ms(1_000), address());
        let mut outbox = Outbox::new();
        let mut cx = Context {
            now: ms(9_800),
            out: &mut outbox,
        };
        node.act(&mut cx, s(2), Trouble::Network);
        outbox.clear();
        step(&mut node, ms(10_000), Input::Deadline);
        let (target, life) = (s(2), Life::new(1));
        let unheard = Message::Unheard { target, life };
        let mut outputs = heard(&mut node, ms(10_001), s(3), unheard);
        if let Some(after) = says_after {
            asks(&mut node, ms(10_001) + after, address());
        }
        outputs.extend(step(&mut node, ms(10_021), Input::Deadline));
        outputs.iter().any(|output| {
            matches!(output, Output::Run { action, .. } if *action == Action::Fence { target })
        })
    }

    #[test]
    fn who_answers_is_not_switched_off() {
        assert!(is_fenced(None));
        assert!(!is_fenced(Some(Span::from_millis(1))));
    }
}
