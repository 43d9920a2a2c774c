//! The background job: bring the real server back, or judge that it cannot be.
//!
//! It is never told the kind of trouble. It tries one means after the other, each at most once, and
//! examines what became of it.

mod beat;
mod fence;
mod returning;

use crate::bug::Bug;
use crate::event::{Event, Means, Trouble};
use crate::id::{Members, ServerId, ServiceSet};
use crate::io::{Action, Outcome, Owner};
use crate::lease::Claim;
use crate::message::Message;
use crate::node::{Context, Node};
use crate::time::{Life, Span, Time};
use crate::timer::Timer;

/// One background job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Recovery {
    pub(crate) state: State,
    pub(crate) job: Option<u16>,
    tried: Tried,
    /// The server has said that it goes down on purpose.
    pub(crate) leaving: bool,
    /// Its recovery has been noted; what is left is to give its function back.
    pub(crate) reported: bool,
    /// Until when its function stays where it is.
    pub(crate) hold_until: Time,
    /// What the last examination said of the network.
    pub(crate) network_normal: bool,
    /// The services that the last examination found failing.
    pub(crate) failing: ServiceSet,
    /// The target's own management side has reported since the last means was tried.
    returned: bool,
    /// The target has come back, and its services may still be starting.
    starting: bool,
    /// Until when the present means may still work.
    pub(crate) until: Time,
    /// The servers that have not heard the target lately.
    pub(crate) unheard_by: Members,
    /// The last life in which one of those has heard it.
    life: Option<Life>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum State {
    #[default]
    Idle,
    /// The job is being launched.
    Launching,
    /// The service programs are being restarted.
    RestartingServices,
    /// The server is to be restarted once this server has the lease of its address.
    Claiming,
    /// The services are examined once more, now that nothing but that is in the way of a restart.
    Rechecking,
    /// The server has been told to restart.
    RestartingServer,
    /// The server has been told to power on.
    PoweringOn,
    /// The others are asked whether they hear the target.
    Asking,
    /// The target's power is being switched off.
    Fencing,
    /// Pause between two examinations of a server that is expected back.
    Pausing,
    /// Examination of the network of a server that is expected back.
    Polling,
    /// Wait before the services are examined again.
    Settling,
    /// The services are examined again.
    Examining,
    /// up.file or down.file has been written, the management program has not found it yet.
    Reporting { recovered: bool },
    /// The virtual server is to take the function of the healthy target over, as planned.
    HandingOver,
    /// Nothing is done for the time being; see `parking`.
    Parked,
    /// A parked target is examined.
    Watching,
}

/// Which means have been tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Tried {
    services: bool,
    restart: bool,
    wait: bool,
    power: bool,
    fence: bool,
}

impl Recovery {
    pub(crate) const fn is_active(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    /// The same job with `base` in the place of the instant `now`. How long ago a wait ended makes
    /// no difference to what is done next, so one that has ended ends now.
    pub(crate) fn rebase(&mut self, now: Time, base: Time) {
        if self.is_active() {
            self.until = self.until.max(now).rebased(now, base);
            self.hold_until = self.hold_until.max(now).rebased(now, base);
        }
    }

    /// The job of a planned hand-over.
    pub(crate) fn handing_over(leaving: bool) -> Self {
        Self {
            state: State::HandingOver,
            network_normal: true,
            leaving,
            ..Self::default()
        }
    }

    /// All means may be tried again.
    pub(crate) fn forget_means(&mut self) {
        self.tried = Tried::default();
    }
}

impl Node {
    pub(crate) fn recovery(&mut self, target: ServerId) -> &mut Recovery {
        &mut self.recoveries[target.index()]
    }

    fn recovery_after(&mut self, cx: &Context<'_>, target: ServerId, wait: Span) {
        self.timers.set(Timer::Recovery(target), cx.now + wait);
    }

    /// Launches the background job for confirmed trouble.
    pub(crate) fn begin_recovery(
        &mut self,
        cx: &mut Context<'_>,
        target: ServerId,
        trouble: Trouble,
    ) {
        let until = cx.now + self.config.timing.judgement_max;
        if self.view().recovering().is_empty() && self.outside().is_empty() {
            self.timers
                .set(Timer::Beat, cx.now + self.config.timing.inter_monitoring);
        }
        *self.recovery(target) = Recovery {
            state: State::Launching,
            network_normal: trouble == Trouble::Service,
            failing: ServiceSet::from_bits(u8::MAX),
            until,
            // A server whose services are well needs none of the means: it is waited for.
            tried: Tried {
                services: trouble == Trouble::Management,
                restart: trouble == Trouble::Management,
                power: trouble == Trouble::Management,
                wait: false,
                fence: trouble == Trouble::Management,
            },
            ..Recovery::default()
        };
        let launch = self.config.timing.hand_off;
        self.recovery_after(cx, target, launch);
        self.report_progress(cx, target);
    }

    /// Examines a server that was cut out and has reported itself; it is taken back when healthy.
    /// Its services may be restarted for that, but nothing more is done to it.
    pub(crate) fn begin_readmission(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let tried = Tried {
            services: false,
            restart: true,
            wait: true,
            power: true,
            fence: true,
        };
        *self.recovery(target) = Recovery {
            state: State::Settling,
            until: cx.now,
            tried,
            network_normal: true,
            ..Recovery::default()
        };
        let wait = self.config.timing.reexamination_wait;
        self.recovery_after(cx, target, wait);
    }

    /// Gives the target up to another manager: nothing of this job goes on.
    pub(crate) fn abandon_recovery(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.end_recovery(cx, target);
        if !self.config.has(Bug::AbandonsRunning) {
            self.unwant(cx, target);
        }
    }

    pub(crate) fn end_recovery(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.cancel_job(cx, Owner::Recovery, target);
        self.timers.clear(Timer::Recovery(target));
        *self.recovery(target) = Recovery::default();
    }

    pub(crate) fn recovery_expired(&mut self, cx: &mut Context<'_>, target: ServerId) {
        match self.recoveries[target.index()].state {
            State::Idle => {}
            State::HandingOver => self.end_hand_over(cx, target),
            State::Parked => self.watch_parked(cx, target),
            State::Launching => self.launched(cx, target),
            State::Pausing => self.poll(cx, target),
            State::Claiming => self.refused(cx, target),
            State::Asking => self.asked_long_enough(cx, target),
            State::Polling => self.polled(cx, target, Outcome::Failed),
            State::Settling => {
                self.recovery(target).state = State::Examining;
                self.run(
                    cx,
                    Owner::Recovery,
                    target,
                    Action::ExamineServices { target },
                );
            }
            State::Reporting { recovered: true } => self.up_file_found(cx, target),
            State::Reporting { recovered: false } => self.down_file_found(cx, target),
            State::RestartingServices
            | State::RestartingServer
            | State::PoweringOn
            | State::Fencing
            | State::Rechecking
            | State::Watching
            | State::Examining => self.recovery_done(cx, target, Outcome::Failed),
        }
    }

    pub(crate) fn recovery_done(
        &mut self,
        cx: &mut Context<'_>,
        target: ServerId,
        outcome: Outcome,
    ) {
        let done = outcome == Outcome::Ok;
        match self.recoveries[target.index()].state {
            State::RestartingServices if done || self.config.is_guarded() => {
                // A command that was not taken says nothing of the services; they are looked at.
                self.settle(cx, target, false);
            }
            State::RestartingServices => self.escalate(cx, target),
            State::RestartingServer | State::PoweringOn if done => self.await_return(cx, target),
            State::RestartingServer => {
                // A server that takes no command any more has gone away meanwhile.
                self.recovery(target).network_normal = false;
                self.escalate(cx, target);
            }
            State::Fencing if done => self.fenced(cx, target),
            State::PoweringOn | State::Fencing => self.escalate(cx, target),
            State::Polling => self.polled(cx, target, outcome),
            State::Examining => self.reexamined(cx, target, outcome),
            State::Watching => self.parked_examined(cx, target, outcome),
            State::Rechecking => match outcome {
                Outcome::Services(failing) if !failing.is_empty() => {
                    self.restart_now(cx, target);
                }
                _ => self.reexamined(cx, target, outcome),
            },
            State::Idle
            | State::Launching
            | State::Claiming
            | State::Asking
            | State::Pausing
            | State::Settling
            | State::HandingOver
            | State::Parked
            | State::Reporting { .. } => {}
        }
    }

    fn launched(&mut self, cx: &mut Context<'_>, target: ServerId) {
        if !self.recoveries[target.index()].network_normal {
            self.want(cx, target, Span::ZERO);
        }
        self.escalate(cx, target);
    }

    /// Tries the next means that fits what was last seen, or gives up.
    pub(crate) fn escalate(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let Recovery {
            tried,
            network_normal,
            failing,
            ..
        } = self.recoveries[target.index()];
        if network_normal && !tried.services {
            self.recovery(target).tried.services = true;
            self.begin_means(
                cx,
                target,
                Means::RestartServices,
                State::RestartingServices,
            );
            let action = Action::RestartServices { target, failing };
            self.run(cx, Owner::Recovery, target, action);
        } else if network_normal && !tried.restart {
            self.restart_server(cx, target);
        } else if !network_normal && !tried.wait && self.may_fence(target) {
            self.ask_whether_heard(cx, target);
        } else if !network_normal && !tried.wait {
            cx.out.note(Event::Tried {
                target,
                means: Means::AwaitReturn,
            });
            self.recovery(target).tried.wait = true;
            self.watch_for_return(cx, target);
        } else if !network_normal && !tried.power {
            self.recovery(target).tried.power = true;
            self.begin_means(cx, target, Means::PowerOn, State::PoweringOn);
            self.run(cx, Owner::Recovery, target, Action::PowerOn { target });
        } else {
            self.report(cx, target, false);
        }
    }

    /// The target keeps its address, or nobody answers: what is wrong with it is looked at anew.
    pub(crate) fn refused(&mut self, cx: &mut Context<'_>, target: ServerId) {
        if self.recoveries[target.index()].state == State::Claiming {
            self.unwant(cx, target);
            self.settle(cx, target, false);
        }
    }

    fn begin_means(&mut self, cx: &mut Context<'_>, target: ServerId, means: Means, state: State) {
        cx.out.note(Event::Tried { target, means });
        let recovery = self.recovery(target);
        recovery.state = state;
        recovery.returned = false;
    }

    fn restart_server(&mut self, cx: &mut Context<'_>, target: ServerId) {
        // The management program learns that the service restart did not help, and lets the virtual
        // server take over while the job restarts the server.
        let timing = self.config.timing;
        let agreed = self.watches[target.index()].agreed;
        cx.out.send(target, Message::Yield { agreed });
        self.recovery(target).state = State::Claiming;
        self.want(cx, target, timing.hand_off);
        if !self.config.is_guarded() {
            self.restart_now(cx, target);
        } else if self.may(cx.now, Claim::Address(target)) {
            self.restart_leased(cx, target);
        } else {
            self.recovery_after(cx, target, timing.judgement_max);
        }
    }

    /// The address of a server that is to be restarted is this server's: nobody loses it by that.
    pub(crate) fn restart_leased(&mut self, cx: &mut Context<'_>, target: ServerId) {
        if self.recoveries[target.index()].state == State::Claiming {
            self.recovery(target).state = State::Rechecking;
            self.run(
                cx,
                Owner::Recovery,
                target,
                Action::ExamineServices { target },
            );
        }
    }

    fn restart_now(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.recovery(target).tried.restart = true;
        self.begin_means(cx, target, Means::RestartServer, State::RestartingServer);
        self.run(
            cx,
            Owner::Recovery,
            target,
            Action::RestartServer { target },
        );
        self.report_progress(cx, target);
    }

    /// The target says that its services are well again. One that has just come back is still given
    /// its time.
    pub(crate) fn examine_repaired(&mut self, cx: &mut Context<'_>, target: ServerId) {
        let recovery = &self.recoveries[target.index()];
        if recovery.state == State::Settling && !recovery.starting {
            self.recovery_expired(cx, target);
        }
    }

    fn settle(&mut self, cx: &mut Context<'_>, target: ServerId, starting: bool) {
        let wait = self.config.timing.reexamination_wait;
        let recovery = self.recovery(target);
        recovery.state = State::Settling;
        recovery.starting = starting;
        if starting {
            // Services that fail after a return may fail for another reason than before it.
            recovery.tried.services = false;
        }
        recovery.network_normal = true;
        self.recovery_after(cx, target, wait);
    }

    fn reexamined(&mut self, cx: &mut Context<'_>, target: ServerId, outcome: Outcome) {
        let disbelieves = self.config.has(Bug::DisbelievesRepair);
        let recovery = self.recovery(target);
        match outcome {
            Outcome::Services(_) if disbelieves => self.escalate(cx, target),
            Outcome::Services(failing) if failing.is_empty() => self.report(cx, target, true),
            Outcome::Services(_) if recovery.starting && cx.now < recovery.until => {
                recovery.state = State::Settling;
                let wait = self.config.timing.poll_pause;
                self.recovery_after(cx, target, wait);
            }
            Outcome::Services(failing) => {
                recovery.failing = failing;
                self.escalate(cx, target);
            }
            // The target went away while it was examined: its network is the question again.
            Outcome::Ok | Outcome::Failed | Outcome::Granted(_) => {
                recovery.network_normal = false;
                self.escalate(cx, target);
            }
        }
    }

    pub(crate) fn report(&mut self, cx: &mut Context<'_>, target: ServerId, recovered: bool) {
        let wait = self.config.timing.hand_off;
        self.recovery(target).state = State::Reporting { recovered };
        self.recovery_after(cx, target, wait);
    }

    fn up_file_found(&mut self, cx: &mut Context<'_>, target: ServerId) {
        if self.stays_away(cx, target) {
            return self.park(cx, target);
        }
        self.end_recovery(cx, target);
        let rejoined = !self.structure.contains(target);
        if rejoined {
            self.change_host(cx, target, Some(target));
            self.release_target(cx, target);
        } else {
            self.recovered(cx, target);
        }
        self.hand_back(cx, target);
        if rejoined {
            self.broadcast_structure(cx);
        }
    }

    fn down_file_found(&mut self, cx: &mut Context<'_>, target: ServerId) {
        self.end_recovery(cx, target);
        if !self.structure.contains(target) {
            self.release_target(cx, target);
            // A server that asked to come back and is not fit for it; it will ask again.
            return;
        }
        cx.out.note(Event::GivenUp { target });
        let managers = self.managers(target);
        // Who was asked to run the virtual server stays its host, so that nobody else starts it too.
        let standby = &self.standbys[target.index()];
        let here = standby.is_awake().then(|| self.me());
        let host = standby.delegate().or(here);
        self.absent = self.absent.without(target);
        self.change_host(cx, target, host);
        self.release_target(cx, target);
        // D.file goes to the other manager, and that one reports to those who saw nothing. It may be
        // in trouble itself by now, so this server's own report goes to all others too.
        let peer = managers.peer_of(self.me());
        if let Some(peer) = peer.filter(|_| !self.config.has(Bug::HidesStructure)) {
            let structure = self.structure;
            cx.out.send(peer, Message::Down { target, structure });
        }
        self.broadcast_structure(cx);
    }
}
