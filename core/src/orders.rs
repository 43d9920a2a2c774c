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

/// Where the function of a server shall be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Placed {
    /// As the protocol has it.
    Anywhere,
    /// With its virtual server.
    Away,
    /// With its own server, whatever the failback policy says.
    Home,
}

impl Placed {
    const ALL: [Self; 4] = [Self::Anywhere, Self::Away, Self::Home, Self::Anywhere];

    const fn bits(self) -> u16 {
        match self {
            Self::Anywhere => 0,
            Self::Away => 1,
            Self::Home => 2,
        }
    }
}

/// The bit of a server's entry that puts it into maintenance; those below it say where its function
/// shall be.
const MAINTENANCE: u16 = 4;
/// How far one change moves an entry.
const STEP: u16 = 8;

/// All orders that stand. Equal values mean the same orders, given as often.
///
/// An entry for each server and one for the group count their changes, and their low bits say what
/// stands. So of two copies of an entry the greater is the later. Of two orders about one server that
/// are given at two servers before they hear of each other one is lost, at all servers the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Orders {
    servers: [u16; SERVERS_MAX],
    /// Odd while the group is frozen.
    freeze: u16,
}

/// The bytes of orders on the wire.
pub(crate) const ORDERS_BYTES: usize = 2 * SERVERS_MAX + 2;

impl Orders {
    /// Nobody has ever ordered anything.
    pub const NONE: Self = Self {
        servers: [0; SERVERS_MAX],
        freeze: 0,
    };

    /// The orders with one more, in a group of `size`. Where a function shall be may be ordered again:
    /// that is a change, and what failed is tried again.
    #[must_use]
    pub fn with(self, order: Order, size: usize) -> Self {
        match order {
            Order::Maintenance { server, on } if self.is_maintained(server) == on => self,
            Order::Maintenance { server, on } => {
                let bit = if on { MAINTENANCE } else { 0 };
                self.changed(server, self.placed(server).bits() | bit)
            }
            Order::MaintenanceOfAll { on } => ServerId::all(size).fold(self, |orders, server| {
                orders.with(Order::Maintenance { server, on }, size)
            }),
            Order::Freeze { on } if self.is_frozen() == on => self,
            Order::Freeze { .. } => Self {
                freeze: self.freeze.saturating_add(1),
                ..self
            },
            Order::HandOver { server } => self.placing(server, Placed::Away),
            Order::HandBack { server } => self.placing(server, Placed::Home),
        }
    }

    /// The function of `server` is back with it, as ordered: the order is spent.
    pub(crate) fn handed_back(self, server: ServerId) -> Self {
        self.placing(server, Placed::Anywhere)
    }

    fn placing(self, server: ServerId, placed: Placed) -> Self {
        let maintenance = self.servers[server.index()] & MAINTENANCE;
        self.changed(server, maintenance | placed.bits())
    }

    fn changed(mut self, server: ServerId, bits: u16) -> Self {
        let entry = &mut self.servers[server.index()];
        let count = entry.saturating_add(STEP) & !(STEP - 1);
        *entry = count | bits;
        self
    }

    /// What is known when both copies are: entry by entry the later.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        for (mine, theirs) in self.servers.iter_mut().zip(other.servers) {
            *mine = theirs.max(*mine);
        }
        self.freeze = self.freeze.max(other.freeze);
        self
    }

    fn placed(&self, server: ServerId) -> Placed {
        Placed::ALL[usize::from(self.servers[server.index()] % MAINTENANCE)]
    }

    fn is_maintained(&self, server: ServerId) -> bool {
        self.servers[server.index()] & MAINTENANCE != 0
    }

    /// Whether nothing about any function may move.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        self.freeze & 1 == 1
    }

    /// Whether `server` is not to be recovered, nor its function taken over.
    #[must_use]
    pub fn leaves_alone(&self, server: ServerId) -> bool {
        self.is_frozen() || self.is_maintained(server)
    }

    /// Whether the function of `server` shall be with its virtual server.
    #[must_use]
    pub fn sends_away(&self, server: ServerId) -> bool {
        self.placed(server) == Placed::Away
    }

    /// Whether the function of `server` shall go back to it whatever the failback policy says.
    #[must_use]
    pub fn sends_back(&self, server: ServerId) -> bool {
        self.placed(server) == Placed::Home
    }

    /// The servers in maintenance.
    #[must_use]
    pub fn maintained(&self) -> Members {
        self.those(|server| self.is_maintained(server))
    }

    /// The servers whose functions shall be with their virtual servers.
    #[must_use]
    pub fn away(&self) -> Members {
        self.those(|server| self.sends_away(server))
    }

    fn those(&self, wanted: impl Fn(ServerId) -> bool) -> Members {
        ServerId::all(SERVERS_MAX)
            .filter(|server| wanted(*server))
            .fold(Members::NONE, Members::with)
    }

    /// Whether any order stands that all servers must know of.
    pub(crate) fn is_any(&self) -> bool {
        let stands = |entry: &u16| !entry.is_multiple_of(STEP);
        self.is_frozen() || self.servers.iter().any(stands)
    }

    /// Whether the orders for `server` were changed since `before`.
    pub(crate) fn differ(&self, before: &Self, server: ServerId) -> bool {
        let of = |orders: &Self| (orders.servers[server.index()], orders.freeze);
        of(self) != of(before)
    }

    /// As they are written: the servers' entries, then the group's.
    pub(crate) fn to_bytes(self) -> [u8; ORDERS_BYTES] {
        let mut bytes = [0; ORDERS_BYTES];
        let entries = self.servers.iter().chain([&self.freeze]);
        for (pair, entry) in bytes.chunks_exact_mut(2).zip(entries) {
            pair.copy_from_slice(&entry.to_le_bytes());
        }
        bytes
    }

    /// The orders that were written as `bytes`; none when a function is put where none can be.
    pub(crate) fn from_bytes(bytes: &[u8; ORDERS_BYTES]) -> Option<Self> {
        let mut orders = Self::NONE;
        let entries = orders.servers.iter_mut().chain([&mut orders.freeze]);
        for (pair, entry) in bytes.chunks_exact(2).zip(entries) {
            *entry = u16::from(pair[0]) | u16::from(pair[1]) << 8;
        }
        let is_place = |entry: &u16| entry % MAINTENANCE < MAINTENANCE - 1;
        orders.servers.iter().all(is_place).then_some(orders)
    }

    /// The same orders for servers that have other places: each goes `to` its own.
    pub(crate) fn moved(&self, to: impl Fn(ServerId) -> ServerId) -> Self {
        let mut moved = *self;
        for server in ServerId::all(SERVERS_MAX) {
            moved.servers[to(server).index()] = self.servers[server.index()];
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
        let back = self.those(|server| self.sends_back(server));
        for (name, servers) in [
            ("maintenance", self.maintained()),
            ("away", self.away()),
            ("back", back),
        ] {
            if !servers.is_empty() {
                map.entry(&format_args!("{name}"), &servers);
            }
        }
        if self.is_frozen() {
            map.entry(&format_args!("frozen"), &true);
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
        assert!(on.is_frozen() && on.leaves_alone(s(4)));
        assert_eq!(on.merged(&off), off);
        assert_eq!(off.merged(&on), off);
        assert!(!off.is_any() && off != Orders::NONE);
    }

    #[test]
    fn a_freeze_and_orders_about_a_server_do_not_touch_each_other() {
        let server = s(2);
        let here = Orders::NONE
            .with(Order::HandOver { server }, 4)
            .with(Order::Maintenance { server, on: true }, 4);
        assert!(here.sends_away(server) && here.leaves_alone(server));
        let there = Orders::NONE.with(Order::Freeze { on: true }, 4);
        let both = here.merged(&there);
        assert_eq!(both, there.merged(&here));
        assert!(both.is_frozen() && both.sends_away(server));
        assert_eq!(both.maintained(), Members::NONE.with(server));
        let thawed = both.with(Order::Freeze { on: false }, 4);
        assert_eq!(both.merged(&thawed), thawed);
        assert!(thawed.leaves_alone(server) && !thawed.leaves_alone(s(1)));
    }

    #[test]
    fn orders_are_read_as_they_were_written() {
        let server = s(3);
        let orders = Orders::NONE
            .with(Order::Maintenance { server, on: true }, 4)
            .with(Order::HandBack { server: s(8) }, 8);
        let bytes = orders.to_bytes();
        assert_eq!(Orders::from_bytes(&bytes), Some(orders));
        let mut wrong = bytes;
        wrong[0] |= 3;
        assert_eq!(Orders::from_bytes(&wrong), None);
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
