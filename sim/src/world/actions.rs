//! What the nodes want done, how long it takes and what it does.

use tetrarch_core::{Action, Claim, JobId, Outcome, ServerId, ServiceSet, Span};

use super::World;
use super::file_server::{Purpose, Reader};
use super::happening::{Command, Happening, Ticket, WorldEvent};
use super::server::{Power, VirtualServer};
use crate::observer::Observer;

impl<O: Observer> World<O> {
    /// Begins the job that the node on `server` wants done.
    pub(crate) fn begin(&mut self, server: ServerId, job: JobId, action: Action) {
        let ticket = Ticket {
            server,
            life: self.server(server).life,
            job,
        };
        self.note_command(ticket, action);
        match action {
            Action::ExamineNetwork { target } => {
                let at = self.now + self.spans.network_normal;
                self.agenda
                    .push(at, Happening::NetworkExamined { ticket, target });
            }
            Action::ExamineServices { target } => {
                let at = self.now + self.spans.link_delay.times(2);
                self.agenda
                    .push(at, Happening::ServicesExamined { ticket, target });
            }
            Action::RestartServices { target, failing } => {
                self.command_remotely(ticket, Command::RestartServices { target, failing });
            }
            Action::RestartServer { target } => self.restart_remotely(ticket, target),
            Action::PowerOn { target } => {
                self.power_on(target);
                self.finish(self.now + self.spans.link_delay, ticket, Outcome::Ok);
            }
            Action::Fence { target } => {
                let at = self.now + self.parameters.fence;
                let in_reach = self.is_well_in_reach(target);
                let command = Command::Fence { target, in_reach };
                self.agenda.push(at, Happening::Effect { ticket, command });
            }
            Action::Resume { function } => {
                let span = self.parameters.virtual_server_resume;
                self.start_virtual_server(ticket, function, span, true);
            }
            Action::ColdStart { function } => {
                let span = self.parameters.virtual_server_start;
                self.start_virtual_server(ticket, function, span, false);
            }
            Action::Assign { function } => {
                let at = self.now + self.parameters.address_claim + self.parameters.remote_command;
                let command = Command::Assign { function };
                self.agenda.push(at, Happening::Effect { ticket, command });
            }
            Action::Release { function } => {
                self.command_remotely(ticket, Command::Release { function });
            }
            Action::Suspend { function } => {
                let at = self.now + self.parameters.virtual_server_suspend;
                let command = Command::Suspend { function };
                self.agenda.push(at, Happening::Effect { ticket, command });
            }
            Action::Vote { claims } => self.ask_witness(ticket, claims),
            Action::AssignOwn => self.command_locally(ticket, Command::AssignOwn),
            Action::ReleaseOwn => self.command_locally(ticket, Command::ReleaseOwn),
        }
    }

    /// An address that comes on a virtual server after the next command about it stays off.
    fn note_command(&mut self, ticket: Ticket, action: Action) {
        if let Action::Assign { function }
        | Action::Release { function }
        | Action::Suspend { function } = action
        {
            self.server_mut(ticket.server).commanded[function.index()] = Some(ticket.job);
        }
    }

    fn command_remotely(&mut self, ticket: Ticket, command: Command) {
        let at = self.now + self.parameters.remote_command;
        self.agenda.push(at, Happening::Effect { ticket, command });
    }

    fn command_locally(&mut self, ticket: Ticket, command: Command) {
        self.agenda
            .push(self.now, Happening::Effect { ticket, command });
    }

    /// Table 1's restart time counts from the command, so the restart begins with it.
    fn restart_remotely(&mut self, ticket: Ticket, target: ServerId) {
        let taken = self.reaches(ticket.server, target);
        if taken {
            self.restart(target);
        }
        let end = self.now + self.parameters.remote_command + self.parameters.hand_off;
        self.finish(
            end,
            ticket,
            if taken { Outcome::Ok } else { Outcome::Failed },
        );
    }

    /// A share of every start is a read from the file server, the rest the host does by itself.
    fn start_virtual_server(
        &mut self,
        ticket: Ticket,
        function: ServerId,
        span: Span,
        resumes: bool,
    ) {
        if self.broken_images.contains(function) || resumes && self.broken_states.contains(function)
        {
            return self.finish(self.now + span, ticket, Outcome::Failed);
        }
        self.server_mut(ticket.server).starts[function.index()] = Some(ticket.job);
        let ppm = u128::from(self.parameters.resume_shared.as_ppm());
        let shared = u128::from(span.as_nanos()) * ppm / 1_000_000;
        let shared = Span::from_nanos(u64::try_from(shared).unwrap_or(u64::MAX));
        let purpose = Purpose::VirtualServer {
            function,
            job: ticket.job,
            rest: span.saturating_sub(shared),
        };
        let reader = Reader {
            server: ticket.server,
            life: ticket.life,
            purpose,
        };
        self.file_server.begin(self.now, reader, shared);
        self.announce_read();
    }

    pub(super) fn announce_read(&mut self) {
        if let Some((at, change)) = self.file_server.next_end() {
            self.agenda.push(at, Happening::ReadComplete { change });
        }
    }

    pub(super) fn read_complete(&mut self, change: u32) {
        let Some(reader) = self.file_server.take_complete(self.now, change) else {
            return;
        };
        self.announce_read();
        let Reader {
            server,
            life,
            purpose,
        } = reader;
        match purpose {
            Purpose::Boot => self
                .agenda
                .push(self.now, Happening::Answers { server, life }),
            Purpose::VirtualServer {
                function,
                job,
                rest,
            } => {
                let ticket = Ticket { server, life, job };
                let command = Command::VirtualServerRuns { function };
                self.agenda
                    .push(self.now + rest, Happening::Effect { ticket, command });
            }
        }
    }

    /// A command has reached the place where it takes effect.
    pub(super) fn take_effect(&mut self, ticket: Ticket, command: Command) {
        if !self.is_alive(ticket) {
            return;
        }
        let host = ticket.server;
        let mut outcome = Outcome::Ok;
        // The end of a command is found like any other file: a hand-off later. Table 1's times for
        // virtual servers were taken from outside and include it.
        let mut noticed = self.parameters.hand_off;
        match command {
            Command::RestartServices { target, failing } => {
                if self.reaches(host, target) {
                    self.restart_services(target, failing);
                } else {
                    outcome = Outcome::Failed;
                }
            }
            Command::VirtualServerRuns { function } => {
                let start = self.server_mut(host).starts[function.index()].take();
                if start != Some(ticket.job) || !self.may(host, Claim::Image(function)) {
                    return;
                }
                self.set_virtual_server(host, function, VirtualServer::Running { holds: false });
                noticed = Span::ZERO;
            }
            Command::Suspend { function } => {
                self.set_virtual_server(host, function, VirtualServer::Suspended);
                noticed = Span::ZERO;
            }
            Command::Assign { function }
                if self.server(host).commanded[function.index()] != Some(ticket.job) =>
            {
                outcome = Outcome::Failed;
            }
            Command::Assign { function } | Command::Release { function } => {
                let holds = matches!(command, Command::Assign { .. });
                let state = self.server(host).virtual_servers[function.index()];
                if state == VirtualServer::Suspended
                    || holds && !self.may(host, Claim::Address(function))
                {
                    outcome = Outcome::Failed;
                } else {
                    self.set_virtual_server(host, function, VirtualServer::Running { holds });
                }
            }
            Command::Fence { target, in_reach } => {
                noticed = Span::ZERO;
                if self.fence(target) {
                    self.switch_off(target, in_reach);
                } else {
                    outcome = Outcome::Failed;
                }
            }
            Command::AssignOwn if !self.may(host, Claim::Address(host)) => {
                outcome = Outcome::Failed;
            }
            Command::AssignOwn => self.server_mut(host).holds_own = true,
            Command::ReleaseOwn => self.server_mut(host).holds_own = false,
        }
        self.refresh_clients();
        self.finish(self.now + noticed, ticket, outcome);
    }

    /// A start that is no longer wanted is undone; any other job goes on without anybody waiting.
    pub(crate) fn cancel(&mut self, server: ServerId, job: JobId) {
        let start = &mut self.server_mut(server).starts[job.subject.index()];
        if *start == Some(job) {
            *start = None;
        }
    }

    fn set_virtual_server(&mut self, host: ServerId, function: ServerId, state: VirtualServer) {
        self.server_mut(host).virtual_servers[function.index()] = state;
    }

    /// Restarted services are down until they are ready; those that only a restart of the server
    /// repairs stay down.
    fn restart_services(&mut self, target: ServerId, failing: ServiceSet) {
        let ready = self.now + self.parameters.service_ready;
        let server = self.server_mut(target);
        if server.power != Power::On {
            return;
        }
        let restarted = failing.bits() & server.services.bits();
        server.up = ServiceSet::from_bits(server.up.bits() & !restarted);
        let services = ServiceSet::from_bits(restarted & !server.stuck.bits());
        let life = server.life;
        self.observer
            .world(self.now, target, WorldEvent::ServicesRestarting);
        let happening = Happening::ServicesReady {
            server: target,
            life,
            services,
            started: false,
        };
        self.agenda.push(ready, happening);
    }
}
