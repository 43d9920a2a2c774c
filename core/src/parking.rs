//! Operators' orders at this server, and background jobs that wait by order or policy: a parked job
//! leaves the function where it is, goes on examining the server, and tells the other managers that it
//! is at work, so that nobody else begins anything.

use crate::config::Failback;
use crate::event::{Event, Trouble};
use crate::id::{Members, ServerId, ServiceSet};
use crate::io::{Action, Outcome, Owner};
use crate::message::Message;
use crate::node::{Context, Node};
use crate::orders::{Order, Orders};
use crate::recovery::State;
use crate::time::{Span, Time};
use crate::timer::Timer;

/// How often a server has had to be recovered lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flaps {
    count: u8,
    /// When it was recovered last, in whole seconds: windows are minutes, and nodes are to be small.
    last_s: u32,
}

impl Flaps {
    fn last(self) -> Time {
        Time::ZERO + Span::from_secs(u64::from(self.last_s))
    }

    fn at(count: u8, last: Time) -> Self {
        let whole = last.since(Time::ZERO).as_nanos() / Span::from_secs(1).as_nanos();
        let last_s = u32::try_from(whole).unwrap_or(u32::MAX);
        Self { count, last_s }
    }

    /// The same with `base` in the place of the instant `now`; what is longer ago than `window` is
    /// forgotten.
    pub(crate) fn rebased(self, now: Time, base: Time, window: Option<Span>) -> Self {
        match window {
            Some(window) if self.count > 0 && now < self.last() + window => {
                Self::at(self.count, self.last().rebased(now, base))
            }
            _ => Self::default(),
        }
    }
}

impl Node {
    /// An operator orders something, at this server.
    pub(crate) fn order(&mut self, cx: &mut Context<'_>, order: Order) {
        // One that has just started may have forgotten what stands, and would be overruled.
        if !self.membership.is_managing() {
            return;
        }
        let orders = self.orders.with(order, self.config.size());
        self.adopt_orders(cx, orders);
        self.tell_orders(cx);
    }

    pub(crate) fn tell_orders(&self, cx: &mut Context<'_>) {
        let orders = self.orders;
        self.tell_others(cx, Message::Orders { orders });
    }

    /// Another server's memory of the orders. One that has missed some hears of them in return.
    pub(crate) fn orders_received(&mut self, cx: &mut Context<'_>, from: ServerId, heard: &Orders) {
        self.adopt_orders(cx, self.orders.merged(heard));
        if self.orders != *heard {
            let orders = self.orders;
            cx.out.send(from, Message::Orders { orders });
        }
    }

    fn adopt_orders(&mut self, cx: &mut Context<'_>, orders: Orders) {
        let before = self.orders;
        self.orders = orders;
        let me = self.me();
        let mut changed = Members::NONE;
        for server in self.others().chain([me]) {
            if !orders.differ(&before, server) {
                continue;
            }
            changed = changed.with(server);
            cx.out.note(Event::Ordered {
                server,
                maintenance: orders.maintained().contains(server),
                frozen: orders.is_frozen(),
                away: orders.sends_away(server),
            });
        }
        if self.membership.is_managing() && !changed.is_empty() {
            for target in changed.without(me).iter_after(me) {
                self.follow_orders(cx, target, &before);
                self.standby_thawed(cx, target);
            }
            if changed.contains(me) {
                self.membership.declined = Members::NONE;
            }
            self.begin_orders(cx);
            self.reconcile_guests(cx);
        }
    }

    /// This server manages, and orders stand: it repeats them, and obeys those about itself.
    pub(crate) fn begin_orders(&mut self, cx: &mut Context<'_>) {
        if self.orders.is_any() {
            self.begin_beat(cx);
        }
        self.invite(cx);
    }

    /// The orders for `target` have changed.
    fn follow_orders(&mut self, cx: &mut Context<'_>, target: ServerId, before: &Orders) {
        let stays = self.orders.leaves_alone(target);
        if self.recoveries[target.index()].is_active() {
            if stays {
                self.park(cx, target);
            } else {
                self.unpark(cx, target);
            }
        } else if before.leaves_alone(target) && !stays {
            self.watch_anew(cx, target);
        }
    }

    /// Until when the function of `target` shall stay where it is, counted from its recovery now.
    fn hold_until(&mut self, now: Time, target: ServerId) -> Time {
        let policy = match self.config.failback {
            Failback::Automatic | Failback::Manual => Span::ZERO,
            Failback::Delayed(delay) => delay,
        };
        now + policy.max(self.damped(now, target))
    }

    /// Counts a recovery of `target`, and says for how long the server is held off after it.
    fn damped(&mut self, now: Time, target: ServerId) -> Span {
        let Some(damping) = self.config.damping else {
            return Span::ZERO;
        };
        let flaps = &mut self.flaps[target.index()];
        let is_over = now >= flaps.last() + damping.window;
        let before = if is_over { 0 } else { flaps.count };
        *flaps = Flaps::at(before.saturating_add(1), now);
        match flaps.count.checked_sub(damping.recoveries_max) {
            None | Some(0) => Span::ZERO,
            Some(times) => {
                let doubled = 1 << (u32::from(times) - 1).min(32);
                damping.hold.times(doubled).min(damping.hold_max)
            }
        }
    }

    /// The target has been found healthy: whether its function stays where it is all the same. The
    /// first time after trouble says from when on it has to stay healthy.
    pub(crate) fn stays_away(&mut self, cx: &mut Context<'_>, target: ServerId) -> bool {
        if !self.recoveries[target.index()].reported {
            cx.out.note(Event::Recovered { target });
            let until = self.hold_until(cx.now, target);
            let recovery = self.recovery(target);
            recovery.reported = true;
            recovery.hold_until = until;
        }
        let is_held = cx.now < self.recoveries[target.index()].hold_until
            || self.config.failback == Failback::Manual
            || self.orders.leaves_alone(target);
        self.orders.is_frozen()
            || self.orders.sends_away(target)
            || is_held && !self.orders.sends_back(target)
    }

    /// This server has its function: an order for that is spent.
    pub(crate) fn order_spent(&mut self, cx: &mut Context<'_>) {
        let me = self.me();
        if self.orders.sends_back(me) {
            self.adopt_orders(cx, self.orders.handed_back(me));
            self.tell_orders(cx);
        }
    }

    /// Nothing more is done for `target` until [`Node::stays_away`] says otherwise, but to examine it.
    pub(crate) fn park(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let state = self.recoveries[target.index()].state;
        if state == State::HandingOver || state == State::Parked {
            return;
        }
        if state != State::Watching {
            cx.out.note(Event::Parked { target });
        }
        self.cancel_job(cx, Owner::Recovery, target);
        let is_member = self.structure.contains(target);
        let recovery = self.recovery(target);
        recovery.state = State::Parked;
        if is_member {
            recovery.forget_means();
        }
        let hold = recovery.hold_until;
        let next = cx.now + self.config.timing.inter_monitoring;
        let next = if hold > cx.now { next.min(hold) } else { next };
        self.timers.set(Timer::Recovery(target), next);
    }

    /// What kept `target` parked may have gone: it is looked at anew at once.
    pub(crate) fn unpark(&mut self, cx: &mut Context<'_>, target: ServerId) {
        if self.recoveries[target.index()].state == State::Parked {
            self.timers.set(Timer::Recovery(target), cx.now);
        }
    }

    /// A parked server is examined.
    pub(crate) fn watch_parked(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.recovery(target).state = State::Watching;
        let action = Action::ExamineServices { target };
        self.run(cx, Owner::Recovery, target, action);
    }

    /// A parked server has been examined.
    pub(crate) fn parked_examined(
        &mut self,
        cx: &mut Context<'_>,
        target: ServerId,
        outcome: Outcome,
    ) {
        let trouble = match outcome {
            Outcome::Services(failing) if failing.is_empty() => {
                self.watch(target).left_alone = None;
                return if self.stays_away(cx, target) {
                    self.park(cx, target);
                } else {
                    self.report(cx, target, true);
                };
            }
            // What a server that is going down still answers says nothing of what it will need.
            Outcome::Services(_) if !self.recoveries[target.index()].leaving => Trouble::Service,
            _ => Trouble::Network,
        };
        if self.orders.leaves_alone(target) {
            self.note_left_alone(cx, target, trouble);
            return self.park(cx, target);
        }
        cx.out.note(Event::Detected { target, trouble });
        cx.out.note(Event::Confirmed { target, trouble });
        let until = cx.now + self.config.timing.judgement_max;
        let failing = match outcome {
            Outcome::Services(failing) => failing,
            _ => ServiceSet::from_bits(u8::MAX),
        };
        let recovery = self.recovery(target);
        recovery.reported = false;
        recovery.until = until;
        recovery.failing = failing;
        recovery.network_normal = trouble == Trouble::Service;
        if trouble == Trouble::Network && self.structure.contains(target) {
            self.want(cx, target, Span::ZERO);
        }
        self.escalate(cx, target);
    }

    /// Trouble that orders forbid to do anything about. It is noted once.
    ///
    /// Tells whether it was news.
    pub(crate) fn note_left_alone(
        &mut self,
        cx: &mut Context<'_>,
        target: ServerId,
        trouble: Trouble,
    ) -> bool {
        let is_news = self.watch(target).left_alone.replace(trouble) != Some(trouble);
        if is_news {
            cx.out.note(Event::LeftAlone { target, trouble });
        }
        is_news
    }
}
