//! Servers that go down and come up.

use tetrarch_core::executer::{ExecuterInput, ExecuterOutput};
use tetrarch_core::{Claim, Input, ServerId, ServiceSet};

use super::World;
use super::file_server::{Purpose, Reader};
use super::happening::{Happening, Stimulus, WorldEvent};
use super::pause::Pause;
use super::server::Power;
use crate::observer::Observer;

impl<O: Observer> World<O> {
    /// The server shuts down and starts again. Its network goes with the first step of the shutdown.
    pub(super) fn restart(&mut self, server: ServerId) {
        let shutdown = self
            .parameters
            .server_restart
            .saturating_sub(self.parameters.server_start);
        let now = self.now;
        self.forget_pause(server);
        self.server_mut(server).lose_state(now, Power::Starting);
        self.observer
            .world(self.now, server, WorldEvent::Restarting);
        self.start_after(server, shutdown);
        self.refresh_clients();
    }

    pub(super) fn lose_power(&mut self, server: ServerId) {
        let now = self.now;
        self.forget_pause(server);
        self.server_mut(server).lose_state(now, Power::Off);
        self.observer.world(self.now, server, WorldEvent::PowerLost);
        self.refresh_clients();
    }

    /// Powers on a server that is off and can be powered on; any other does not notice.
    pub(super) fn power_on(&mut self, server: ServerId) {
        let state = self.server_mut(server);
        if state.power == Power::Off && !state.destroyed {
            state.power = Power::Starting;
            self.observer.world(self.now, server, WorldEvent::Starting);
            self.start_after(server, tetrarch_core::Span::ZERO);
        }
    }

    fn start_after(&mut self, server: ServerId, wait: tetrarch_core::Span) {
        let own = self
            .parameters
            .server_start
            .saturating_sub(self.parameters.start_shared);
        let life = self.server(server).life;
        self.agenda
            .push(self.now + wait + own, Happening::BootRead { server, life });
    }

    /// The last part of a start reads from the file server. Where it does not answer the start goes
    /// on from the local disk.
    pub(super) fn boot_read(&mut self, server: ServerId, life: u32) {
        if self.server(server).life != life {
            return;
        }
        if self.file_server.answers(server) {
            let reader = Reader {
                server,
                life,
                purpose: Purpose::Boot,
            };
            self.file_server
                .begin(self.now, reader, self.parameters.start_shared);
            self.announce_read();
        } else {
            self.agenda
                .push(self.now, Happening::Answers { server, life });
        }
    }

    pub(super) fn answers(&mut self, server: ServerId, life: u32) {
        let ready = self.now + self.parameters.service_ready;
        let state = self.server_mut(server);
        if state.life != life {
            return;
        }
        state.power = Power::On;
        let services = state.services;
        self.observer.world(self.now, server, WorldEvent::Answers);
        let happening = Happening::ServicesReady {
            server,
            life,
            services,
            started: true,
        };
        self.agenda.push(ready, happening);
        self.refresh_clients();
    }

    pub(super) fn services_ready(
        &mut self,
        server: ServerId,
        life: u32,
        services: ServiceSet,
        started: bool,
    ) -> Stimulus {
        let state = self.server_mut(server);
        if state.life != life {
            return Stimulus::None;
        }
        state.up = ServiceSet::from_bits(state.up.bits() | services.bits());
        if state.failing().is_empty() {
            self.observer
                .world(self.now, server, WorldEvent::ServicesReady);
        }
        self.refresh_clients();
        if started {
            self.boot_executer(server)
        } else {
            Stimulus::None
        }
    }

    /// The group is put into service: its servers have long been up, their executers start now.
    ///
    /// The programs before these had just renewed the lease of the address, and the driver ends it like
    /// any other.
    pub(crate) fn boot_group(&mut self, server: ServerId) -> Stimulus {
        if self.is_guarded {
            let (term, margin) = (self.parameters.lease_term, self.parameters.lease_margin);
            let until = self.local(server, self.now) + term.saturating_sub(margin);
            self.hold(server, Claim::Address(server), until);
        }
        self.boot_executer(server)
    }

    /// The executer starts with the server and looks for its flag file at once.
    fn boot_executer(&mut self, server: ServerId) -> Stimulus {
        self.run_executer(server, ExecuterInput::Start);
        let present = self.server(server).flag;
        self.run_executer(server, ExecuterInput::Flag { present })
    }

    /// Creates or deletes the flag file; the executer of a running server finds out.
    pub(super) fn set_flag(&mut self, server: ServerId, present: bool) -> Stimulus {
        if !present && self.server(server).pause == Pause::Agent {
            // Programs that stand still are killed, and hear nothing of what waited for them.
            self.forget_pause(server);
        }
        self.server_mut(server).flag = present;
        if self.server(server).answers() {
            self.run_executer(server, ExecuterInput::Flag { present })
        } else {
            Stimulus::None
        }
    }

    /// Steps the executer until it waits again, and carries out what it wants.
    fn run_executer(&mut self, server: ServerId, first: ExecuterInput) -> Stimulus {
        let mut input = first;
        let mut stimulus = Stimulus::None;
        loop {
            let now = self.now;
            let step = self.server_mut(server).executer.step(now, input);
            input = match step.output {
                Some(ExecuterOutput::CopyFromShared) => ExecuterInput::Copied {
                    ok: self.file_server.answers(server),
                },
                Some(ExecuterOutput::StartPrograms { .. }) => {
                    stimulus = Stimulus::Input(server, self.start_input(server));
                    return stimulus;
                }
                Some(ExecuterOutput::StopPrograms) => {
                    self.server_mut(server).managing = false;
                    let shown = self.local(server, now);
                    self.server_mut(server).silent_since = Some(shown);
                    stimulus =
                        Stimulus::Input(server, Input::Command(tetrarch_core::Command::Stop));
                    ExecuterInput::Stopped
                }
                None => return stimulus,
            };
        }
    }
}
