//! How a virtual server stops serving: its address goes off, back to the real server or not, and it is suspended.

use super::State;
use crate::bug::Bug;
use crate::event::Event;
use crate::id::ServerId;
use crate::io::Action;
use crate::lease::{Claim, Claims};
use crate::message::Message;
use crate::node::{Context, Node};
use crate::timer::Timer;

impl Node {
    /// Drops the address of `function` and suspends its virtual server.
    pub(crate) fn unwant(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let standby = self.standby(function);
        standby.wanted = false;
        standby.refused = false;
        standby.failed = false;
        match standby.state {
            State::Called | State::Claiming => {
                standby.state = State::Suspended;
                self.timers.clear(Timer::Standby(function));
                self.give_up(cx, Claims::both(function));
            }
            State::Poised | State::Offering { .. } => self.suspend(cx, function),
            State::Serving => {
                if self.config.has(Bug::GivesUpEarly) {
                    self.give_up_address(cx, function);
                }
                self.standby_run(cx, function, State::Releasing, Action::Release { function });
            }
            _ => {}
        }
    }

    /// The address is not on the virtual server, and shall not be.
    pub(super) fn give_up_address(&mut self, cx: &mut Context<'_>, function: ServerId) {
        self.give_up(cx, Claims::NONE.with(Claim::Address(function)));
    }

    /// Gives `function` back to its real server, which has been found healthy.
    pub(crate) fn hand_back(&mut self, cx: &mut Context<'_>, function: ServerId) {
        let standby = self.standby(function);
        if standby.delegated.is_some() {
            // The other manager runs the virtual server and hands back when it gets U.file.
            standby.delegated = None;
            return;
        }
        match standby.state {
            State::Assigning | State::Serving | State::Releasing => {
                standby.giving_back = true;
                if self.config.has(Bug::GivesBackEarly) {
                    self.give_back(cx, function);
                }
            }
            _ => {
                self.give_up_address(cx, function);
                self.give_back(cx, function);
            }
        }
        self.unwant(cx, function);
    }

    pub(crate) fn give_back(&mut self, cx: &mut Context<'_>, function: ServerId) {
        self.standby(function).giving_back = false;
        cx.out.send(
            function,
            Message::GiveBack {
                structure: self.structure,
            },
        );
    }

    pub(super) fn released(&mut self, cx: &mut Context<'_>, function: ServerId, dropped: bool) {
        let standby = self.standbys[function.index()];
        self.taken_off(Claims::NONE.with(Claim::Address(function)), dropped);
        if !dropped {
            // An address that cannot be taken off goes with the virtual server's suspension; only
            // then may the real server have it.
            return self.suspend(cx, function);
        }
        cx.out.note(Event::Released { function });
        if standby.wanted {
            self.assign(cx, function);
        } else if standby.giving_back {
            self.give_up_address(cx, function);
            self.give_back(cx, function);
            self.standby(function).state = State::Returning;
            let wait = self.config.timing.examination_max;
            self.timers.set(Timer::Standby(function), cx.now + wait);
        } else {
            self.suspend(cx, function);
        }
    }

    pub(crate) fn resumed_received(&mut self, cx: &mut Context<'_>, from: ServerId) {
        if self.standbys[from.index()].state == State::Returning {
            self.timers.clear(Timer::Standby(from));
            self.suspend(cx, from);
        }
        self.refused(cx, from);
    }

    pub(super) fn suspend(&mut self, cx: &mut Context<'_>, function: ServerId) {
        self.standby_run(
            cx,
            function,
            State::Suspending,
            Action::Suspend { function },
        );
    }

    pub(super) fn suspended(&mut self, cx: &mut Context<'_>, function: ServerId) {
        cx.out.note(Event::Suspended { function });
        let standby = self.standby(function);
        standby.state = State::Suspended;
        if standby.wanted {
            self.resume(cx, function);
        } else {
            let giving_back = standby.giving_back;
            self.give_up(cx, Claims::both(function));
            if giving_back {
                self.give_back(cx, function);
            }
            self.try_again(cx, function);
            if !self.membership.is_leaving() {
                self.use_room(cx);
            } else if !giving_back {
                self.pass_on(cx, function);
            }
        }
    }
}
