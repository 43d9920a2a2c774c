//! What jobs and boots do to servers, virtual servers and addresses.

use std::sync::Arc;

use tetrarch_core::{
    Action, Claim, Input, JobId, Members, Outcome, SERVERS_MAX, ServerId, ServiceSet, Span,
};

use crate::judge::Property;
#[cfg(feature = "seeded-bugs")]
use crate::machine::Bug;
use crate::machine::Taking;
use crate::state::{Guest, NOW, Power, Server, Services, What, is_examination};

impl Taking<'_> {
    pub(crate) fn ready(&mut self, server: ServerId, starts: bool) {
        self.tell(|| format!("{server}'s services answer"));
        self.server(server).services = Services::Up;
        if starts {
            self.server(server).is_managing = true;
            let (holding, serving) = (false, Members::NONE);
            // A server that starts has been down for longer than any vote is given.
            let silent = Span::MAX;
            self.step(
                server,
                Input::Start {
                    holding,
                    serving,
                    silent,
                    left: Span::MAX,
                },
            );
        }
    }

    /// A job does what it is to do.
    pub(crate) fn effect(&mut self, server: ServerId, job: JobId, action: Action) {
        if !is_examination(action) {
            self.tell(|| format!("{server}: {action:?}"));
        }
        let (outcome, noticed) = match action {
            Action::ExamineNetwork { target } | Action::ExamineServices { target } => {
                self.examine(server, target, job, action)
            }
            _ => self.command(server, action),
        };
        let done = What::Done {
            server,
            job,
            outcome,
        };
        if self.state.nodes[server.index()].view().waits_for(job) {
            self.after(noticed, done);
        }
    }

    /// What an examination finds, and how much later it says so.
    fn examine(
        &self,
        by: ServerId,
        target: ServerId,
        job: JobId,
        action: Action,
    ) -> (Outcome, Span) {
        let parameters = &self.machine.bounds.parameters;
        let lost = parameters.network_examination_abnormal;
        let is_network = matches!(action, Action::ExamineNetwork { .. });
        match (self.state.reaches(by, target), is_network) {
            (true, true) => (Outcome::Ok, Span::ZERO),
            (true, false) => {
                let is_up = self.state.servers[target.index()].services == Services::Up;
                let is_up = is_up && !self.machine.is_misled(job);
                let failing = ServiceSet::from_bits(u8::from(!is_up));
                (Outcome::Services(failing), Span::ZERO)
            }
            (false, true) => {
                let rest = lost.saturating_sub(parameters.network_examination_normal);
                (Outcome::Failed, rest)
            }
            (false, false) => (Outcome::Failed, lost),
        }
    }

    /// Does what a command is to do; gives how it ended and how much later that is noticed.
    fn command(&mut self, server: ServerId, action: Action) -> (Outcome, Span) {
        let parameters = &self.machine.bounds.parameters;
        let (hand_off, command) = (parameters.hand_off, parameters.remote_command);
        match action {
            Action::ExamineNetwork { .. } | Action::ExamineServices { .. } => {}
            Action::RestartServices { target, .. } => {
                return (self.restart_services(server, target), hand_off);
            }
            Action::RestartServer { target } => {
                return (self.restart_server(server, target), command + hand_off);
            }
            Action::PowerOn { target } => self.power_on(target),
            // No checked server has such a device.
            Action::Fence { .. } => return (Outcome::Failed, Span::ZERO),
            Action::Vote { claims } => {
                let term = parameters.lease_term;
                let granted = self.state.witness.request(NOW, server, claims, term);
                return (Outcome::Granted(granted), parameters.link_delay);
            }
            Action::Resume { function } | Action::ColdStart { function } => {
                if !self.may(server, Claim::Image(function)) {
                    return (Outcome::Failed, Span::ZERO);
                }
                self.set_guest(server, function, Guest::Running);
            }
            Action::Suspend { function } => self.set_guest(server, function, Guest::Suspended),
            Action::Assign { function } | Action::Release { function } => {
                let guest = self.state.servers[server.index()].guests[function.index()];
                let holds = matches!(action, Action::Assign { .. });
                if guest == Guest::Suspended || holds && !self.may(server, Claim::Address(function))
                {
                    return (Outcome::Failed, hand_off);
                }
                self.set_address(server, function, holds);
                return (Outcome::Ok, hand_off);
            }
            Action::AssignOwn if !self.may(server, Claim::Address(server)) => {
                return (Outcome::Failed, hand_off);
            }
            Action::AssignOwn | Action::ReleaseOwn => {
                self.server(server).holds_own = action == Action::AssignOwn;
                return (Outcome::Ok, hand_off);
            }
        }
        (Outcome::Ok, Span::ZERO)
    }

    fn may(&self, server: ServerId, claim: Claim) -> bool {
        !self.machine.bounds.is_guarded() || self.state.may(server, claim)
    }

    /// What a guarded server may have on it goes when its lease is over, whatever its node does.
    pub(crate) fn hold_ends(&mut self, server: ServerId, claim: Claim) {
        match claim {
            Claim::Address(function) if function == server => {
                self.server(server).holds_own = false;
            }
            Claim::Address(function) => {
                let guest = &mut self.server(server).guests[function.index()];
                if *guest == Guest::Holding {
                    *guest = Guest::Running;
                }
            }
            Claim::Image(function) => self.set_guest(server, function, Guest::Suspended),
        }
    }

    fn set_guest(&mut self, host: ServerId, function: ServerId, guest: Guest) {
        self.server(host).guests[function.index()] = guest;
    }

    fn set_address(&mut self, host: ServerId, function: ServerId, holds: bool) {
        #[cfg(feature = "seeded-bugs")]
        if !holds && self.machine.bounds.bug == Some(Bug::ReleaseDoesNothing) {
            return;
        }
        let guest = if holds {
            Guest::Holding
        } else {
            Guest::Running
        };
        self.set_guest(host, function, guest);
    }

    fn restart_services(&mut self, by: ServerId, target: ServerId) -> Outcome {
        if !self.state.reaches(by, target) {
            return Outcome::Failed;
        }
        if self.state.servers[target.index()].services != Services::Stuck {
            self.server(target).services = Services::Down;
            let ready = self.machine.bounds.parameters.service_ready;
            let (server, starts) = (target, false);
            self.after(ready, What::Ready { server, starts });
        }
        Outcome::Ok
    }

    fn restart_server(&mut self, by: ServerId, target: ServerId) -> Outcome {
        if !self.state.reaches(by, target) {
            return Outcome::Failed;
        }
        if self.state.servers[target.index()].is_healthy() {
            self.broken = Some((Property::NoNeedlessRestart, target));
        }
        self.restart(target);
        Outcome::Ok
    }

    /// The server goes down and starts again.
    pub(crate) fn restart(&mut self, server: ServerId) {
        self.lose_state(server, Power::Starting);
        let restart = self.machine.bounds.parameters.server_restart;
        self.after(restart, What::Answers { server });
    }

    fn power_on(&mut self, server: ServerId) {
        if self.state.servers[server.index()].power == Power::Off {
            self.server(server).power = Power::Starting;
            let start = self.machine.bounds.parameters.server_start;
            self.after(start, What::Answers { server });
        }
    }

    /// Everything that does not outlive a loss of power goes, and what was under way there.
    pub(crate) fn lose_state(&mut self, server: ServerId, power: Power) {
        *self.server(server) = Server {
            power,
            services: Services::Down,
            holds_own: false,
            is_managing: false,
            guests: [Guest::Suspended; SERVERS_MAX],
            awake_at: NOW,
        };
        self.state.nodes[server.index()] = Arc::clone(&self.machine.idle[server.index()]);
        self.state.pending.retain(|pending| {
            matches!(pending.what, What::Message { .. }) || pending.what.server() != Some(server)
        });
    }
}
