//! One state of the whole system, told apart from others by a fingerprint.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::quality::FixedState;
use tetrarch_core::{
    Action, Claim, JobId, Members, Message, Node, Outcome, Register, SERVERS_MAX, ServerId, Span,
    Time,
};

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

    /// Whether it concerns nobody but its own server, and nothing that clients see: at one instant
    /// such things at different servers can change places without any difference.
    pub(crate) const fn is_local(&self) -> bool {
        match self {
            Self::Message { .. } | Self::Done { .. } => true,
            Self::Effect { action, .. } => is_examination(*action),
            Self::HoldEnds { .. }
            | Self::Answers { .. }
            | Self::Ready { .. }
            | Self::Heal { .. } => false,
        }
    }

    /// Whether it waits for the management programs of its server to be awake.
    pub(crate) const fn needs_awake(&self) -> bool {
        matches!(self, Self::Message { .. } | Self::Done { .. })
    }
}

pub(crate) const fn is_examination(action: Action) -> bool {
    matches!(
        action,
        Action::ExamineNetwork { .. } | Action::ExamineServices { .. }
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pending {
    pub(crate) at: Time,
    pub(crate) what: What,
}

/// The nodes, the world and what is under way.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// In the form of [`Node::rebased`]; shared with other states where nothing has changed.
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) servers: Vec<Server>,
    /// For each server those that its messages do not reach.
    pub(crate) cut: [Members; SERVERS_MAX],
    /// In the order in which it came under way.
    pub(crate) pending: Vec<Pending>,
    /// The witness of a guarded group.
    pub(crate) witness: Register,
    /// How many faults may still strike.
    pub(crate) faults_left: u8,
    /// The server that goes on first with what is due at this instant.
    pub(crate) turn: Option<ServerId>,
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
        let deadline = self.nodes[server.index()].view().deadline();
        deadline
            .filter(|_| state.is_managing)
            .map(|deadline| deadline.at.max(state.awake_at))
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

    /// Whether a message that was sent before this one on the same way is due as well. In a guarded
    /// group messages from one server to another arrive in their order or not at all.
    pub(crate) fn is_overtaking(&self, place: usize) -> bool {
        let way = |what: &What| match *what {
            What::Message {
                from, to, is_late, ..
            } if !is_late => Some((from, to)),
            _ => None,
        };
        let mine = way(&self.pending[place].what);
        mine.is_some()
            && self.pending[..place]
                .iter()
                .any(|earlier| way(&earlier.what) == mine)
    }

    /// Sixty-four bits that tell this state from others. The order in which things came under way
    /// makes no difference.
    pub(crate) fn fingerprint(&self) -> u64 {
        let seed = FixedState::with_seed(0x7e7a);
        let under_way = self.pending.iter().fold(0_u64, |sum, pending| {
            sum.wrapping_add(seed.hash_one(pending))
        });
        let mut hasher = seed.build_hasher();
        for node in &self.nodes {
            node.hash(&mut hasher);
        }
        self.servers.hash(&mut hasher);
        self.cut.hash(&mut hasher);
        self.witness.hash(&mut hasher);
        (self.faults_left, self.turn, under_way).hash(&mut hasher);
        hasher.finish()
    }
}
