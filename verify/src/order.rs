//! Which of the things that are due at one instant have to be tried in every order.
//!
//! Things at servers that have nothing to do with each other at this instant commute, so one order
//! stands for all: the servers fall into groups, and the first group that has something to do goes
//! first. `docs/verify.md` argues why nothing is missed.

use tetrarch_core::{Action, Claims, Members, SERVERS_MAX, ServerId};

use crate::machine::{Machine, Move};
use crate::state::{Guest, NOW, State, What};

/// What the things that are due at one server touch beyond its own node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Footprint {
    is_due: bool,
    /// The servers that change physically.
    changes: Members,
    /// The servers that are looked at.
    sees: Members,
    /// The functions whose virtual servers or addresses may change hands.
    shows: Members,
    /// Those of them that may change hands more than once.
    shows_twice: Members,
    /// What the witness is asked for, and what it has given the server its votes for.
    votes: Claims,
    /// The witness is asked more than once.
    votes_twice: bool,
}

/// How closely servers have to do with each other at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bond {
    /// What is due at one makes a difference to what is due at the other.
    Physical,
    /// It makes none, but clients see in which order it comes.
    Visible,
}

impl Footprint {
    fn is_bound(&self, me: ServerId, you: ServerId, other: &Self, bond: Bond) -> bool {
        let meets = |one: Members, other: Members| one.minus(other) != one;
        let is_twofold =
            meets(self.shows_twice, other.shows) || meets(self.shows, other.shows_twice);
        let shares_votes = self.votes.minus(other.votes) != self.votes;
        is_twofold
            || shares_votes && (bond == Bond::Visible || self.votes_twice || other.votes_twice)
            || meets(self.changes, other.changes)
            || meets(self.changes, other.sees.with(you))
            || meets(other.changes, self.sees.with(me))
            || (bond == Bond::Visible && meets(self.shows, other.shows))
    }

    fn show(&mut self, functions: Members) {
        let twice = functions.minus(functions.minus(self.shows));
        self.shows_twice = self.shows_twice.union(twice);
        self.shows = self.shows.union(functions);
    }
}

/// The functions that a server has a virtual server or the address of.
fn kept_at(state: &State, server: ServerId) -> Members {
    let physical = &state.servers[server.index()];
    let functions = state.all().filter(|function| {
        let own = *function == server && physical.holds_own;
        own || physical.guests[function.index()] != Guest::Suspended
    });
    functions.fold(Members::NONE, Members::with)
}

fn add(footprint: &mut Footprint, state: &State, what: &What) {
    footprint.is_due = true;
    match what {
        What::Message { .. } | What::Done { .. } | What::Heal { .. } => {}
        What::HoldEnds { claim, .. } => footprint.show(Members::NONE.with(claim.function())),
        What::Answers { server } | What::Ready { server, .. } => {
            footprint.changes = footprint.changes.with(*server);
        }
        What::Effect { server, action, .. } => match action {
            Action::ExamineNetwork { target } | Action::ExamineServices { target } => {
                footprint.sees = footprint.sees.with(*target);
            }
            Action::RestartServices { target, .. }
            | Action::RestartServer { target }
            | Action::Fence { target }
            | Action::PowerOn { target } => {
                footprint.changes = footprint.changes.with(*target);
                footprint.show(kept_at(state, *target));
            }
            Action::Resume { function }
            | Action::ColdStart { function }
            | Action::Assign { function }
            | Action::Release { function }
            | Action::Suspend { function } => {
                footprint.show(Members::NONE.with(*function));
            }
            Action::Vote { claims } => {
                footprint.votes_twice = !footprint.votes.is_empty();
                let has = state.witness.votes_of(*server);
                footprint.votes = footprint.votes.union(*claims).union(has);
            }
            Action::AssignOwn | Action::ReleaseOwn => {
                footprint.show(Members::NONE.with(*server));
            }
        },
    }
}

impl State {
    fn footprints(&self) -> [Footprint; SERVERS_MAX] {
        let mut footprints = [Footprint::default(); SERVERS_MAX];
        for pending in self.pending.iter().filter(|p| self.due(p) <= NOW) {
            if let Some(server) = pending.what.server() {
                add(&mut footprints[server.index()], self, &pending.what);
            }
        }
        for server in self.all() {
            let footprint = &mut footprints[server.index()];
            footprint.is_due |= self.wake(server).is_some_and(|at| at <= NOW);
            if self.faults_left > 0 {
                // A fault may strike the server.
                footprint.changes = footprint.changes.with(server);
                footprint.show(kept_at(self, server));
            }
        }
        footprints
    }

    /// The servers that may go on, and all that have to do with them: what has begun goes on, else a
    /// server with something to do begins, or another one that it has to do with. The servers are
    /// counted from `first`.
    fn on_turn(&self, first: ServerId) -> (Members, Members) {
        let footprints = self.footprints();
        let servers = [first].into_iter().chain(first.after(self.size()));
        let due = servers.filter(|server| footprints[server.index()].is_due);
        let standing =
            |server: &ServerId| (self.turn.contains(*server), self.group.contains(*server));
        // Of several that stand alike `max_by_key` gives the last.
        let Some(next) = due.rev().max_by_key(standing) else {
            return (Members::NONE, Members::NONE);
        };
        let group = self.bound(next, Bond::Visible, &footprints);
        if self.turn.contains(next) {
            (self.turn_of(next, &footprints), group)
        } else {
            (group, group)
        }
    }

    /// The servers whose doings have to be mixed with those of `server`. While faults are left, a
    /// server finishes what is due before another begins.
    fn turn_of(&self, server: ServerId, footprints: &[Footprint; SERVERS_MAX]) -> Members {
        if self.faults_left > 0 {
            Members::NONE.with(server)
        } else {
            self.bound(server, Bond::Physical, footprints)
        }
    }

    /// Notes that something is about to happen at `server`.
    pub(crate) fn begin_turn(&mut self, server: ServerId) {
        let footprints = self.footprints();
        self.turn = self.turn_of(server, &footprints);
        self.group = self.bound(server, Bond::Visible, &footprints);
    }

    /// Forgets turns that are over.
    pub(crate) fn end_turns(&mut self) {
        let due = self
            .pending
            .iter()
            .filter(|pending| self.due(pending) <= NOW);
        let due = due.filter_map(|pending| pending.what.server());
        let wakes = |server: &ServerId| self.wake(*server).is_some_and(|at| at <= NOW);
        let busy = due
            .chain(self.all().filter(wakes))
            .fold(Members::NONE, Members::with);
        for servers in [&mut self.turn, &mut self.group] {
            if servers.minus(busy) == *servers {
                *servers = Members::NONE;
            }
        }
    }

    /// The servers that are bound to `server` at this instant, directly or by others, and itself.
    fn bound(&self, server: ServerId, bond: Bond, of: &[Footprint; SERVERS_MAX]) -> Members {
        let mut bound = Members::NONE.with(server);
        let mut open = bound;
        while let Some(server) = open.iter().next() {
            open = open.without(server);
            let here = &of[server.index()];
            for other in Members::first(self.size()).minus(bound).iter() {
                if here.is_bound(server, other, &of[other.index()], bond) {
                    bound = bound.with(other);
                    open = open.with(other);
                }
            }
        }
        bound
    }
}

impl Machine {
    #[cfg(feature = "seeded-bugs")]
    const fn mixes_all(&self) -> bool {
        self.bounds.mixes_all
    }

    #[cfg(not(feature = "seeded-bugs"))]
    const fn mixes_all(&self) -> bool {
        false
    }

    /// Everything that may happen next in `state`: first what is due, then the faults.
    ///
    /// `first` is the server from which turns are counted, which must not depend on how the ring is
    /// turned.
    pub(crate) fn steps(&self, state: &State, first: ServerId) -> Vec<Move> {
        let heals = |what: &What| matches!(what, What::Heal { .. });
        let due = || {
            let places = state.pending.iter().enumerate();
            places.filter(|(place, pending)| {
                let twin = state.pending[..*place].contains(pending);
                state.due(pending) <= NOW && !twin && !state.waits_its_turn(*place)
            })
        };
        let (on_turn, group) = state.on_turn(first);
        let is_done = on_turn.is_empty();
        let all = Members::first(state.size());
        let (on_turn, group) = if self.mixes_all() {
            (all, all)
        } else {
            (on_turn, group)
        };
        // Links heal before or after everything else of the instant.
        let healings =
            due().filter(|(_, pending)| (state.is_fresh || is_done) && heals(&pending.what));
        let healings = healings.map(|(place, _)| Move::Happen(place as u16));
        let mut steps: Vec<Move> = healings.collect();
        let due = due().filter_map(|(place, pending)| {
            let server = pending.what.server()?;
            on_turn
                .contains(server)
                .then_some(Move::Happen(place as u16))
        });
        let wakes = |server: &ServerId| state.wake(*server).is_some_and(|at| at <= NOW);
        let woken = on_turn.iter().filter(wakes).map(Move::Wake);
        steps.extend(due.chain(woken));
        self.strikes(state, group, &mut steps);
        steps
    }
}
