//! What servers tell each other first on a connection: by which settings they go, and in which life they are.

use core::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use tetrarch_core::{Safety, Timing, Version, wire};
use thiserror::Error;

/// The versions of the protocol that a server speaks: all from the oldest to the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// The oldest.
    pub oldest: u8,
    /// The newest, not before the oldest.
    pub newest: u8,
}

impl Versions {
    /// Those that this program speaks.
    pub const SPOKEN: Self = Self {
        oldest: wire::VERSION_MIN,
        newest: wire::VERSION,
    };

    /// The newest version that both speak; none when there is none.
    #[must_use]
    pub fn common(self, other: Self) -> Option<Version> {
        let newest = self.newest.min(other.newest);
        let is_common = newest >= self.oldest.max(other.oldest);
        Version::new(newest).filter(|_| is_common)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.oldest == self.newest {
            write!(f, "version {}", self.newest)
        } else {
            write!(f, "versions {} to {}", self.oldest, self.newest)
        }
    }
}

/// The settings of a group that all its members must have alike, and the versions of which they must have one
/// in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The versions of the protocol that the sender speaks.
    pub versions: Versions,
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
    /// One has a program that is too new for the other.
    #[error(
        "it speaks {theirs} of the protocol, this server {ours}, and none in common: upgrade by way of a program \
         between the two"
    )]
    Version {
        /// This server's.
        ours: Versions,
        /// The other one's.
        theirs: Versions,
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
            versions: Versions::SPOKEN,
            safety,
            ring: digest(&names.join(" ")),
            // Every field has its name and its length in this text, so none can be forgotten.
            timing: digest(&format!("{timing:?}")),
        }
    }

    /// The version of the protocol in which this server and a member with the settings `theirs` speak to each
    /// other.
    ///
    /// # Errors
    ///
    /// Names what the member does not have as this server has, or that there is no such version.
    pub fn agreed(&self, theirs: &Self) -> Result<Version, Difference> {
        let different = |ours, theirs| Difference::Version { ours, theirs };
        let version = self.versions.common(theirs.versions);
        let version = version.ok_or(different(self.versions, theirs.versions))?;
        if self.safety != theirs.safety {
            let (ours, theirs) = (self.safety, theirs.safety);
            return Err(Difference::Safety { ours, theirs });
        }
        if self.ring != theirs.ring {
            return Err(Difference::Ring);
        }
        if self.timing != theirs.timing {
            return Err(Difference::Timing);
        }
        Ok(version)
    }
}

impl Greeting {
    /// The greeting of an agent whose life begins now.
    #[must_use]
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
            ours.agreed(&settings(&["A", "b"], Safety::Guarded, timing)),
            Ok(Version::NEWEST)
        );
        let other = settings(&["b", "a"], Safety::Guarded, timing);
        assert_eq!(ours.agreed(&other), Err(Difference::Ring));
        let longer = Timing {
            lease_margin: timing.lease_margin + Span::from_nanos(1),
            ..timing
        };
        let other = settings(&["a", "b"], Safety::Guarded, longer);
        assert_eq!(ours.agreed(&other), Err(Difference::Timing));
        let other = settings(&["a", "b"], Safety::Paper, timing);
        let told = ours.agreed(&other).unwrap_err().to_string();
        assert_eq!(
            told,
            "its safety is \"paper\", that of this server \"guarded\""
        );
    }

    #[test]
    fn neighbouring_versions_have_one_in_common_and_others_are_refused() {
        let versions = |oldest, newest| Versions { oldest, newest };
        let ours = versions(1, 2);
        assert_eq!(ours, Versions::SPOKEN);
        for (theirs, common) in [
            (versions(1, 1), Some(Version::V1)),
            (versions(1, 2), Some(Version::V2)),
            // The next program speaks this one's newest, and one of its own.
            (versions(2, 3), Some(Version::V2)),
            (versions(1, 9), Some(Version::V2)),
            (versions(3, 4), None),
            (versions(0, 0), None),
        ] {
            assert_eq!(ours.common(theirs), common, "{theirs}");
            assert_eq!(theirs.common(ours), common, "{theirs}");
        }
        let timing = tetrarch_sim::parameters::Parameters::paper().timing();
        let ours = Settings::new(["a", "b"], Safety::Guarded, &timing);
        let later = Settings {
            versions: versions(4, 4),
            ..ours
        };
        let told = ours.agreed(&later).unwrap_err().to_string();
        assert_eq!(
            told,
            "it speaks version 4 of the protocol, this server versions 1 to 2, and none in common: upgrade by way \
             of a program between the two"
        );
    }
}
