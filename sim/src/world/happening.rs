//! What the event queue holds, and what the world tells an observer.

use tetrarch_core::{Claim, Claims, Input, JobId, Message, Outcome, ServerId, ServiceSet};

use crate::scenario::Trouble;

/// An entry of the event queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A message arrives.
    Deliver {
        to: ServerId,
        from: ServerId,
        message: Message,
    },
    /// A server that holds an address looks whether another one within reach does too.
    RivalLooked {
        server: ServerId,
        function: ServerId,
    },
    /// A server notices how its services are.
    ServicesLooked { server: ServerId, life: u32 },
    /// The connection between two servers is there, and one learns what the other speaks.
    Greeted { server: ServerId, other: ServerId },
    /// The result of a job reaches the node that waits for it.
    Finished { ticket: Ticket, outcome: Outcome },
    /// A network examination that is answered would end now.
    NetworkExamined { ticket: Ticket, target: ServerId },
    /// A services examination that is answered ends now.
    ServicesExamined { ticket: Ticket, target: ServerId },
    /// The witness's answer arrives.
    Voted { ticket: Ticket, claims: Claims },
    /// What a server may hold ends, unless it has been extended since.
    HoldEnds {
        server: ServerId,
        life: u32,
        claim: Claim,
    },
    /// A command takes effect where it is carried out.
    Effect { ticket: Ticket, command: Command },
    /// A starting server has come to the part of its start that reads from the file server.
    BootRead { server: ServerId, life: u32 },
    /// A starting server answers on the network.
    Answers { server: ServerId, life: u32 },
    /// Services, the executer among them after a start, are ready.
    ServicesReady {
        server: ServerId,
        life: u32,
        services: ServiceSet,
        started: bool,
    },
    /// A read from the file server is complete, unless the readers have changed since.
    ReadComplete { change: u32 },
    /// A server that has announced it goes down at the latest now.
    GoesDown { server: ServerId, life: u32 },
    /// A fault of the scenario, by its place in the file.
    Fault { place: u16 },
    /// What a node that stood still was to be told.
    Told {
        server: ServerId,
        life: u32,
        input: Input,
    },
}

impl Happening {
    /// The server whose machine it needs.
    pub(super) fn on(&self) -> Option<ServerId> {
        match *self {
            Self::Deliver { to: server, .. }
            | Self::HoldEnds { server, .. }
            | Self::BootRead { server, .. }
            | Self::Answers { server, .. }
            | Self::ServicesReady { server, .. }
            | Self::ServicesLooked { server, .. }
            | Self::Greeted { server, .. }
            | Self::GoesDown { server, .. }
            | Self::Told { server, .. } => Some(server),
            Self::Finished { ticket, .. }
            | Self::NetworkExamined { ticket, .. }
            | Self::ServicesExamined { ticket, .. }
            | Self::Voted { ticket, .. }
            | Self::Effect { ticket, .. } => Some(ticket.server),
            // A look for a rival on a machine that stands still finds that it holds nothing.
            Self::RivalLooked { .. } | Self::ReadComplete { .. } | Self::Fault { .. } => None,
        }
    }

    /// Who sent it, if it is the arrival of a message.
    pub(super) const fn sender(&self) -> Option<ServerId> {
        match *self {
            Self::Deliver { from, .. }
            | Self::Told {
                input: Input::Message { from, .. },
                ..
            } => Some(from),
            _ => None,
        }
    }
}

/// A job, the server that waits for it, and that server's life when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) server: ServerId,
    pub(crate) life: u32,
    pub(crate) job: JobId,
}

/// A command that takes effect some time after it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    RestartServices {
        target: ServerId,
        failing: ServiceSet,
    },
    VirtualServerRuns {
        function: ServerId,
    },
    Assign {
        function: ServerId,
    },
    Release {
        function: ServerId,
    },
    Suspend {
        function: ServerId,
    },
    Fence {
        target: ServerId,
        /// It was healthy and in reach when the order was given.
        in_reach: bool,
    },
    AssignOwn,
    ReleaseOwn,
}

/// What an entry of the queue means for the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stimulus {
    /// Nothing.
    None,
    /// A node gets an input.
    Input(ServerId, Input),
}

/// A change of the simulated system that no node is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorldEvent {
    /// A trouble of the paper strikes this server.
    Trouble(Trouble),
    /// This server lost power.
    PowerLost,
    /// This server has been switched off by a fencing device, healthy and in reach of a majority from the order
    /// on.
    FencedInReach,
    /// This server was repaired and powered on by the operator.
    Repaired,
    /// This server begins to restart.
    Restarting,
    /// This server begins to start from power-off.
    Starting,
    /// This server answers on the network again.
    Answers,
    /// A restart of this server's services begins: they are down until they are ready.
    ServicesRestarting,
    /// All services of this server answer.
    ServicesReady,
    /// This server's machine stands still: it does not answer, and nothing on it goes on.
    StandsStill,
    /// This server's machine goes on, with all its services.
    GoesOn,
    /// Clients find nobody at this function's virtual IP address.
    FunctionLost,
    /// Clients find this function at its virtual IP address again.
    FunctionBack,
    /// Another fault of the scenario strikes this server, by its place in the file.
    Fault(u16),
    /// A fault of the scenario takes effect that is not about one server, such as a partition or
    /// the file server's; by its place in the file. Noted at the first server.
    SystemFault(u16),
}
