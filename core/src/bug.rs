//! Mistakes that are planted in the protocol on purpose, to see them found.
//!
//! A checker that never finds anything proves little. So each of these can be switched on in a node,
//! under the feature `seeded-bugs`, and a test of the checkers demands that it is found. Without the
//! feature no node can have one, and the questions cost nothing.

use crate::config::Config;

/// A mistake in the protocol.
#[cfg_attr(
    not(feature = "seeded-bugs"),
    allow(
        unreachable_pub,
        reason = "without the feature nobody else can name it"
    )
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// P2 acts as soon as one S.file is missed, without examining anything.
    ActsOnMissedSync,
    /// Of two servers at work on one target neither gives way.
    NobodyDefers,
    /// The acting manager gives no sign of life.
    WorksInSilence,
    /// The other manager examines nothing anew before it stands in for a silent one.
    TrustsOldTrouble,
    /// Trouble that was confirmed is acted upon even when the target has reported meanwhile.
    KeepsOldTrouble,
    /// Whoever gives a target up to another manager leaves its virtual server running.
    AbandonsRunning,
    /// The real server is offered its address while the virtual server still has it.
    GivesBackEarly,
    /// A server that starts takes its address although it hears that another serves in its place.
    IgnoresHolders,
    /// A server that starts takes its address without having asked.
    TakesUnasked,
    /// Nobody is told of a change of the structure: neither by D.file nor by reports.
    HidesStructure,
    /// Of two copies of the structure the older one is kept.
    KeepsOlderStructure,
    /// The services are taken to fail still after they have been restarted.
    DisbelievesRepair,
    /// Both managers resume the virtual server of a target in network trouble.
    ResumesTwice,
    /// No job has a time limit.
    WaitsForEver,
    /// A stop of the programs leaves the virtual servers where they are.
    StopsAndLeaves,
    /// A voter gives a vote that another server has.
    VotesTwice,
    /// A voter that has just started gives votes at once, which it may have given before and forgotten.
    VotesAtOnce,
    /// One vote less than a majority will do.
    CountsOneLess,
    /// An address is assigned without a lease.
    AssignsUnleased,
    /// Nobody tells the driver when what it holds has to end.
    HoldsForEver,
    /// The end of a lease goes unnoticed.
    MissesLeaseEnd,
    /// The votes for an address are given back before the address is off.
    GivesUpEarly,
    /// A job that has failed to take an address or a virtual server off this server is taken to have done so.
    TrustsFailures,
    /// A question leaves out what is being taken off this server.
    LeavesOutHeld,
    /// Votes for what a question has left out still count.
    CountsLeftOut,
    /// A voter takes questions in the order in which they arrive.
    TakesLate,
    /// Of two servers that hold an address and can hear each other neither gives way.
    NeverOverruled,
    /// A manager has a server switched off that it alone cannot hear.
    FencesAlone,
    /// Votes are freed by a fence that struck an earlier life.
    FreesAnyLife,
}

#[cfg(feature = "seeded-bugs")]
impl Bug {
    /// Every one of them.
    pub const ALL: &[Self] = &[
        Self::ActsOnMissedSync,
        Self::NobodyDefers,
        Self::WorksInSilence,
        Self::TrustsOldTrouble,
        Self::KeepsOldTrouble,
        Self::AbandonsRunning,
        Self::GivesBackEarly,
        Self::IgnoresHolders,
        Self::TakesUnasked,
        Self::HidesStructure,
        Self::KeepsOlderStructure,
        Self::DisbelievesRepair,
        Self::ResumesTwice,
        Self::WaitsForEver,
        Self::StopsAndLeaves,
        Self::VotesTwice,
        Self::VotesAtOnce,
        Self::CountsOneLess,
        Self::AssignsUnleased,
        Self::HoldsForEver,
        Self::MissesLeaseEnd,
        Self::GivesUpEarly,
        Self::TrustsFailures,
        Self::LeavesOutHeld,
        Self::CountsLeftOut,
        Self::TakesLate,
        Self::NeverOverruled,
        Self::FencesAlone,
        Self::FreesAnyLife,
    ];
}

#[cfg(feature = "seeded-bugs")]
impl Config {
    /// The same with a mistake planted in it.
    #[must_use]
    pub const fn with_bug(mut self, bug: Bug) -> Self {
        self.bug = Some(bug);
        self
    }

    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

#[cfg(not(feature = "seeded-bugs"))]
impl Config {
    /// No node has a mistake planted in it.
    #[expect(
        clippy::unused_self,
        reason = "with the feature it looks into the configuration"
    )]
    #[inline]
    pub(crate) const fn has(&self, _: Bug) -> bool {
        false
    }
}

#[cfg(feature = "seeded-bugs")]
impl crate::node::Node {
    /// Plants a mistake in a node, from now on.
    pub fn plant(&mut self, bug: Bug) {
        self.config = self.config.with_bug(bug);
    }
}
