//! What a guarded server may have on it and until when, enforced whether its node is stepped or not.

use tetrarch_core::{Claim, Claims, Members, Outcome, SERVERS_MAX, ServerId, Span, Time};

use super::World;
use super::happening::{Happening, Stimulus, Ticket};
use super::server::VirtualServer;
use crate::observer::Observer;

/// Until when each address and each virtual server may be on a host, as its node last said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holds {
    addresses: [Time; SERVERS_MAX],
    images: [Time; SERVERS_MAX],
}

impl Holds {
    pub(super) const NONE: Self = Self {
        addresses: [Time::ZERO; SERVERS_MAX],
        images: [Time::ZERO; SERVERS_MAX],
    };

    /// For how long all that is on `server` may stay, when it was said that it may stay at all.
    pub(super) fn left(
        &self,
        server: ServerId,
        now: Time,
        holding: bool,
        serving: Members,
    ) -> Span {
        let own = holding.then(|| self.addresses[server.index()]);
        let guests = serving
            .iter()
            .map(|function| self.addresses[function.index()].min(self.images[function.index()]));
        let said = own.into_iter().chain(guests).filter(|until| *until > now);
        said.min().map_or(Span::MAX, |until| until - now)
    }

    fn of(&mut self, claim: Claim) -> &mut Time {
        match claim {
            Claim::Address(function) => &mut self.addresses[function.index()],
            Claim::Image(function) => &mut self.images[function.index()],
        }
    }
}

impl<O: Observer> World<O> {
    /// Lets `server` have this on it until then.
    pub(crate) fn hold(&mut self, server: ServerId, claim: Claim, until: Time) {
        let state = self.server_mut(server);
        *state.holds.of(claim) = until;
        let life = state.life;
        self.queue.push(
            until,
            Happening::HoldEnds {
                server,
                life,
                claim,
                until,
            },
        );
    }

    /// Whether this may be put on `server` now.
    pub(super) fn may(&mut self, server: ServerId, claim: Claim) -> bool {
        let now = self.now;
        !self.is_guarded || *self.server_mut(server).holds.of(claim) > now
    }

    /// The address goes off, the virtual server is killed.
    pub(super) fn hold_ends(&mut self, server: ServerId, life: u32, claim: Claim, until: Time) {
        let state = self.server_mut(server);
        if state.life != life || *state.holds.of(claim) != until {
            return;
        }
        match claim {
            Claim::Address(function) if function == server => state.holds_own = false,
            Claim::Address(function) => {
                let guest = &mut state.virtual_servers[function.index()];
                if *guest != VirtualServer::Suspended {
                    *guest = VirtualServer::Running { holds: false };
                }
            }
            Claim::Image(function) => {
                state.virtual_servers[function.index()] = VirtualServer::Suspended;
                state.starts[function.index()] = None;
            }
        }
        self.refresh_clients();
    }

    /// The witness is a file on the file server: it answers as long as that does.
    pub(super) fn ask_witness(&mut self, ticket: Ticket, claims: Claims) {
        let at = self.now + self.spans.link_delay.times(2);
        self.queue.push(at, Happening::Voted { ticket, claims });
    }

    pub(super) fn voted(&mut self, ticket: Ticket, claims: Claims) -> Stimulus {
        if !self.file_server.answers(ticket.server) || !self.is_alive(ticket) {
            return self.finished(ticket, Outcome::Failed);
        }
        let term = self.parameters.lease_term;
        let granted = self.witness.request(self.now, ticket.server, claims, term);
        self.finished(ticket, Outcome::Granted(granted))
    }
}
