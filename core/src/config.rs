//! What a node must know before it starts, checked once.

use thiserror::Error;

#[cfg(feature = "seeded-bugs")]
use crate::bug::Bug;
use crate::id::{Members, SERVERS_MAX, ServerId};
use crate::message::Version;
use crate::time::{Life, Span};
use crate::timing::Timing;

/// Which rules a group plays by. All its members use the same ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Safety {
    /// The paper's protocol. It trusts the network to be whole.
    #[default]
    Paper,
    /// The same protocol under leases: no virtual IP address and no image without a majority's votes.
    Guarded,
}

impl Safety {
    /// Every setting.
    pub const ALL: &[Self] = &[Self::Paper, Self::Guarded];

    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Guarded => "guarded",
        }
    }
}

/// When a server that has been recovered gets its function back from its virtual server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failback {
    /// At once, as in the paper.
    #[default]
    Automatic,
    /// When it has stayed healthy for this long.
    Delayed(Span),
    /// When an operator orders it ([`Order::HandBack`](crate::Order::HandBack)).
    Manual,
}

/// How a server is held off that fails again and again: when it has been recovered more than
/// `recoveries_max` times, none more than `window` after the one before, its function stays with the
/// virtual server until it has been healthy for `hold`, and for twice as long after each further time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Damping {
    /// How many recoveries in a row are taken for bad luck.
    pub recoveries_max: u8,
    /// A server that has not needed any for so long starts counting anew.
    pub window: Span,
    /// The first time that it is held off.
    pub hold: Span,
    /// The longest.
    pub hold_max: Span,
}

/// What a node must know before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    pub(crate) me: ServerId,
    pub(crate) size: u8,
    pub(crate) guests_max: u8,
    pub(crate) safety: Safety,
    pub(crate) timing: Timing,
    pub(crate) version: Version,
    pub(crate) life: Life,
    pub(crate) fenceable: Members,
    pub(crate) failback: Failback,
    pub(crate) damping: Option<Damping>,
    #[cfg(feature = "seeded-bugs")]
    pub(crate) bug: Option<Bug>,
}

/// A configuration that no group can run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A group has 2 to 8 servers.
    #[error("a group has 2 to 8 servers, not {0}")]
    Size(usize),
    /// The server is not one of the group.
    #[error("server {0} is not in a group of {1}")]
    Stranger(ServerId, usize),
    /// A wait of zero would make the node spin.
    #[error("{0} must be longer than zero")]
    Zero(&'static str),
    /// A lease that has ended before it begins.
    #[error("lease_margin is {margin} and must be shorter than lease_term, {term}")]
    Margin {
        /// How much shorter a lease is for its holder.
        margin: Span,
        /// The term of a lease.
        term: Span,
    },
}

impl Config {
    /// A valid configuration of the server `me` in a group of `size`.
    ///
    /// `guests_max` is the number of virtual servers that the host's memory has room for.
    ///
    /// # Errors
    ///
    /// When the group's size is not 2 to 8, the server is not in it, a wait that must not be zero is,
    /// or a lease's margin is not shorter than its term.
    pub fn new(
        me: ServerId,
        size: usize,
        guests_max: u8,
        timing: Timing,
    ) -> Result<Self, ConfigError> {
        if !(2..=SERVERS_MAX).contains(&size) {
            return Err(ConfigError::Size(size));
        }
        if me.index() >= size {
            return Err(ConfigError::Stranger(me, size));
        }
        let positive = [
            ("inter_monitoring", timing.inter_monitoring),
            ("judgement_max", timing.judgement_max),
            ("sync_grace", timing.sync_grace),
            ("join_wait", timing.join_wait),
            ("poll_pause", timing.poll_pause),
            ("examination_max", timing.examination_max),
            ("job_max", timing.job_max),
            ("lease_term", timing.lease_term),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, span)| *span == Span::ZERO) {
            return Err(ConfigError::Zero(name));
        }
        if timing.lease_margin >= timing.lease_term {
            return Err(ConfigError::Margin {
                margin: timing.lease_margin,
                term: timing.lease_term,
            });
        }
        Ok(Self {
            me,
            size: size as u8,
            guests_max,
            safety: Safety::Paper,
            timing,
            version: Version::NEWEST,
            life: Life::FIRST,
            fenceable: Members::NONE,
            failback: Failback::Automatic,
            damping: None,
            #[cfg(feature = "seeded-bugs")]
            bug: None,
        })
    }

    /// The same under other rules; [`Config::new`] gives the paper's.
    #[must_use]
    pub const fn with_safety(mut self, safety: Safety) -> Self {
        self.safety = safety;
        self
    }

    /// The same with another failback policy; [`Config::new`] gives the paper's.
    #[must_use]
    pub const fn with_failback(mut self, failback: Failback) -> Self {
        self.failback = failback;
        self
    }

    /// When a recovered server gets its function back.
    #[must_use]
    pub const fn failback(&self) -> Failback {
        self.failback
    }

    /// The same with flap damping; [`Config::new`] gives none.
    #[must_use]
    pub const fn with_damping(mut self, damping: Option<Damping>) -> Self {
        self.damping = damping;
        self
    }

    /// How servers are held off that fail again and again, if they are.
    #[must_use]
    pub const fn damping(&self) -> Option<Damping> {
        self.damping
    }

    /// The rules that the group plays by.
    #[must_use]
    pub const fn safety(&self) -> Safety {
        self.safety
    }

    /// The same with programs of another version; [`Config::new`] gives the newest.
    #[must_use]
    pub const fn with_version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The version of the protocol that the server's programs speak.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The same for another life of the server's programs; [`Config::new`] gives the first. Every start
    /// of the programs is a life of its own, with a greater number than any before it, and guarded
    /// groups rest on that.
    #[must_use]
    pub const fn with_life(mut self, life: Life) -> Self {
        self.life = life;
        self
    }

    /// Which life of the server's programs this is.
    #[must_use]
    pub const fn life(&self) -> Life {
        self.life
    }

    /// The same where these servers have a device that switches their power surely off;
    /// [`Config::new`] gives none. Only guarded groups make use of it.
    #[must_use]
    pub const fn with_fenceable(mut self, fenceable: Members) -> Self {
        self.fenceable = fenceable;
        self
    }

    /// The servers whose power can be switched surely off.
    #[must_use]
    pub const fn fenceable(&self) -> Members {
        self.fenceable
    }

    pub(crate) const fn is_guarded(&self) -> bool {
        matches!(self.safety, Safety::Guarded)
    }

    /// Whether the shared area votes too: with an even number of servers, so that half of them are
    /// never without a majority just because the other half is gone.
    #[must_use]
    pub const fn has_witness(&self) -> bool {
        self.size.is_multiple_of(2)
    }

    /// The least number of votes that no other server can have as well.
    #[must_use]
    pub const fn majority(&self) -> usize {
        let votes = self.size as usize + if self.has_witness() { 1 } else { 0 };
        votes / 2 + 1
    }

    /// The server that this configuration is for.
    #[must_use]
    pub const fn me(&self) -> ServerId {
        self.me
    }

    /// The number of servers of the group.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size as usize
    }

    /// The number of virtual servers that the host's memory has room for.
    #[must_use]
    pub const fn guests_max(&self) -> u8 {
        self.guests_max
    }

    /// The lengths of time that the protocol decides by.
    #[must_use]
    pub const fn timing(&self) -> &Timing {
        &self.timing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        inter_monitoring: Span::from_secs(1),
        reexamination_wait: Span::from_secs(2),
        judgement_max: Span::from_secs(3),
        hand_off: Span::from_secs(4),
        poll_pause: Span::from_secs(5),
        sync_grace: Span::from_secs(6),
        join_wait: Span::from_secs(7),
        examination_max: Span::from_secs(8),
        job_max: Span::from_secs(9),
        lease_term: Span::from_secs(11),
        lease_margin: Span::from_secs(10),
    };

    fn config(size: usize, timing: Timing) -> Result<Config, ConfigError> {
        Config::new(ServerId::new(1).unwrap(), size, 5, timing)
    }

    #[test]
    fn a_configuration_tells_what_it_was_made_of() {
        let config = config(4, TIMING).unwrap();
        assert_eq!((config.me().index(), config.size()), (1, 4));
        assert_eq!((config.guests_max(), config.timing()), (5, &TIMING));
        assert_eq!(config.safety(), Safety::Paper);
        let guarded = config.with_safety(Safety::Guarded);
        assert_eq!(guarded.safety(), Safety::Guarded);
        assert_eq!(
            Safety::ALL
                .iter()
                .map(|one| one.name())
                .collect::<alloc::vec::Vec<_>>(),
            ["paper", "guarded"]
        );
    }

    #[test]
    fn a_majority_is_the_least_number_that_nobody_else_can_have_too() {
        for (size, votes) in [(2, 3), (3, 3), (4, 5), (5, 5), (6, 7), (7, 7), (8, 9)] {
            let config = config(size, TIMING).unwrap();
            assert_eq!(config.has_witness(), votes > size);
            assert!(2 * config.majority() > votes && 2 * (config.majority() - 1) <= votes);
        }
    }

    #[test]
    fn a_margin_as_long_as_the_term_leaves_no_lease() {
        let lease_margin = TIMING.lease_term;
        let term = lease_margin;
        let refused = config(
            4,
            Timing {
                lease_margin,
                ..TIMING
            },
        );
        let margin = lease_margin;
        assert_eq!(refused, Err(ConfigError::Margin { margin, term }));
    }
}
