//! The virtual servers on this host, and the virtual IP addresses that they hold.

mod ending;
mod failing;
mod guests;

use crate::event::Event;
use crate::id::ServerId;
use crate::io::{Action, Outcome, Owner};
use crate::lease::{Claim, Claims};
use crate::message::Message;
use crate::node::{Context, Node};
use crate::time::Span;
use crate::timer::Timer;

/// The virtual server of one function, on this host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Standby {
    state: State,
    pub(crate) job: Option<u16>,
    /// Whether it shall serve. The states follow at their own pace.
    wanted: bool,
    /// The real server gets the address once the virtual one has dropped it.
    giving_back: bool,
    /// It is to run beside the real server, which keeps the address until then.
    beside: bool,
    /// The manager that was asked to run the virtual server, since this host cannot.
    pub(crate) delegated: Option<ServerId>,
    /// There was no room for it; it gets the next that becomes free.
    refused: bool,
    /// It did not start or got no address here, and nobody else could be asked: it is tried again after a while.
    failed: bool,
    /// The entry of the structure that this virtual server acts on; a later one overrules it.
    since: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum State {
    #[default]
    Suspended,
    /// The background job's word has not been found yet.
    Called,
    /// It waits for the lease of its image.
    Claiming,
    Resuming,
    ColdStarting,
    /// It runs, and waits for the lease of its address.
    Poised,
    /// It runs, and the real server has been asked to drop the address; so often it will be asked again.
    Offering {
        left: u8,
    },
    Assigning,
    Serving,
    Releasing,
    /// The real server has been offered its address; the virtual one runs on until it took it.
    Returning,
    Suspending,
}

impl Standby {
    /// Whether it takes up memory of this host, or is about to.
    pub(crate) const fn is_awake(&self) -> bool {
        !matches!(self.state, State::Suspended)
    }

    /// Whether it shall serve, and its function is not about to go back.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(crate) const fn is_serving(&self) -> bool {
        matches!(self.state, State::Serving | State::Releasing)
    }

    /// Whether the real server gets the address as soon as this one has dropped it.
    pub(crate) const fn is_giving_back(&self) -> bool {
        self.giving_back
    }

    /// The manager that was asked to run it in this host's place.
    pub(crate) const fn delegate(&self) -> Option<ServerId> {
        self.delegated
    }

    /// Whether it is on its way from one state to another, and not for want of a lease.
    pub(crate) const fn is_waiting(&self) -> bool {
        !matches!(
            self.state,
            State::Suspended | State::Serving | State::Claiming | State::Poised
        )
    }

    /// Whether it lives on the lease of its image. One that is being suspended does not mind its end.
    pub(crate) const fn uses_image(&self) -> bool {
        !matches!(
            self.state,
            State::Suspended | State::Called | State::Claiming | State::Suspending
        )
    }

    /// Whether its address is being taken off it, alone or with it.
    pub(crate) const fn is_releasing(&self) -> bool {
        matches!(self.state, State::Releasing | State::Suspending)
    }

    /// Whether it is being suspended.
    pub(crate) const fn is_suspending(&self) -> bool {
        matches!(self.state, State::Suspending)
    }

    /// Whether it lives on the lease of its address.
    pub(crate) const fn uses_address(&self) -> bool {
        matches!(self.state, State::Assigning | State::Serving)
    }

    /// It was found serving when the management programs started.
    pub(crate) const fn found_serving(&mut self) {
        self.state = State::Serving;
        self.wanted = true;
    }
}

/// How often the real server is asked to drop its address before a planned hand-over has failed.
const OFFERS: u8 = 10;

impl Node {
    fn standby(&mut self, function: ServerId) -> &mut Standby {
        &mut self.standbys[function.index()]
    }

    fn standby_run(
        &mut self,
        cx: &mut Context<'_>,
        function: ServerId,
        state: State,
        action: Action,
    ) {
        self.standby(function).state = state;
        self.run(cx, Owner::Standby, function, action);
    }

    /// Has the virtual server of `function` take over, `delay` from now.
    pub(crate) fn want(&mut self, cx: &mut Context<'_>, function: ServerId, delay: Span) {
        let since = self.structure.changes(function);
        let standby = self.standby(function);
        standby.wanted = true;
        standby.giving_back = false;
        standby.beside = false;
        standby.delegated = None;
        standby.refused = false;
        standby.failed = false;
        standby.since = since;
        match standby.state {
            State::Suspended if delay > Span::ZERO => {
                standby.state = State::Called;
                self.timers.set(Timer::Standby(function), cx.now + delay);
                self.claim(cx, Claims::both(function));
            }
            State::Suspended => self.resume(cx, function),
            State::Returning | State::Offering { .. } => self.assign(cx, function),
            _ => {}
        }
    }

    /// Has the virtual server of `function` run beside its real server, which will be asked for the
    /// address then.
    pub(crate) fn want_beside(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let since = self.structure.changes(function);
        let standby = self.standby(function);
        *standby = Standby {
            wanted: true,
            beside: true,
            since,
            state: standby.state,
            job: standby.job,
            ..Standby::default()
        };
        match standby.state {
            State::Suspended => self.resume(cx, function),
            State::Returning => self.offer(cx, function, OFFERS),
            _ => {}
        }
    }

    fn offer(&mut self, cx: &mut Context<'_>, function: ServerId, left: u8) {
        self.standby(function).state = State::Offering { left };
        cx.out.send(function, Message::Offer);
        let wait = self.config.timing.poll_pause;
        self.timers.set(Timer::Standby(function), cx.now + wait);
    }

    /// The real server has dropped its address for this virtual server.
    pub(crate) fn address_dropped(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let standby = self.standby(function);
        if matches!(standby.state, State::Offering { .. }) {
            standby.beside = false;
            self.assign(cx, function);
        }
    }

    /// Gives the virtual server, which runs, its address as soon as there is a lease of it.
    fn assign(&mut self, cx: &mut Context<'_>, function: ServerId) {
        self.standby(function).state = State::Poised;
        self.timers.clear(Timer::Standby(function));
        self.claim(cx, Claims::both(function));
        if self.may(cx.now, Claim::Address(function)) {
            self.address_leased(cx, function);
        }
    }

    pub(crate) fn address_leased(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let is_poised = self.standbys[function.index()].state == State::Poised;
        if is_poised && !self.orders.is_frozen() {
            self.standby_run(cx, function, State::Assigning, Action::Assign { function });
        }
    }

    pub(crate) fn image_leased(&mut self, cx: &mut Context<'_>, function: ServerId) {
        if self.standbys[function.index()].state == State::Claiming {
            self.standby_run(cx, function, State::Resuming, Action::Resume { function });
        }
    }

    /// The lease of the address has ended, and the driver has taken it off.
    pub(crate) fn address_lost(&mut self, cx: &mut Context<'_>, function: ServerId) {
        if self.standbys[function.index()].uses_address() {
            self.standby_run(cx, function, State::Releasing, Action::Release { function });
        }
    }

    /// The lease of the image has ended, and the driver has stopped the virtual server.
    pub(crate) fn image_lost(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let standby = self.standbys[function.index()];
        if standby.uses_image() {
            if standby.uses_address() || standby.is_releasing() {
                // It goes with the virtual server.
                self.doubt(Claims::NONE.with(Claim::Address(function)));
            }
            self.suspend(cx, function);
        }
    }

    /// What waited for the end of a freeze goes on.
    pub(crate) fn standby_thawed(&mut self, cx: &mut Context<'_>, function: ServerId) {
        if self.standbys[function.index()].state == State::Poised {
            self.assign(cx, function);
        }
    }

    fn resume(&mut self, cx: &mut Context<'_>, function: ServerId) {
        if self.orders.is_frozen() {
            self.standby(function).state = State::Called;
            let wait = self.config.timing.poll_pause;
            return self.timers.set(Timer::Standby(function), cx.now + wait);
        }
        let others = self.view().awake().without(function);
        if others.len() < usize::from(self.config.guests_max) {
            let standby = self.standby(function);
            standby.state = State::Claiming;
            let needed = if standby.beside {
                Claims::NONE.with(Claim::Image(function))
            } else {
                Claims::both(function)
            };
            self.claim(cx, needed);
            if self.may(cx.now, Claim::Image(function)) {
                self.image_leased(cx, function);
            }
        } else {
            cx.out.note(Event::NoRoom { function });
            self.give_up(cx, Claims::both(function));
            self.delegate(cx, function);
            self.standby(function).refused = !self.standbys[function.index()].beside;
        }
    }

    pub(crate) fn take_received(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let is_other = function != self.me() && function.index() < self.config.size();
        if is_other && !self.orders.is_frozen() && !self.membership.is_leaving() {
            self.want(cx, function, Span::ZERO);
        }
    }

    pub(crate) fn standby_expired(&mut self, cx: &mut Context<'_>, function: ServerId) {
        match self.standbys[function.index()].state {
            State::Called => self.resume(cx, function),
            State::Returning => self.suspend(cx, function),
            State::Offering { left: 0 } => self.end_hand_over(cx, function),
            State::Offering { left } => self.offer(cx, function, left - 1),
            _ => self.standby_done(cx, function, Outcome::Failed),
        }
    }

    pub(crate) fn standby_done(
        &mut self,
        cx: &mut Context<'_>,
        function: ServerId,
        outcome: Outcome,
    ) {
        let done = outcome == Outcome::Ok;
        match self.standbys[function.index()].state {
            State::Resuming | State::ColdStarting if done => self.started(cx, function),
            // Its function has gone back meanwhile.
            State::Resuming if !self.standbys[function.index()].wanted => {
                self.suspend(cx, function);
            }
            State::Resuming => {
                self.standby_run(
                    cx,
                    function,
                    State::ColdStarting,
                    Action::ColdStart { function },
                );
            }
            State::ColdStarting => {
                cx.out.note(Event::VirtualServerFailed { function });
                self.doubt(Claims::NONE.with(Claim::Image(function)));
                self.give_up(cx, Claims::both(function));
                self.delegate_failed(cx, function);
                self.try_again(cx, function);
            }
            State::Assigning if done => self.assigned(cx, function),
            State::Assigning => {
                cx.out.note(Event::VirtualServerFailed { function });
                self.doubt(Claims::NONE.with(Claim::Address(function)));
                if self.is_handing_over(function) {
                    self.end_hand_over(cx, function);
                } else {
                    self.delegate_failed(cx, function);
                }
                self.suspend(cx, function);
            }
            State::Releasing => self.released(cx, function, done),
            State::Suspending => {
                self.taken_off(Claims::both(function), done);
                self.suspended(cx, function);
            }
            State::Suspended
            | State::Called
            | State::Claiming
            | State::Poised
            | State::Offering { .. }
            | State::Serving
            | State::Returning => {}
        }
    }

    fn started(&mut self, cx: &mut Context<'_>, function: ServerId) {
        cx.out.note(Event::VirtualServerStarted { function });
        let standby = self.standbys[function.index()];
        if !standby.wanted {
            self.suspend(cx, function);
        } else if standby.beside {
            self.offer(cx, function, OFFERS);
        } else {
            self.assign(cx, function);
        }
    }

    fn assigned(&mut self, cx: &mut Context<'_>, function: ServerId) {
        self.standby(function).state = State::Serving;
        cx.out.note(Event::Served { function });
        if !self.standbys[function.index()].wanted {
            return self.unwant(cx, function);
        }
        if self.recoveries[function.index()].is_active() {
            self.report_progress(cx, function);
            self.handed_over(cx, function);
        } else {
            self.host_for_good(cx, function);
        }
    }

    /// A virtual server that serves without a recovery of its real server under way is the
    /// function's host.
    fn host_for_good(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let me = self.me();
        let is_elsewhere = self.structure.host(function) != Some(me);
        if is_elsewhere && !self.structure.contains(function) && !self.orders.is_frozen() {
            self.change_host(cx, function, Some(me));
            self.standby(function).since = self.structure.changes(function);
            self.broadcast_structure(cx);
        }
    }
}
