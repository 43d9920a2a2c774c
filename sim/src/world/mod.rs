//! The simulated system: servers, services, virtual servers, addresses, links, the file server and
//! the clients. It carries out what the nodes decide and never decides anything itself.

mod actions;
mod agenda;
mod client;
mod clock;
mod faults;
mod file_server;
pub(crate) mod happening;
mod leases;
mod links;
mod operations;
mod pause;
mod power;
mod senses;
mod server;
mod versions;

pub use client::{ClientHabit, Outage, PHASES};
pub use happening::WorldEvent;

use tetrarch_core::{
    Input, Members, Message, Outcome, Register, SERVERS_MAX, Safety, ServerId, ServiceSet, Span,
    Time,
};

use crate::observer::Observer;
use crate::parameters::Parameters;
use crate::scenario::{Equipment, Fault, Scenario};
use agenda::Agenda;
use client::Availability;
use file_server::FileServer;
use happening::{Happening, Stimulus, Ticket};
use links::Links;
use server::{Server, VirtualServer};

/// The spans that the hot path needs, worked out once.
#[derive(Clone, Copy, Debug)]
struct Spans {
    network_normal: Span,
    network_abnormal: Span,
    link_delay: Span,
}

/// Everything outside the nodes.
#[derive(Clone, Debug)]
pub(crate) struct World<O> {
    pub(crate) now: Time,
    pub(crate) agenda: Agenda,
    pub(crate) observer: O,
    size: usize,
    spans: Spans,
    parameters: Parameters,
    faults: Vec<Fault>,
    servers: Vec<Server>,
    links: Links,
    /// Every link works, and takes no longer than it should.
    links_whole: bool,
    file_server: FileServer,
    /// The witness on the shared area.
    witness: Register,
    /// Nobody may have anything on it without a lease.
    is_guarded: bool,
    /// Servers of several versions may meet: they learn what the others speak, and messages between
    /// them are written down and read.
    is_mixed: bool,
    equipment: Equipment,
    /// The functions whose virtual server can no longer be started anywhere.
    broken_images: Members,
    /// The functions whose virtual server can no longer be resumed, but started.
    broken_states: Members,
    /// Some clock is not right.
    clocks_drift: bool,
    /// Some server stands still, and what waits for it to go on.
    somebody_pauses: bool,
    waiting: Vec<(ServerId, Happening)>,
    /// The servers whose fencing device does nothing.
    broken_fences: Members,
    availability: Vec<Availability>,
    /// Counts the changes of what the clients depend on.
    revision: u64,
}

impl<O: Observer> World<O> {
    /// The scenario's system in full service, its faults still to come.
    pub(crate) fn new(
        scenario: &Scenario,
        parameters: &Parameters,
        seed: u64,
        observer: O,
    ) -> Self {
        let servers: Vec<Server> = scenario
            .services
            .iter()
            .map(|services| Server::in_service(ServiceSet::first(services.len())))
            .collect();
        Self {
            now: Time::ZERO,
            agenda: Agenda::new(&scenario.faults),
            observer,
            size: servers.len(),
            spans: Spans {
                network_normal: parameters.network_examination_normal,
                network_abnormal: parameters.network_examination_abnormal,
                link_delay: parameters.link_delay,
            },
            parameters: parameters.clone(),
            faults: scenario.faults.clone(),
            availability: vec![Availability::default(); servers.len()],
            servers,
            links: Links::new(seed),
            links_whole: true,
            file_server: FileServer::new(parameters),
            witness: Register::new(Time::ZERO, Span::MAX, parameters.lease_term),
            is_guarded: scenario.safety == Safety::Guarded,
            is_mixed: scenario.equipment.is_mixed(&scenario.faults),
            equipment: scenario.equipment,
            broken_images: Members::NONE,
            broken_states: Members::NONE,
            clocks_drift: false,
            somebody_pauses: false,
            waiting: Vec::new(),
            broken_fences: Members::NONE,
            revision: 0,
        }
    }

    /// Back to time zero and full service, with other dice. What has been allocated is kept.
    pub(crate) fn reset(&mut self, seed: u64) {
        self.now = Time::ZERO;
        self.agenda.reset();
        for server in &mut self.servers {
            *server = Server::in_service(server.services);
        }
        for availability in &mut self.availability {
            availability.forget();
        }
        self.links = Links::new(seed);
        self.links_whole = true;
        self.file_server.reset();
        self.witness = Register::new(Time::ZERO, Span::MAX, self.parameters.lease_term);
        // A checker that goes on after the reset must look again.
        self.revision += 1;
        self.broken_images = Members::NONE;
        self.broken_states = Members::NONE;
        self.clocks_drift = false;
        self.somebody_pauses = false;
        self.waiting.clear();
        self.broken_fences = Members::NONE;
    }

    fn server(&self, server: ServerId) -> &Server {
        &self.servers[server.index()]
    }

    fn server_mut(&mut self, server: ServerId) -> &mut Server {
        &mut self.servers[server.index()]
    }

    /// Whether the management programs of `server` run.
    pub(crate) fn is_managing(&self, server: ServerId) -> bool {
        self.server(server).managing
    }

    pub(crate) fn outages(&self, function: ServerId) -> &[Outage] {
        self.availability[function.index()].outages()
    }

    /// The hosts at which clients reach `function`'s virtual IP address; more than one breaks the
    /// first invariant.
    pub(crate) fn holders(&self, function: ServerId) -> Members {
        let own = self.server(function);
        let start = if own.answers() && own.holds_own {
            Members::NONE.with(function)
        } else {
            Members::NONE
        };
        ServerId::all(self.size)
            .filter(|host| {
                let server = self.server(*host);
                let held = VirtualServer::Running { holds: true };
                server.answers() && server.virtual_servers[function.index()] == held
            })
            .fold(start, Members::with)
    }

    /// The hosts on which the virtual server of `function` runs; more than one breaks the second
    /// invariant.
    pub(crate) fn runners(&self, function: ServerId) -> Members {
        ServerId::all(self.size)
            .filter(|host| {
                let server = self.server(*host);
                server.answers()
                    && server.virtual_servers[function.index()] != VirtualServer::Suspended
            })
            .fold(Members::NONE, Members::with)
    }

    /// The host at which clients are served, if there is one.
    pub(crate) fn served_by(&self, function: ServerId) -> Option<ServerId> {
        self.holders(function)
            .iter()
            .find(|host| *host != function || self.server(function).serves_own())
    }

    /// Queues a message on its way, unless the link loses it.
    pub(crate) fn send(&mut self, from: ServerId, to: ServerId, message: Message) {
        let delay = self.spans.link_delay;
        if self.links_whole {
            if let Some(message) = self.carried(from, to, message) {
                self.agenda.post(self.now + delay, from, to, message);
            }
            return;
        }
        let passage = self.links.pass(self.now, delay, from, to);
        let Some((passage, message)) = passage.zip(self.carried(from, to, message)) else {
            return;
        };
        for at in core::iter::once(passage.at).chain(passage.again) {
            self.agenda
                .push(at, Happening::Deliver { to, from, message });
        }
    }

    /// Whether an examination by `from` gets an answer from `to`.
    fn reaches(&self, from: ServerId, to: ServerId) -> bool {
        self.server(to).answers()
            && self.server(from).answers()
            && (self.links_whole
                || (self.links.works(self.now, from, to) && self.links.works(self.now, to, from)))
    }

    fn is_alive(&self, ticket: Ticket) -> bool {
        self.server(ticket.server).life == ticket.life
    }

    fn finish(&mut self, at: Time, ticket: Ticket, outcome: Outcome) {
        self.agenda
            .push(at, Happening::Finished { ticket, outcome });
    }

    /// What the clock of `server` shows at the true instant `now`.
    pub(crate) fn local(&self, server: ServerId, now: Time) -> Time {
        if self.clocks_drift {
            self.server(server).clock.at(now)
        } else {
            now
        }
    }

    /// The true instant at which the clock of `server` shows `local`.
    pub(crate) fn when(&self, server: ServerId, local: Time) -> Time {
        if self.clocks_drift {
            // Several true instants may show the same, but none of them is past.
            self.server(server).clock.when(local).max(self.now)
        } else {
            local
        }
    }

    fn happen_now(&mut self, happening: Happening) -> Stimulus {
        match happening {
            Happening::Deliver { to, from, message } => {
                if self.server(to).managing {
                    return Stimulus::Input(to, Input::Message { from, message });
                }
            }
            Happening::RivalLooked { server, function } => {
                return self.look_for_rival(server, function);
            }
            Happening::ServicesLooked { server, life } => {
                return self.look_at_services(server, life);
            }
            Happening::Greeted { server, other } => return self.greeted(server, other),
            Happening::Finished { ticket, outcome } => return self.finished(ticket, outcome),
            Happening::NetworkExamined { ticket, target } => {
                return self.network_examined(ticket, target);
            }
            Happening::ServicesExamined { ticket, target } => {
                if self.reaches(ticket.server, target) {
                    let failing = self.server(target).failing();
                    return self.finished(ticket, Outcome::Services(failing));
                }
                self.finish(
                    self.now + self.spans.network_abnormal,
                    ticket,
                    Outcome::Failed,
                );
            }
            Happening::Voted { ticket, claims } => return self.voted(ticket, claims),
            Happening::HoldEnds {
                server,
                life,
                claim,
            } => self.hold_ends(server, life, claim),
            Happening::Effect { ticket, command } => self.take_effect(ticket, command),
            Happening::BootRead { server, life } => self.boot_read(server, life),
            Happening::Answers { server, life } => self.answers(server, life),
            Happening::ServicesReady {
                server,
                life,
                services,
                started,
            } => {
                return self.services_ready(server, life, services, started);
            }
            Happening::ReadComplete { change } => self.read_complete(change),
            Happening::GoesDown { server, life } => self.go_down(server, life),
            Happening::Fault { place } => return self.strike(place),
            Happening::Told {
                server,
                life,
                input,
            } => return self.told(server, life, input),
        }
        Stimulus::None
    }

    fn network_examined(&mut self, ticket: Ticket, target: ServerId) -> Stimulus {
        if self.reaches(ticket.server, target) {
            return self.finished(ticket, Outcome::Ok);
        }
        let rest = self
            .spans
            .network_abnormal
            .saturating_sub(self.spans.network_normal);
        self.finish(self.now + rest, ticket, Outcome::Failed);
        Stimulus::None
    }

    fn finished(&self, ticket: Ticket, outcome: Outcome) -> Stimulus {
        if self.is_alive(ticket) && self.server(ticket.server).managing {
            Stimulus::Input(
                ticket.server,
                Input::Done {
                    job: ticket.job,
                    outcome,
                },
            )
        } else {
            Stimulus::None
        }
    }

    /// Counts the changes of power, addresses and virtual servers.
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// Tells the clients' view of every function; called after each change that it may depend on.
    fn refresh_clients(&mut self) {
        self.revision += 1;
        self.sense();
        for function in ServerId::all(self.size) {
            let available = self.served_by(function).is_some();
            if self.availability[function.index()].observe(self.now, available) {
                let event = if available {
                    WorldEvent::FunctionBack
                } else {
                    WorldEvent::FunctionLost
                };
                self.observer.world(self.now, function, event);
            }
        }
    }

    /// What a node must be told when its management programs start now.
    pub(crate) fn start_input(&mut self, server: ServerId) -> Input {
        let now = self.now;
        let version = self.equipment.version_at(&self.faults, server, now);
        let state = self.server_mut(server);
        state.managing = true;
        state.version = version;
        state.lives += 1;
        self.greet(server);
        if self.is_guarded {
            // What the node is not told of, the driver ends.
            self.server_mut(server).end_unserving();
        }
        let state = self.server(server);
        let (clock, holding, serving) = (state.clock, state.holds_own, state.guests_served());
        let shown = clock.at(now);
        let silent = state.silent_since.map(|since| shown.since(since));
        let end = state.holds.end(server, shown, holding, serving);
        Input::Start {
            holding,
            serving,
            silent: silent.unwrap_or(Span::MAX),
            left: end.map_or(Span::MAX, |end| end - shown),
        }
    }
}

/// Every server but those beyond the table of the core.
pub(crate) fn sides(sides: &[Vec<crate::scenario::ServerIndex>]) -> Vec<Members> {
    sides
        .iter()
        .map(|side| {
            side.iter()
                .filter_map(|server| ServerId::new(server.index()))
                .fold(Members::NONE, Members::with)
        })
        .collect()
}

const _: () = assert!(SERVERS_MAX == 8, "service sets and cut tables are bytes");
