//! The structure: who is in the ring, and which host serves each function.
//!
//! Every server's entry carries a count of its changes, and two copies merge entry by entry, the
//! later one winning. So the order in which reports of separate changes arrive does not matter, and
//! members that hear of the same changes end up with the same structure.

use core::fmt;

use crate::id::{Members, SERVERS_MAX, ServerId};

/// Stands for "no host" in the table, beyond every place in a ring.
pub(crate) const NOBODY: u8 = u8::MAX;

/// For each size of a ring the modulus by which [`Structure::digest`] counts, and a root of one: its
/// power of that size, and no lower one, is 1.
///
/// The moduli are composite on purpose. A prime one would give 0 to every structure that a turn of
/// the ring leaves as it is, be it by one place or by half the ring; these have a factor for each of
/// the orders of such turns, so that such structures are told apart too.
const DIGEST_RINGS: [(u32, u32); SERVERS_MAX + 1] = [
    (65_535, 1),
    (65_535, 1),
    (65_535, 256),
    (65_534, 4_713),
    (65_535, 16),
    (65_512, 2_129),
    (46_189, 41_447),
    (65_486, 20_277),
    (52_767, 4_841),
];

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

    /// The same structure of servers that have other places: each goes `to` its own.
    pub(crate) fn moved(&self, to: impl Fn(ServerId) -> ServerId) -> Self {
        let mut moved = *self;
        for function in ServerId::all(SERVERS_MAX) {
            let place = to(function).index();
            moved.changes[place] = self.changes(function);
            moved.hosts[place] = self
                .host(function)
                .map_or(NOBODY, |host| to(host).index() as u8);
        }
        moved
    }

    /// What is known when both copies are: entry by entry the one with more changes.
    ///
    /// Of two different entries with as many changes the one whose host is the nearest before the
    /// function's own server wins, that server itself comes after them, and nobody last; both sides
    /// decide alike, so the copies still meet.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        for function in ServerId::all(SERVERS_MAX) {
            if other.claim(function) > self.claim(function) {
                let place = function.index();
                self.changes[place] = other.changes[place];
                self.hosts[place] = other.hosts[place];
            }
        }
        self
    }

    /// What the entry of `function` is worth against another copy's.
    fn claim(&self, function: ServerId) -> (u16, Option<usize>) {
        let host = self.host(function);
        let nearness = host.map(|host| function.distance(host));
        (self.changes(function), nearness)
    }

    /// A short sum that differs, but for rare chance, between different structures of a ring of
    /// `size` servers.
    ///
    /// The entry of each place is mixed, with its host counted from the place, and multiplied by a
    /// root of one to the power of the place. So turning the ring by one place multiplies the sum by
    /// that root, and no place is special; see `turned_digest`.
    #[must_use]
    pub fn digest(&self, size: usize) -> u16 {
        let (modulus, root) = DIGEST_RINGS[size.min(SERVERS_MAX)];
        let places = ServerId::all(size).rev();
        let sum = places.fold(0, |sum, function| {
            let steps = |host: ServerId| (size + host.index() - function.index()) % size;
            let host = self
                .host(function)
                .map_or(u32::from(NOBODY), |host| steps(host) as u32);
            let entry = u32::from(self.changes(function)) << 8 | host;
            let mixed = (entry + 1).wrapping_mul(0x9e37_79b1);
            let mixed = (mixed ^ mixed >> 15).wrapping_mul(0xe409_6151);
            (sum * root + (mixed ^ mixed >> 16) % modulus) % modulus
        });
        sum as u16
    }
}

/// The digest of a structure whose digest is `digest`, after its ring of `size` was turned by `by`
/// places. What is no digest of any structure stays as it is.
pub(crate) fn turned_digest(digest: u16, by: usize, size: usize) -> u16 {
    let (modulus, root) = DIGEST_RINGS[size.min(SERVERS_MAX)];
    let digest = u32::from(digest);
    let turned = (0..by).fold(digest, |sum, _| sum * root % modulus);
    if digest < modulus {
        turned as u16
    } else {
        digest as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;

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
        assert_ne!(ring.digest(4), later.digest(4));
    }

    #[test]
    fn equal_counts_are_settled_alike_on_both_sides() {
        let ring = Structure::whole(4);
        let left = ring.with_host(s(2), Some(s(1)));
        let right = ring.with_host(s(2), Some(s(3)));
        assert_eq!(left.merged(&right), right.merged(&left));
        assert_eq!(left.merged(&right).host(s(2)), Some(s(1)));
    }

    #[test]
    fn of_equal_counts_the_nearest_host_before_wins_in_every_ring() {
        let claims = |size: usize, function: ServerId| {
            let before = function.before(size).map(Some);
            before.chain([Some(function), None]).collect::<Vec<_>>()
        };
        for size in 2..=SERVERS_MAX {
            for function in ServerId::all(size) {
                let of = |host| Structure::whole(size).with_host(function, host);
                for pair in claims(size, function).windows(2) {
                    let [better, worse] = [of(pair[0]), of(pair[1])];
                    assert_eq!(better.merged(&worse), better);
                    assert_eq!(worse.merged(&better), better);
                }
            }
        }
    }

    /// Every structure that up to `changes` changes can make of `structure`.
    fn changed(structure: Structure, size: usize, changes: usize, all: &mut Vec<Structure>) {
        all.push(structure);
        if changes > 0 {
            for function in ServerId::all(size) {
                for host in ServerId::all(size).map(Some).chain([None]) {
                    changed(structure.with_host(function, host), size, changes - 1, all);
                }
            }
        }
    }

    fn assert_digests_differ(mut all: Vec<Structure>, size: usize) {
        all.sort_unstable_by_key(|one| (one.digest(size), one.changes, one.hosts));
        all.dedup();
        let same = |pair: &[Structure]| pair[0].digest(size) == pair[1].digest(size);
        assert_eq!(all.windows(2).find(|pair| same(pair)), None);
    }

    #[test]
    fn digests_tell_structures_apart() {
        for size in 2..=4 {
            let mut all = Vec::new();
            changed(Structure::whole(size), size, 2, &mut all);
            assert_digests_differ(all, size);
        }
    }

    #[test]
    fn digests_tell_structures_apart_that_a_turn_leaves_as_they_are() {
        for size in 2..=SERVERS_MAX {
            let mut all = Vec::new();
            // Every `step`th server was cut out by the one before it, and has come back.
            for step in 1..=size / 2 {
                for first in 0..step {
                    let mut structure = Structure::whole(size);
                    let servers = || ServerId::all(size).skip(first).step_by(step);
                    for _ in 0..4 {
                        structure = servers().fold(structure, |structure, server| {
                            structure.with_host(server, server.before(size).next())
                        });
                        // With nobody left in the ring there is nobody to compare with.
                        if step > 1 {
                            all.push(structure);
                        }
                        structure = servers().fold(structure, |structure, server| {
                            structure.with_host(server, Some(server))
                        });
                        all.push(structure);
                    }
                }
            }
            assert_digests_differ(all, size);
        }
    }

    #[test]
    fn the_roots_have_the_order_of_their_ring() {
        for size in 2..=SERVERS_MAX {
            assert_eq!(turned_digest(1, size, size), 1);
            assert!((1..size).all(|by| turned_digest(1, by, size) != 1));
            assert_eq!(turned_digest(u16::MAX, 1, size), u16::MAX);
        }
    }
}
