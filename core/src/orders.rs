//! What operators have ordered, as every server of the group remembers it.
//!
//! Like the [`Structure`](crate::Structure) each server's entry carries a count of its changes, and two
//! copies merge entry by entry, the later one winning. So orders may be given at any server and arrive
//! in any order, and they outlive the restart of any server as long as another one remembers.

use core::fmt;

use crate::id::{Members, SERVERS_MAX, ServerId};

/// Something that an operator orders. It holds until the operator says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// Leave `server` alone, whatever befalls it, or care for it again: nobody recovers it and nobody
    /// takes its function over. It goes on managing others.
    Maintenance {
        /// The server that is worked on.
        server: ServerId,
        /// Whether the maintenance begins or ends.
        on: bool,
    },
    /// The same for every server of the group.
    MaintenanceOfAll {
        /// Whether the maintenance begins or ends.
        on: bool,
    },
    /// Nothing moves in the whole group, or everything may again: no take-over, no means, no hand-back,
    /// no change of the structure.
    Freeze {
        /// Whether the freeze begins or ends.
        on: bool,
    },
    /// The function of `server`, which is healthy, goes to its virtual server and stays there.
    HandOver {
        /// The server whose function moves.
        server: ServerId,
    },
    /// The function of `server` goes back to it as soon as it is healthy, whatever the failback policy
    /// says.
    HandBack {
        /// The server whose function moves.
        server: ServerId,
    },
}

const MAINTENANCE: u8 = 1;
const FROZEN: u8 = 2;
const AWAY: u8 = 4;
const BACK: u8 = 8;
/// Every bit of an entry that means something.
pub(crate) const ORDER_BITS: u8 = MAINTENANCE | FROZEN | AWAY | BACK;

/// All orders that stand, and how often each server's were changed. Equal values mean the same orders.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Orders {
    changes: [u16; SERVERS_MAX],
    bits: [u8; SERVERS_MAX],
}

impl Orders {
    /// Nobody has ever ordered anything.
    pub const NONE: Self = Self {
        changes: [0; SERVERS_MAX],
        bits: [0; SERVERS_MAX],
    };

    /// The orders with one more, in a group of `size`.
    #[must_use]
    pub fn with(self, order: Order, size: usize) -> Self {
        match order {
            Order::Maintenance { server, on } => self.switched(server, MAINTENANCE, on),
            Order::MaintenanceOfAll { on } => self.all_switched(size, MAINTENANCE, on),
            Order::Freeze { on } => self.all_switched(size, FROZEN, on),
            Order::HandOver { server } => self.changed(server, AWAY, BACK),
            Order::HandBack { server } => self.changed(server, BACK, AWAY),
        }
    }

    /// The function of `server` has been given back, as ordered: the order is spent.
    pub(crate) fn handed_back(self, server: ServerId) -> Self {
        self.switched(server, BACK, false)
    }

    fn all_switched(self, size: usize, bit: u8, on: bool) -> Self {
        ServerId::all(size).fold(self, |orders, server| orders.switched(server, bit, on))
    }

    fn switched(self, server: ServerId, bit: u8, on: bool) -> Self {
        if on {
            self.changed(server, bit, 0)
        } else {
            self.changed(server, 0, bit)
        }
    }

    /// What is ordered anew is a change even when it was ordered before: it tries again what failed.
    fn changed(mut self, server: ServerId, set: u8, cleared: u8) -> Self {
        let place = server.index();
        self.changes[place] = self.changes[place].saturating_add(1);
        self.bits[place] = self.bits[place] & !cleared | set;
        self
    }

    /// What is known when both copies are: entry by entry the one with more changes, and of two
    /// different ones with as many the one that orders more.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        for place in 0..SERVERS_MAX {
            let theirs = (other.changes[place], other.bits[place]);
            if theirs > (self.changes[place], self.bits[place]) {
                (self.changes[place], self.bits[place]) = theirs;
            }
        }
        self
    }

    fn has(&self, server: ServerId, bits: u8) -> bool {
        self.bits[server.index()] & bits != 0
    }

    fn servers(&self, bits: u8) -> Members {
        ServerId::all(SERVERS_MAX)
            .filter(|server| self.has(*server, bits))
            .fold(Members::NONE, Members::with)
    }

    /// Whether `server` is not to be recovered, nor its function taken over.
    #[must_use]
    pub fn leaves_alone(&self, server: ServerId) -> bool {
        self.has(server, MAINTENANCE | FROZEN)
    }

    /// Whether nothing about the function of `server` may move.
    #[must_use]
    pub fn freezes(&self, server: ServerId) -> bool {
        self.has(server, FROZEN)
    }

    /// Whether the function of `server` shall be with its virtual server.
    #[must_use]
    pub fn sends_away(&self, server: ServerId) -> bool {
        self.has(server, AWAY)
    }

    /// Whether the function of `server` shall go back to it whatever the failback policy says.
    #[must_use]
    pub fn sends_back(&self, server: ServerId) -> bool {
        self.has(server, BACK)
    }

    /// The servers in maintenance.
    #[must_use]
    pub fn maintained(&self) -> Members {
        self.servers(MAINTENANCE)
    }

    /// The servers whose functions are frozen: all of the group, or none.
    #[must_use]
    pub fn frozen(&self) -> Members {
        self.servers(FROZEN)
    }

    /// The servers whose functions shall be with their virtual servers.
    #[must_use]
    pub fn away(&self) -> Members {
        self.servers(AWAY)
    }

    /// Whether any order stands that all servers must know of.
    pub(crate) fn is_any(&self) -> bool {
        self.bits != [0; SERVERS_MAX]
    }

    /// Whether the orders for `server` were changed since `before`.
    pub(crate) fn differ(&self, before: &Self, server: ServerId) -> bool {
        self.changes[server.index()] != before.changes[server.index()]
            || self.bits[server.index()] != before.bits[server.index()]
    }

    /// Counts of changes and orders of each server, in ring order, as they are written.
    pub(crate) const fn entries(&self) -> (&[u16; SERVERS_MAX], &[u8; SERVERS_MAX]) {
        (&self.changes, &self.bits)
    }

    /// The orders with these counts of changes and these bits, of which [`ORDER_BITS`] mean something.
    pub(crate) const fn from_entries(changes: [u16; SERVERS_MAX], bits: [u8; SERVERS_MAX]) -> Self {
        Self { changes, bits }
    }

    /// The same orders for servers that have other places: each goes `to` its own.
    pub(crate) fn moved(&self, to: impl Fn(ServerId) -> ServerId) -> Self {
        let mut moved = *self;
        for server in ServerId::all(SERVERS_MAX) {
            moved.changes[to(server).index()] = self.changes[server.index()];
            moved.bits[to(server).index()] = self.bits[server.index()];
        }
        moved
    }
}

impl Default for Orders {
    fn default() -> Self {
        Self::NONE
    }
}

/// In traces: the servers that each order is about, where there are any.
impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, bit) in [
            ("maintenance", MAINTENANCE),
            ("frozen", FROZEN),
            ("away", AWAY),
            ("back", BACK),
        ] {
            let servers = self.servers(bit);
            if !servers.is_empty() {
                map.entry(&format_args!("{name}"), &servers);
            }
        }
        map.finish()
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
    fn orders_for_different_servers_merge_in_either_order() {
        let left = Orders::NONE.with(Order::HandOver { server: s(1) }, 4);
        let right = Orders::NONE.with(
            Order::Maintenance {
                server: s(3),
                on: true,
            },
            4,
        );
        assert_eq!(left.merged(&right), right.merged(&left));
        assert_eq!(
            format!("{:?}", left.merged(&right)),
            "{maintenance: {S3}, away: {S1}}"
        );
    }

    #[test]
    fn the_later_order_wins_and_an_order_withdrawn_stays_withdrawn() {
        let on = Orders::NONE.with(Order::Freeze { on: true }, 3);
        let off = on.with(Order::Freeze { on: false }, 3);
        assert!(on.freezes(s(3)) && !on.freezes(s(4)));
        assert_eq!(on.merged(&off), off);
        assert_eq!(off.merged(&on), off);
        assert!(!off.is_any() && off != Orders::NONE);
    }

    #[test]
    fn of_as_many_changes_both_sides_choose_the_same() {
        let server = s(2);
        let left = Orders::NONE.with(Order::HandOver { server }, 4);
        let right = Orders::NONE.with(Order::HandBack { server }, 4);
        assert_eq!(left.merged(&right), right.merged(&left));
    }

    #[test]
    fn hand_over_and_hand_back_exclude_each_other() {
        let server = s(2);
        let away = Orders::NONE.with(Order::HandOver { server }, 4);
        assert!(away.sends_away(server) && !away.sends_back(server));
        let back = away.with(Order::HandBack { server }, 4);
        assert!(!back.sends_away(server) && back.sends_back(server));
        assert!(!back.handed_back(server).is_any());
        assert!(!away.leaves_alone(server));
    }

    #[test]
    fn the_same_order_again_is_a_change() {
        let server = s(1);
        let once = Orders::NONE.with(Order::HandOver { server }, 4);
        let twice = once.with(Order::HandOver { server }, 4);
        assert!(twice.differ(&once, server) && !twice.differ(&once, s(2)));
    }
}
