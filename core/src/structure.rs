//! The structure: who is in the ring, and which host serves each function.
//!
//! Every server's entry carries a count of its changes, and two copies merge entry by entry, the
//! later one winning. So the order in which reports of separate changes arrive does not matter, and
//! members that hear of the same changes end up with the same structure.

use core::fmt;

use crate::id::{Members, SERVERS_MAX, ServerId};

/// Stands for "no host" in the table, beyond every place in a ring.
pub(crate) const NOBODY: u8 = u8::MAX;

/// Who serves what. Equal values mean the same structure.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Structure {
    changes: [u16; SERVERS_MAX],
    hosts: [u8; SERVERS_MAX],
}

/// In traces, one entry after the other in ring order: the host of the function, `-` for nobody, and
/// how often the entry has changed, when it has: `[S1, S1/1, S3, -/2]`.
impl fmt::Debug for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entries = f.debug_list();
        for function in ServerId::all(SERVERS_MAX) {
            let changes = self.changes(function);
            match (self.host(function), changes) {
                (None, 0) => {}
                (None, _) => drop(entries.entry(&format_args!("-/{changes}"))),
                (Some(host), 0) => drop(entries.entry(&format_args!("{host}"))),
                (Some(host), _) => drop(entries.entry(&format_args!("{host}/{changes}"))),
            }
        }
        entries.finish()
    }
}

impl Structure {
    /// A whole ring of `size` servers, each serving its own function.
    #[must_use]
    pub fn whole(size: usize) -> Self {
        let mut hosts = [NOBODY; SERVERS_MAX];
        for server in ServerId::all(size) {
            hosts[server.index()] = server.index() as u8;
        }
        Self {
            changes: [0; SERVERS_MAX],
            hosts,
        }
    }

    /// The structure with these counts of changes and these hosts, entry by entry in ring order.
    ///
    /// The error is the first function whose host is neither a place in a ring nor [`NOBODY`].
    pub(crate) fn from_entries(
        changes: [u16; SERVERS_MAX],
        hosts: [u8; SERVERS_MAX],
    ) -> Result<Self, ServerId> {
        let is_wrong = |function: &ServerId| {
            let host = hosts[function.index()];
            host != NOBODY && ServerId::new(usize::from(host)).is_none()
        };
        match ServerId::all(SERVERS_MAX).find(is_wrong) {
            Some(function) => Err(function),
            None => Ok(Self { changes, hosts }),
        }
    }

    /// How often each entry has changed, in ring order.
    pub(crate) const fn all_changes(&self) -> &[u16; SERVERS_MAX] {
        &self.changes
    }

    /// The host of each function in ring order, or [`NOBODY`].
    pub(crate) const fn all_hosts(&self) -> &[u8; SERVERS_MAX] {
        &self.hosts
    }

    /// The servers in the ring: those that serve their own function.
    #[must_use]
    pub fn members(&self) -> Members {
        ServerId::all(SERVERS_MAX)
            .filter(|server| self.contains(*server))
            .fold(Members::NONE, Members::with)
    }

    /// Whether `server` is in the ring.
    #[must_use]
    pub fn contains(&self, server: ServerId) -> bool {
        usize::from(self.hosts[server.index()]) == server.index()
    }

    /// The host of `function`: its own server, the host of its virtual server, or nobody.
    #[must_use]
    pub fn host(&self, function: ServerId) -> Option<ServerId> {
        ServerId::new(usize::from(self.hosts[function.index()]))
    }

    /// The functions whose virtual servers `host` runs for good.
    #[must_use]
    pub fn guests(&self, host: ServerId) -> Members {
        ServerId::all(SERVERS_MAX)
            .filter(|function| *function != host && self.host(*function) == Some(host))
            .fold(Members::NONE, Members::with)
    }

    /// How often the entry of `function` has changed.
    #[must_use]
    pub fn changes(&self, function: ServerId) -> u16 {
        self.changes[function.index()]
    }

    /// The same structure with `host` serving `function`: its own server puts it back in the ring,
    /// any other takes it out.
    #[must_use]
    pub fn with_host(mut self, function: ServerId, host: Option<ServerId>) -> Self {
        let place = function.index();
        self.changes[place] = self.changes[place].saturating_add(1);
        self.hosts[place] = host.map_or(NOBODY, |host| host.index() as u8);
        self
    }

    /// What is known when both copies are: entry by entry the one with more changes.
    ///
    /// Of two different entries with as many changes the one with the lower host wins; both sides
    /// decide alike, so the copies still meet.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        for place in 0..SERVERS_MAX {
            let mine = (self.changes[place], !self.hosts[place]);
            let theirs = (other.changes[place], !other.hosts[place]);
            if theirs > mine {
                self.changes[place] = other.changes[place];
                self.hosts[place] = other.hosts[place];
            }
        }
        self
    }

    /// A short sum that differs, but for rare chance, between different structures.
    #[must_use]
    pub fn digest(&self) -> u16 {
        let mut sum = 0x811c_9dc5_u32;
        for place in 0..SERVERS_MAX {
            for word in [u32::from(self.changes[place]), u32::from(self.hosts[place])] {
                sum = (sum ^ word).wrapping_mul(0x0100_0193);
            }
        }
        (sum ^ sum >> 16) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn s(number: usize) -> ServerId {
        ServerId::new(number - 1).unwrap()
    }

    #[test]
    fn separate_removals_merge_in_either_order() {
        let ring = Structure::whole(4);
        let left = ring.with_host(s(2), Some(s(1)));
        let right = ring.with_host(s(3), Some(s(4)));
        assert_eq!(left.merged(&right), right.merged(&left));
        assert_eq!(
            left.merged(&right).members(),
            Members::NONE.with(s(1)).with(s(4))
        );
        assert_eq!(left.merged(&right).guests(s(4)), Members::NONE.with(s(3)));
    }

    #[test]
    fn prints_hosts_and_changes() {
        let ring = Structure::whole(4)
            .with_host(s(2), Some(s(1)))
            .with_host(s(4), None);
        assert_eq!(format!("{ring:?}"), "[S1, S1/1, S3, -/1]");
        assert_eq!(format!("{:?}", ring.members()), "{S1, S3}");
    }

    #[test]
    fn an_older_copy_changes_nothing() {
        let ring = Structure::whole(4);
        let later = ring.with_host(s(2), None).with_host(s(2), Some(s(2)));
        assert_eq!(later.merged(&ring), later);
        assert_eq!(ring.merged(&later), later);
        assert_ne!(ring.digest(), later.digest());
    }

    #[test]
    fn equal_counts_are_settled_alike_on_both_sides() {
        let ring = Structure::whole(4);
        let left = ring.with_host(s(2), Some(s(1)));
        let right = ring.with_host(s(2), Some(s(3)));
        assert_eq!(left.merged(&right), right.merged(&left));
        assert_eq!(left.merged(&right).host(s(2)), Some(s(1)));
    }
}
