//! What servers tell each other first on a connection: by which settings they go, and in which life they are.

use std::time::{SystemTime, UNIX_EPOCH};

use tetrarch_core::{Safety, Timing, wire};
use thiserror::Error;

/// The settings of a group that all its members must have alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The version of the messages.
    pub version: u8,
    /// By which rules the group plays.
    pub safety: Safety,
    /// A digest of the host names in ring order.
    pub ring: u64,
    /// A digest of the protocol's waits.
    pub timing: u64,
}

/// The first frame in either direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The sender's settings.
    pub settings: Settings,
    /// Tells the life of the sender's agent from its other lives: nanoseconds from 1970 to its beginning.
    pub life: u64,
}

/// What two servers do not have alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Difference {
    /// One has a newer program.
    #[error("it speaks version {theirs} of the protocol, this server {ours}")]
    Version {
        /// This server's.
        ours: u8,
        /// The other one's.
        theirs: u8,
    },
    /// The value of `safety`.
    #[error("its safety is {:?}, that of this server {:?}", theirs.name(), ours.name())]
    Safety {
        /// This server's.
        ours: Safety,
        /// The other one's.
        theirs: Safety,
    },
    /// The value of `ring`.
    #[error("its ring has other servers than that of this server, or another order")]
    Ring,
    /// The table `[timing]`.
    #[error("its [timing] is not that of this server")]
    Timing,
}

impl Settings {
    /// The settings of a group with the host names `ring`, in ring order.
    #[must_use]
    pub fn new<'a>(
        ring: impl IntoIterator<Item = &'a str>,
        safety: Safety,
        timing: &Timing,
    ) -> Self {
        let names: Vec<String> = ring.into_iter().map(str::to_ascii_lowercase).collect();
        Self {
            version: wire::VERSION,
            safety,
            ring: digest(&names.join(" ")),
            // Every field has its name and its length in this text, so none can be forgotten.
            timing: digest(&format!("{timing:?}")),
        }
    }

    /// What a member with the settings `theirs` does not have as this server has; none when all is alike.
    #[must_use]
    pub fn difference(&self, theirs: &Self) -> Option<Difference> {
        if self.version != theirs.version {
            let (ours, theirs) = (self.version, theirs.version);
            return Some(Difference::Version { ours, theirs });
        }
        if self.safety != theirs.safety {
            let (ours, theirs) = (self.safety, theirs.safety);
            return Some(Difference::Safety { ours, theirs });
        }
        if self.ring != theirs.ring {
            return Some(Difference::Ring);
        }
        (self.timing != theirs.timing).then_some(Difference::Timing)
    }
}

impl Greeting {
    /// The greeting of an agent whose life begins now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "it only has to be another one for each life"
    )]
    pub fn new(settings: Settings) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let ns = now.map_or(0, |now| now.as_nanos());
        Self {
            settings,
            life: u64::try_from(ns).unwrap_or(u64::MAX),
        }
    }
}

/// FNV-1a, whose values are the same in every version of this program. Members make mistakes with their
/// settings, and do not forge them.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tetrarch_core::Span;

    #[test]
    fn every_difference_is_told() {
        let timing = tetrarch_sim::parameters::Parameters::paper().timing();
        let settings =
            |ring: &[&str], safety, timing| Settings::new(ring.iter().copied(), safety, &timing);
        let ours = settings(&["a", "b"], Safety::Guarded, timing);
        assert_eq!(
            ours.difference(&settings(&["A", "b"], Safety::Guarded, timing)),
            None
        );
        let other = settings(&["b", "a"], Safety::Guarded, timing);
        assert_eq!(ours.difference(&other), Some(Difference::Ring));
        let longer = Timing {
            lease_margin: timing.lease_margin + Span::from_nanos(1),
            ..timing
        };
        let other = settings(&["a", "b"], Safety::Guarded, longer);
        assert_eq!(ours.difference(&other), Some(Difference::Timing));
        let other = settings(&["a", "b"], Safety::Paper, timing);
        let told = ours.difference(&other).unwrap().to_string();
        assert_eq!(
            told,
            "its safety is \"paper\", that of this server \"guarded\""
        );
        let other = Settings { version: 0, ..ours };
        assert!(matches!(
            ours.difference(&other),
            Some(Difference::Version { theirs: 0, .. })
        ));
    }
}
