//! Which kinds of faults a seed knows.

use core::fmt;

use rand::{Rng, RngExt};

/// A kind of fault. Those that last are ended some time later by their opposites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Services stop, and restarting them helps.
    S1t,
    /// Services stop, and only a restart of the server helps.
    S2t,
    /// A server is restarted.
    N1t,
    /// A server is shut down.
    N2t,
    /// A server loses power.
    Crash,
    /// A server loses power for good, until it is repaired.
    Destroy,
    /// A server's management programs are stopped, and later started.
    Agent,
    /// A server's clock runs faster or slower than the others, within what the margin allows.
    ClockDrift,
    /// Everything loses power at once, and comes back some time later.
    Outage,
    /// A function's virtual server can no longer be resumed, but started.
    ResumeFails,
    /// A function's virtual server can no longer be started; at most half of the group's.
    VirtualServer,
    /// The file server is down for a while.
    FileServerDown,
    /// The file server is slow for a while.
    FileServerSlow,
    /// The file server becomes slow, slower, does not answer at all, and is repaired.
    FileServerDying,
    /// One server does not reach the file server for a while.
    FileServerCut,
    /// A server's management programs stand still for a while, and go on.
    AgentPause,
    /// A server's machine stands still for a while, and goes on.
    Pause,
    /// One server's messages do not reach another for a while.
    Cut,
    /// The same, many times with little time between.
    Flap,
    /// A share of one server's messages to another is lost for a while.
    LinkLoss,
    /// One server's messages to another take longer for a while, in their order.
    LinkDelay,
    /// A share of all messages is late for a while, and may be overtaken.
    Late,
    /// A share of all messages comes twice for a while.
    Doubled,
    /// The group falls into two parts for a while.
    Partition,
    /// A share of all messages is lost for a while.
    Loss,
    /// Operators give orders, and withdraw those that last after a while.
    Orders,
}

impl Kind {
    /// Every kind: those that the paper's protocol does not survive after the others, orders last.
    pub const ALL: &[Self] = &[
        Self::S1t,
        Self::S2t,
        Self::N1t,
        Self::N2t,
        Self::Crash,
        Self::Destroy,
        Self::Agent,
        Self::ClockDrift,
        Self::Outage,
        Self::ResumeFails,
        Self::VirtualServer,
        Self::FileServerDown,
        Self::FileServerSlow,
        Self::FileServerDying,
        Self::FileServerCut,
        Self::AgentPause,
        Self::Pause,
        Self::Cut,
        Self::Flap,
        Self::LinkLoss,
        Self::LinkDelay,
        Self::Late,
        Self::Doubled,
        Self::Partition,
        Self::Loss,
        Self::Orders,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::S1t => "S1t",
            Self::S2t => "S2t",
            Self::N1t => "N1t",
            Self::N2t => "N2t",
            Self::Crash => "crash",
            Self::Destroy => "destroy",
            Self::Agent => "agent",
            Self::VirtualServer => "virtual-server",
            Self::FileServerDown => "file-server-down",
            Self::FileServerSlow => "file-server-slow",
            Self::ClockDrift => "clock-drift",
            Self::Outage => "outage",
            Self::ResumeFails => "resume-fails",
            Self::FileServerDying => "file-server-dying",
            Self::FileServerCut => "file-server-cut",
            Self::AgentPause => "agent-pause",
            Self::Pause => "pause",
            Self::Flap => "flap",
            Self::LinkLoss => "link-loss",
            Self::LinkDelay => "link-delay",
            Self::Late => "late",
            Self::Doubled => "doubled",
            Self::Cut => "cut",
            Self::Partition => "partition",
            Self::Loss => "loss",
            Self::Orders => "orders",
        }
    }

    /// Whether a message or a whole server may be lost or late for it, which the paper's protocol does
    /// not survive.
    #[must_use]
    pub const fn breaks_links(self) -> bool {
        matches!(
            self,
            Self::AgentPause
                | Self::Pause
                | Self::Cut
                | Self::Flap
                | Self::LinkLoss
                | Self::LinkDelay
                | Self::Late
                | Self::Doubled
                | Self::Partition
                | Self::Loss
        )
    }
}

/// The kinds of faults that one seed knows; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    kinds: Vec<Kind>,
}

impl Mix {
    /// Throws the dice: half of all seeds have whole links, and each kind that is left is on or off.
    ///
    /// Whether there are orders is up to dice of their own, `operators`, so that a seed has the same
    /// faults with and without them.
    pub(super) fn draw(dice: &mut impl Rng, operators: &mut impl Rng) -> Self {
        let whole_links = dice.random_bool(0.5);
        let allowed: Vec<Kind> = Kind::ALL
            .iter()
            .copied()
            .filter(|kind| *kind != Kind::Orders && !(whole_links && kind.breaks_links()))
            .collect();
        let mut kinds: Vec<Kind> = allowed
            .iter()
            .copied()
            .filter(|_| dice.random_bool(0.5))
            .collect();
        if kinds.is_empty() {
            kinds.push(allowed[dice.random_range(0..allowed.len())]);
        }
        if operators.random_bool(0.5) {
            kinds.push(Kind::Orders);
        }
        Self { kinds }
    }

    /// The kinds, in the order of [`Kind::ALL`].
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The kinds without orders.
    pub(super) fn faults(&self) -> &[Kind] {
        let orders = usize::from(self.has_orders());
        &self.kinds[..self.kinds.len() - orders]
    }

    /// Whether operators give orders.
    pub(super) fn has_orders(&self) -> bool {
        self.kinds.last() == Some(&Kind::Orders)
    }

    /// Whether no kind breaks links: only then the paper's protocol promises safety.
    #[must_use]
    pub fn has_whole_links(&self) -> bool {
        !self.kinds.iter().any(|kind| kind.breaks_links())
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.kinds.iter().map(|kind| kind.name()).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::stream;

    #[test]
    fn every_kind_is_on_in_some_seeds_and_off_in_others_and_none_is_empty() {
        let mixes: Vec<Mix> = (0..200)
            .map(|seed| Mix::draw(&mut stream(seed, 0), &mut stream(seed, 3)))
            .collect();
        for kind in Kind::ALL {
            let on = mixes.iter().filter(|mix| mix.kinds.contains(kind)).count();
            assert!((20..180).contains(&on), "{}: {on}", kind.name());
        }
        assert!(mixes.iter().all(|mix| !mix.faults().is_empty()));
        let orders = |mix: &Mix| mix.faults().contains(&Kind::Orders);
        assert!(!mixes.iter().any(orders));
        let whole = mixes.iter().filter(|mix| mix.has_whole_links()).count();
        assert!((80..160).contains(&whole), "{whole}");
    }
}
