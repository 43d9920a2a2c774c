//! What a guarded server may have on it and until when, enforced whether its node is stepped or not.

use tetrarch_core::{Claim, Claims, Members, Outcome, SERVERS_MAX, ServerId, Time};

use super::World;
use super::happening::{Happening, Stimulus, Ticket};
use super::server::VirtualServer;
use crate::observer::Observer;

/// Until when each address and each virtual server may be on a host, by its own clock, as its node last
/// said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holds {
    addresses: [Hold; SERVERS_MAX],
    images: [Hold; SERVERS_MAX],
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Hold {
    until: Time,
    /// The true instant at which the agenda looks whether it has ended, if it will: a hold is extended many times before
    /// it ends, and not each of these is worth an entry.
    looked_at: Option<Time>,
}

impl Hold {
    const NONE: Self = Self {
        until: Time::ZERO,
        looked_at: None,
    };
}

impl Holds {
    pub(super) const NONE: Self = Self {
        addresses: [Hold::NONE; SERVERS_MAX],
        images: [Hold::NONE; SERVERS_MAX],
    };

    /// Until when all that is on `server` may stay, of what was said that it may stay at all. Its clock
    /// shows `shown` now.
    pub(super) fn end(
        &self,
        server: ServerId,
        shown: Time,
        holding: bool,
        serving: Members,
    ) -> Option<Time> {
        let address = |server: ServerId| self.addresses[server.index()].until;
        let image = |server: ServerId| self.images[server.index()].until;
        let own = holding.then(|| address(server));
        let guests = serving
            .iter()
            .map(|function| address(function).min(image(function)));
        let said = own.into_iter().chain(guests).filter(|until| *until > shown);
        said.min()
    }

    fn of(&mut self, claim: Claim) -> &mut Hold {
        match claim {
            Claim::Address(function) => &mut self.addresses[function.index()],
            Claim::Image(function) => &mut self.images[function.index()],
        }
    }
}

impl<O: Observer> World<O> {
    /// Lets `server` have this on it until its clock shows that.
    pub(crate) fn hold(&mut self, server: ServerId, claim: Claim, until: Time) {
        let at = self.when(server, until);
        let hold = self.server_mut(server).holds.of(claim);
        hold.until = until;
        if hold.looked_at.is_none_or(|looked| looked > at) {
            self.look_at_hold(server, claim, at);
        }
    }

    /// Lets the agenda look at a hold when it ends as things stand.
    fn look_at_hold(&mut self, server: ServerId, claim: Claim, at: Time) {
        let state = self.server_mut(server);
        state.holds.of(claim).looked_at = Some(at);
        let life = state.life;
        let happening = Happening::HoldEnds {
            server,
            life,
            claim,
        };
        self.agenda.push(at, happening);
    }

    /// The clock of `server` runs at another rate from now on, so what it counts ends at other instants.
    pub(super) fn hold_by_new_clock(&mut self, server: ServerId) {
        for function in ServerId::all(self.size) {
            for claim in [Claim::Address(function), Claim::Image(function)] {
                let hold = *self.server_mut(server).holds.of(claim);
                if hold.looked_at.is_some() {
                    let at = self.when(server, hold.until);
                    self.look_at_hold(server, claim, at);
                }
            }
        }
    }

    /// Whether this may be put on `server` now.
    pub(super) fn may(&mut self, server: ServerId, claim: Claim) -> bool {
        let shown = self.local(server, self.now);
        !self.is_guarded || self.server_mut(server).holds.of(claim).until > shown
    }

    /// The address goes off, the virtual server is killed, unless the hold has been extended.
    pub(super) fn hold_ends(&mut self, server: ServerId, life: u32, claim: Claim) {
        let (now, shown) = (self.now, self.local(server, self.now));
        let state = self.server_mut(server);
        let hold = state.holds.of(claim);
        if state.life != life || hold.looked_at.is_none_or(|at| at > now) {
            return;
        }
        hold.looked_at = None;
        if hold.until > shown {
            let until = hold.until;
            let at = self.when(server, until);
            return self.look_at_hold(server, claim, at);
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
        self.agenda.push(at, Happening::Voted { ticket, claims });
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
