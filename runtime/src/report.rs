//! How things stand on one server, in as few bytes as fit into a frame: what agents tell each other, so
//! that an operator at any of them sees the whole ring.

use tetrarch_core::{Members, SERVERS_MAX, ServerId};

use crate::happened::Kind;
use crate::status::Status;

/// The length of a report in bytes.
pub const REPORT_BYTES: usize = HEAD_BYTES + SERVERS_MAX + SERVERS_MAX * EVENT_BYTES;

/// What comes before the hosts: the activity, the flags, and the sets.
const HEAD_BYTES: usize = 2 + SETS;
const SETS: usize = 7;

/// The bits of the second byte.
const HOLDS_OWN: u8 = 1;
const FROZEN: u8 = 2;
const NO_TAKER: u8 = 4;

/// A kind and an age.
const EVENT_BYTES: usize = 5;

/// Stands for none, in bytes only: it is neither a server nor a kind.
const NONE: u8 = u8::MAX;

/// What the management programs of a server do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// They are stopped.
    Stopped,
    /// They run, but have not found their place yet.
    Waiting,
    /// They manage.
    Managing,
}

/// How things stand on one server, as it tells itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// What its management programs do. While they are stopped the rest says nothing.
    pub activity: Activity,
    /// Whether it holds its own virtual IP address.
    pub holds_own_address: bool,
    /// Whether the group is frozen as far as it knows.
    pub frozen: bool,
    /// Whether its function shall move, and nobody takes it.
    pub finds_no_taker: bool,
    /// The servers in maintenance as far as it knows.
    pub maintained: Members,
    /// The servers whose functions shall be with their virtual servers as far as it knows.
    pub away: Members,
    /// The servers in the ring as far as it knows.
    pub members: Members,
    /// The functions that virtual servers on it serve.
    pub serving: Members,
    /// The servers that it is recovering.
    pub recovering: Members,
    /// Its targets as P1.
    pub first: Members,
    /// Its targets as P2.
    pub second: Members,
    /// The host of each function as far as it knows.
    pub hosts: [Option<ServerId>; SERVERS_MAX],
    /// Its last event about each server, and the age of that in seconds.
    pub events: [Option<(Kind, u32)>; SERVERS_MAX],
}

impl Report {
    /// The report of a server whose management programs are stopped.
    pub const STOPPED: Self = Self {
        activity: Activity::Stopped,
        holds_own_address: false,
        frozen: false,
        finds_no_taker: false,
        maintained: Members::NONE,
        away: Members::NONE,
        members: Members::NONE,
        serving: Members::NONE,
        recovering: Members::NONE,
        first: Members::NONE,
        second: Members::NONE,
        hosts: [None; SERVERS_MAX],
        events: [None; SERVERS_MAX],
    };

    /// What the status of running programs comes to.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        let targets = |priority: u8| {
            let targets = status.targets.iter();
            set(targets
                .filter(|one| one.priority == priority)
                .map(|one| one.server))
        };
        let servers = || status.servers.iter();
        let mut report = Self {
            activity: if status.managing {
                Activity::Managing
            } else {
                Activity::Waiting
            },
            holds_own_address: status.holds_own_address,
            frozen: status.frozen,
            finds_no_taker: status.finds_no_taker,
            maintained: set(servers()
                .filter(|one| one.maintenance)
                .map(|one| one.server)),
            away: set(servers().filter(|one| one.away).map(|one| one.server)),
            members: set(servers().filter(|one| one.member).map(|one| one.server)),
            serving: set(servers()
                .filter(|one| one.served_here)
                .map(|one| one.server)),
            recovering: set(status
                .targets
                .iter()
                .filter(|one| one.recovering)
                .map(|one| one.server)),
            first: targets(1),
            second: targets(2),
            ..Self::STOPPED
        };
        for server in servers() {
            let Some(place) = ServerId::new(server.server) else {
                continue;
            };
            report.hosts[place.index()] = server.host.and_then(ServerId::new);
            let age = server.event_age_s.map(|age| age as u32);
            report.events[place.index()] = server.kind.zip(age);
        }
        report
    }

    /// The report as bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; REPORT_BYTES] {
        let mut bytes = [0; REPORT_BYTES];
        let (head, rest) = bytes.split_at_mut(HEAD_BYTES);
        let (hosts, events) = rest.split_at_mut(SERVERS_MAX);
        let flag = |is_so: bool, bit: u8| if is_so { bit } else { 0 };
        head.copy_from_slice(&[
            match self.activity {
                Activity::Stopped => 0,
                Activity::Waiting => 1,
                Activity::Managing => 2,
            },
            flag(self.holds_own_address, HOLDS_OWN)
                | flag(self.frozen, FROZEN)
                | flag(self.finds_no_taker, NO_TAKER),
            self.maintained.bits(),
            self.away.bits(),
            self.members.bits(),
            self.serving.bits(),
            self.recovering.bits(),
            self.first.bits(),
            self.second.bits(),
        ]);
        for (byte, host) in hosts.iter_mut().zip(self.hosts) {
            *byte = host.map_or(NONE, |host| host.index() as u8);
        }
        for (bytes, event) in events.chunks_exact_mut(EVENT_BYTES).zip(self.events) {
            let (kind, age) = event.map_or((NONE, 0), |(kind, age)| (kind.code(), age));
            bytes[0] = kind;
            bytes[1..].copy_from_slice(&age.to_be_bytes());
        }
        bytes
    }

    /// Reads a report that fills `bytes`; none when they are no report.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; REPORT_BYTES] = bytes.try_into().ok()?;
        let [activity, flags, rest @ ..] = bytes;
        let (sets, rest) = rest.split_first_chunk::<SETS>()?;
        if flags & !(HOLDS_OWN | FROZEN | NO_TAKER) != 0 {
            return None;
        }
        let activity = match activity {
            0 => Activity::Stopped,
            1 => Activity::Waiting,
            2 => Activity::Managing,
            _ => return None,
        };
        let [
            maintained,
            away,
            members,
            serving,
            recovering,
            first,
            second,
        ] = sets.map(Members::from_bits);
        let mut report = Self {
            activity,
            holds_own_address: flags & HOLDS_OWN != 0,
            frozen: flags & FROZEN != 0,
            finds_no_taker: flags & NO_TAKER != 0,
            maintained,
            away,
            members,
            serving,
            recovering,
            first,
            second,
            ..Self::STOPPED
        };
        report.read_rest(rest)?;
        Some(report)
    }

    /// Reads the hosts and the events; none when they are none.
    fn read_rest(&mut self, rest: &[u8]) -> Option<()> {
        let (hosts, events) = rest.split_at(SERVERS_MAX);
        for (host, byte) in self.hosts.iter_mut().zip(hosts) {
            if *byte != NONE {
                *host = Some(ServerId::new(usize::from(*byte))?);
            }
        }
        let events = events.chunks_exact(EVENT_BYTES);
        for (event, bytes) in self.events.iter_mut().zip(events) {
            *event = match *bytes {
                [NONE, 0, 0, 0, 0] => None,
                [kind, a, b, c, d] => {
                    Some((Kind::from_code(kind)?, u32::from_be_bytes([a, b, c, d])))
                }
                _ => return None,
            };
        }
        Some(())
    }
}

fn set(places: impl Iterator<Item = usize>) -> Members {
    places
        .filter_map(ServerId::new)
        .fold(Members::NONE, Members::with)
}
