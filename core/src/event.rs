//! What is worth knowing: typed, never prose.

use crate::id::{Members, ServerId};
use crate::lease::Claim;

/// The kinds of trouble that an examination can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// The network is normal, but a service does not answer.
    Service,
    /// The network does not answer.
    Network,
    /// Guarded groups only: network and services are well, but the server's management side asks for
    /// no lease, so its address is nowhere.
    Management,
}

/// What the background job tries next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Means {
    /// Restart the service programs.
    RestartServices,
    /// Restart the server.
    RestartServer,
    /// Wait for the server to come back by itself.
    AwaitReturn,
    /// Power the server on.
    PowerOn,
    /// Guarded groups only: switch the power surely off, so that nothing is left to be waited for.
    Fence,
}

/// Something that a log, a checker or a status page needs. Seen by the node that notes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The management programs have started, and this server manages from now on.
    Managing,
    /// The management programs have stopped.
    Stopped,
    /// An examination found trouble for the first time. The recovery times of the paper count from
    /// here.
    Detected {
        /// The examined server.
        target: ServerId,
        /// What was found.
        trouble: Trouble,
    },
    /// The trouble is certain: network trouble by a second examination, service trouble at once.
    Confirmed {
        /// The examined server.
        target: ServerId,
        /// What was found.
        trouble: Trouble,
    },
    /// The second examination found the network normal.
    FalseAlarm {
        /// The examined server.
        target: ServerId,
    },
    /// S.file did not come in time; this server examines the target alone.
    SyncMissed {
        /// The target.
        target: ServerId,
    },
    /// The other manager is dead or silent; this server acts in its place.
    StoodIn {
        /// The target.
        target: ServerId,
        /// The manager that should have acted.
        manager: ServerId,
    },
    /// Both managers acted, and this one leaves the target to the other.
    Deferred {
        /// The target.
        target: ServerId,
        /// The manager that goes on.
        to: ServerId,
    },
    /// The background job tries something.
    Tried {
        /// The target.
        target: ServerId,
        /// What it tries.
        means: Means,
    },
    /// The target's own management side has reported that it is there again.
    Returned {
        /// The target.
        target: ServerId,
    },
    /// up.file: the real server is normal again (the paper's recovery of the target server).
    Recovered {
        /// The target.
        target: ServerId,
    },
    /// down.file: the target cannot be recovered.
    GivenUp {
        /// The target.
        target: ServerId,
    },
    /// The virtual server on this host runs, but does not hold the virtual IP address yet.
    VirtualServerStarted {
        /// Its function.
        function: ServerId,
    },
    /// The virtual server on this host holds the virtual IP address (the paper's recovery of the
    /// server function).
    Served {
        /// The function.
        function: ServerId,
    },
    /// The virtual server on this host no longer holds the virtual IP address.
    Released {
        /// The function.
        function: ServerId,
    },
    /// The virtual server on this host is suspended again.
    Suspended {
        /// Its function.
        function: ServerId,
    },
    /// The virtual server cannot be started on this host.
    VirtualServerFailed {
        /// Its function.
        function: ServerId,
    },
    /// No memory is left on this host for one more virtual server; the function stays unserved here.
    NoRoom {
        /// The function.
        function: ServerId,
    },
    /// This server holds its own virtual IP address.
    OwnAddressHeld,
    /// This server no longer holds its own virtual IP address.
    OwnAddressDropped,
    /// The structure has changed, as far as this server knows.
    StructureChanged {
        /// The servers that are now in the ring.
        members: Members,
    },
    /// The lease of what this server holds has ended, so it holds it no longer.
    LeaseLost {
        /// The address or image.
        claim: Claim,
    },
    /// What operators have ordered for a server has changed, as far as this one knows.
    Ordered {
        /// The server.
        server: ServerId,
        /// Whether it is in maintenance.
        maintenance: bool,
        /// Whether nothing about its function may move.
        frozen: bool,
        /// Whether its function shall be with its virtual server.
        away: bool,
    },
    /// Trouble that nothing is done about, because operators ordered it so. Noted once.
    LeftAlone {
        /// The server in trouble.
        target: ServerId,
        /// What was found.
        trouble: Trouble,
    },
    /// The virtual server on this host takes the function of a healthy server over, as planned.
    HandOverBegun {
        /// The server.
        target: ServerId,
    },
    /// The planned hand-over has failed; the server keeps its function, or gets it back.
    HandOverFailed {
        /// The server.
        target: ServerId,
    },
    /// Nothing is left to recover, or to be recovered, but the function stays where it is: by an order,
    /// by the failback policy, or because the server is going down.
    Parked {
        /// The server.
        target: ServerId,
    },
    /// This server goes down on purpose, and nothing that clients need is left on it.
    Left,
    /// A manager that nobody agrees with wanted this server's address, and its services are well.
    Refused {
        /// The manager.
        manager: ServerId,
    },
    /// Another machine answers for an address that is on this server.
    RivalSeen {
        /// The function whose address it is.
        function: ServerId,
    },
    /// The virtual server on this host drops its address, because another server's right to it goes
    /// before.
    Overruled {
        /// The function.
        function: ServerId,
        /// The server that goes on.
        by: ServerId,
    },
    /// The device says that the power of this server is off.
    Fenced {
        /// The server.
        target: ServerId,
    },
}
