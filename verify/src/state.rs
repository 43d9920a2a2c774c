//! One state of the whole system, told apart from others by a fingerprint.

use std::hash::Hasher;
use std::ops::Deref;
use std::sync::Arc;

use tetrarch_core::{
    Action, Claim, JobId, Members, Message, Node, Outcome, Register, Rotate, Rotation, SERVERS_MAX,
    ServerId, Span, Time,
};

use crate::fault::Fault;
use crate::machine::Move;
use crate::print::{Print, Printer, print_of};

/// The present instant of every state: states at different times of a run are to compare equal. It
/// leaves room below for timers that a paused server let pass.
pub(crate) const NOW: Time = Time::from_nanos(1_000_000_000_000_000);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Power {
    Off,
    Starting,
    On,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Services {
    Up,
    Down,
    /// Down, and only a restart of the server brings them back.
    Stuck,
}

/// A virtual server on one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Guest {
    Suspended,
    Running,
    /// It runs, and the function's virtual IP address is on it.
    Holding,
}

/// What a server physically is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    pub(crate) power: Power,
    pub(crate) services: Services,
    pub(crate) holds_own: bool,
    pub(crate) is_managing: bool,
    pub(crate) guests: [Guest; SERVERS_MAX],
    /// Its management programs stand still until then; not after [`NOW`] when they do not.
    pub(crate) awake_at: Time,
}

impl Rotate for Guest {
    fn rotated(&self, _: Rotation) -> Self {
        *self
    }
}

impl Rotate for Server {
    fn rotated(&self, rotation: Rotation) -> Self {
        Self {
            guests: self.guests.rotated(rotation),
            ..*self
        }
    }
}

impl Server {
    pub(crate) const fn answers(&self) -> bool {
        matches!(self.power, Power::On)
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.answers() && self.services == Services::Up
    }
}

/// Something that is under way and will happen at a known instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// A message arrives.
    Message {
        from: ServerId,
        to: ServerId,
        message: Message,
        /// It has been held up. In a guarded group it comes to nothing once a later one has arrived.
        is_late: bool,
    },
    /// What a server may have on it ends, unless its node extends it.
    HoldEnds { server: ServerId, claim: Claim },
    /// A job does what it is to do.
    Effect {
        server: ServerId,
        job: JobId,
        action: Action,
    },
    /// The node hears how a job ended.
    Done {
        server: ServerId,
        job: JobId,
        outcome: Outcome,
    },
    /// A server that starts answers on the network.
    Answers { server: ServerId },
    /// Services answer; those of a server that has just started bring the management programs along.
    Ready { server: ServerId, starts: bool },
    /// The links of a cut work again.
    Heal { from: Members, to: Members },
}

impl What {
    /// The server whose turn it is.
    pub(crate) const fn server(&self) -> Option<ServerId> {
        match self {
            Self::Message { to: server, .. }
            | Self::Effect { server, .. }
            | Self::Done { server, .. }
            | Self::HoldEnds { server, .. }
            | Self::Answers { server }
            | Self::Ready { server, .. } => Some(*server),
            Self::Heal { .. } => None,
        }
    }

    /// Whether it waits for the management programs of its server to be awake.
    pub(crate) const fn needs_awake(&self) -> bool {
        matches!(self, Self::Message { .. } | Self::Done { .. })
    }
}

impl Rotate for What {
    fn rotated(&self, rotation: Rotation) -> Self {
        let mut turned = *self;
        match &mut turned {
            Self::Message {
                from, to, message, ..
            } => {
                *from = from.rotated(rotation);
                *to = to.rotated(rotation);
                *message = message.rotated(rotation);
            }
            Self::Effect {
                server,
                job,
                action,
            } => {
                *server = server.rotated(rotation);
                *job = job.rotated(rotation);
                *action = action.rotated(rotation);
            }
            Self::Done {
                server,
                job,
                outcome,
            } => {
                *server = server.rotated(rotation);
                *job = job.rotated(rotation);
                *outcome = outcome.rotated(rotation);
            }
            Self::HoldEnds { server, claim } => {
                *server = server.rotated(rotation);
                *claim = claim.rotated(rotation);
            }
            Self::Answers { server } | Self::Ready { server, .. } => {
                *server = server.rotated(rotation);
            }
            Self::Heal { from, to } => {
                *from = from.rotated(rotation);
                *to = to.rotated(rotation);
            }
        }
        turned
    }
}

pub(crate) const fn is_examination(action: Action) -> bool {
    matches!(
        action,
        Action::ExamineNetwork { .. } | Action::ExamineServices { .. }
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) at: Time,
    pub(crate) what: What,
    /// What is under way, as its server sees it.
    print: Print,
}

impl Pending {
    pub(crate) fn new(at: Time, what: What, size: usize) -> Self {
        let seen = what.server().map(|server| {
            let home = Rotation::home(server, size);
            what.rotated(home)
        });
        let print = print_of(&seen.unwrap_or(what));
        Self { at, what, print }
    }
}

impl Pending {
    /// The stamps of a message, seen from the instant `now` when that is called [`NOW`].
    pub(crate) fn rebase(&mut self, now: Time, size: usize) {
        if let What::Message { message, .. } = &mut self.what {
            let rebased = message.rebased(now, NOW);
            if *message != rebased {
                *message = rebased;
                *self = Self::new(self.at, self.what, size);
            }
        }
    }
}

/// A node in the form of [`Node::rebased`], with what is asked of it again and again.
#[derive(Debug)]
pub(crate) struct Kept {
    node: Node,
    /// The node as it would be at the first place of its ring.
    print: Print,
    pub(crate) wake: Option<Time>,
    pub(crate) waits_for_ever: bool,
}

impl Kept {
    pub(crate) fn new(node: Node) -> Arc<Self> {
        let home = Rotation::home(node.config().me(), node.config().size());
        Arc::new(Self {
            print: print_of(&node.rotated(home)),
            wake: node.view().deadline().map(|deadline| deadline.at),
            waits_for_ever: node.view().stuck().is_some(),
            node,
        })
    }
}

impl Deref for Kept {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

/// The nodes, the world and what is under way.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Shared with other states where nothing has changed.
    pub(crate) nodes: Vec<Arc<Kept>>,
    pub(crate) servers: Vec<Server>,
    /// For each server those that its messages do not reach.
    pub(crate) cut: [Members; SERVERS_MAX],
    /// In the order in which it came under way.
    pub(crate) pending: Vec<Pending>,
    /// The witness of a guarded group.
    pub(crate) witness: Register,
    /// Messages from one server to another arrive in their order, as in a guarded group.
    pub(crate) is_ordered: bool,
    /// How many faults may still strike.
    pub(crate) faults_left: u8,
    /// The servers that have begun with what is due at this instant; they finish before others begin.
    pub(crate) turn: Members,
    /// Those that have to do with them; they go on before others begin.
    pub(crate) group: Members,
    /// Nothing has happened yet at this instant, and it makes a difference.
    pub(crate) is_fresh: bool,
    /// How long the run has taken; no part of the state.
    pub(crate) elapsed: Span,
}

impl State {
    pub(crate) fn size(&self) -> usize {
        self.servers.len()
    }

    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = ServerId> + Clone + use<> {
        ServerId::all(self.size())
    }

    pub(crate) fn works(&self, from: ServerId, to: ServerId) -> bool {
        !self.cut[from.index()].contains(to)
    }

    /// Whether an examination or a command of `from` gets an answer from `to`.
    pub(crate) fn reaches(&self, from: ServerId, to: ServerId) -> bool {
        self.servers[to.index()].answers() && self.works(from, to) && self.works(to, from)
    }

    pub(crate) fn links_are_whole(&self) -> bool {
        self.cut == [Members::NONE; SERVERS_MAX]
    }

    /// The hosts at which clients reach the virtual IP address of `function`.
    pub(crate) fn holders(&self, function: ServerId) -> Members {
        self.all()
            .filter(|host| {
                let server = &self.servers[host.index()];
                let own = *host == function && server.holds_own;
                let guest = server.guests[function.index()] == Guest::Holding;
                server.answers() && (own || guest)
            })
            .fold(Members::NONE, Members::with)
    }

    /// The hosts on which the virtual server of `function` runs.
    pub(crate) fn runners(&self, function: ServerId) -> Members {
        self.all()
            .filter(|host| {
                let server = &self.servers[host.index()];
                server.answers() && server.guests[function.index()] != Guest::Suspended
            })
            .fold(Members::NONE, Members::with)
    }

    /// The server at which `action` happens or strikes; none when it is about links.
    pub(crate) fn server_of(&self, action: Move) -> Option<ServerId> {
        let at = |place: u16| self.pending[usize::from(place)].what.server();
        match action {
            Move::Happen(place) => at(place),
            Move::Wake(server) => Some(server),
            Move::Strike(fault) => match fault {
                Fault::Crash(server)
                | Fault::Restart(server)
                | Fault::Service(server)
                | Fault::Stuck(server)
                | Fault::Pause(server, _) => Some(server),
                Fault::Loss(place)
                | Fault::Duplicate(place, _)
                | Fault::Late(place, _)
                | Fault::Fail(place)
                | Fault::Hang(place)
                | Fault::Slow(place, _) => at(place),
                Fault::Cut(..) | Fault::Partition(..) => None,
            },
        }
    }

    /// Whether clients get the service of `function`.
    pub(crate) fn is_served(&self, function: ServerId) -> bool {
        let healthy = self.servers[function.index()].is_healthy();
        self.holders(function)
            .iter()
            .any(|host| host != function || healthy)
    }

    /// When the node of `server` is to be woken.
    pub(crate) fn wake(&self, server: ServerId) -> Option<Time> {
        let state = &self.servers[server.index()];
        let wake = self.nodes[server.index()].wake;
        wake.filter(|_| state.is_managing)
            .map(|at| at.max(state.awake_at))
    }

    /// Whether links may be struck, or heal, at this instant.
    pub(crate) fn may_touch_links(&self) -> bool {
        let heals = |p: &Pending| matches!(p.what, What::Heal { .. }) && p.at <= NOW;
        self.faults_left > 0 || self.pending.iter().any(heals)
    }

    /// When something under way happens, a paused server's sleep included.
    pub(crate) fn due(&self, pending: &Pending) -> Time {
        match pending.what.server() {
            Some(server) if pending.what.needs_awake() => {
                pending.at.max(self.servers[server.index()].awake_at)
            }
            _ => pending.at,
        }
    }

    /// Whether `server` may have this on it.
    pub(crate) fn may(&self, server: ServerId, claim: Claim) -> bool {
        let hold = What::HoldEnds { server, claim };
        self.pending.iter().any(|pending| pending.what == hold)
    }

    /// How many messages under way were sent before the one at `place` on the same way.
    pub(crate) fn overtaken(&self, place: usize) -> usize {
        let way = |pending: &Pending| match pending.what {
            What::Message {
                from, to, is_late, ..
            } if !is_late => Some((from, to)),
            _ => None,
        };
        let Some(mine) = way(&self.pending[place]) else {
            return 0;
        };
        let earlier = self.pending[..place].iter();
        earlier.filter(|other| way(other) == Some(mine)).count()
    }

    /// Whether the message at `place` has to wait for one that was sent before it.
    pub(crate) fn waits_its_turn(&self, place: usize) -> bool {
        self.is_ordered && self.overtaken(place) > 0
    }

    /// What tells this state from all others but those that are it in a turned ring, and the server
    /// from which the ring is then seen. The order in which things came under way makes no difference.
    pub(crate) fn print(&self) -> (Print, ServerId) {
        let size = self.size();
        let (mut under_way, mut healings) = ([0; SERVERS_MAX], Vec::new());
        for (place, pending) in self.pending.iter().enumerate() {
            match pending.what.server() {
                Some(server) => {
                    let earlier = if self.is_ordered {
                        self.overtaken(place)
                    } else {
                        0
                    };
                    let sum: &mut Print = &mut under_way[server.index()];
                    *sum = sum.wrapping_add(print_of(&(pending.print, pending.at, earlier)));
                }
                None => healings.push((pending.at, pending.what)),
            }
        }
        let seen = self.all().map(|server| {
            let (place, home) = (server.index(), Rotation::home(server, size));
            print_of(&(
                self.nodes[place].print,
                self.servers[place].rotated(home),
                self.cut[place].rotated(home),
                under_way[place],
                self.turn.contains(server),
                self.group.contains(server),
            ))
        });
        let seen: Vec<Print> = seen.collect();
        let from = |first: ServerId| {
            let mut printer = Printer::new();
            printer.write_u8(self.faults_left << 1 | u8::from(self.is_fresh));
            for server in [first].into_iter().chain(first.after(size)) {
                printer.write_u128(seen[server.index()]);
            }
            let home = Rotation::home(first, size);
            printer.write_u128(print_of(&self.witness.rotated(home)));
            let healings = healings
                .iter()
                .map(|(at, what)| print_of(&(at, what.rotated(home))));
            printer.write_u128(healings.fold(0, Print::wrapping_add));
            (printer.print(), first)
        };
        let (begin, rest) = (self.nodes[0].config().me(), 1..size);
        let others = rest.filter_map(ServerId::new).map(from);
        others.fold(
            from(begin),
            |one, other| if other.0 < one.0 { other } else { one },
        )
    }
}
