//! What a node noted, for people and programs: kinds with names, and host names in the place of numbers.

use std::fmt;

use serde::{Deserialize, Serialize};
use tetrarch_core::data::HostName;
use tetrarch_core::{Claim, Event, Means, ServerId, Trouble};

/// The kinds of [`Event`], by the names that the control socket, hooks and metrics use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Kind {
    /// [`Event::Managing`]
    Managing,
    /// [`Event::Stopped`]
    Stopped,
    /// [`Event::Detected`]
    Detected,
    /// [`Event::Confirmed`]
    Confirmed,
    /// [`Event::FalseAlarm`]
    FalseAlarm,
    /// [`Event::SyncMissed`]
    SyncMissed,
    /// [`Event::StoodIn`]
    StoodIn,
    /// [`Event::Deferred`]
    Deferred,
    /// [`Event::Tried`]
    Tried,
    /// [`Event::Returned`]
    Returned,
    /// [`Event::Recovered`]
    Recovered,
    /// [`Event::GivenUp`]
    GivenUp,
    /// [`Event::VirtualServerStarted`]
    VirtualServerStarted,
    /// [`Event::Served`]
    Served,
    /// [`Event::Released`]
    Released,
    /// [`Event::Suspended`]
    Suspended,
    /// [`Event::VirtualServerFailed`]
    VirtualServerFailed,
    /// [`Event::NoRoom`]
    NoRoom,
    /// [`Event::OwnAddressHeld`]
    OwnAddressHeld,
    /// [`Event::OwnAddressDropped`]
    OwnAddressDropped,
    /// [`Event::StructureChanged`]
    StructureChanged,
    /// [`Event::LeaseLost`]
    LeaseLost,
    /// [`Event::Refused`]
    Refused,
    /// [`Event::Ordered`]
    Ordered,
    /// [`Event::LeftAlone`]
    LeftAlone,
    /// [`Event::HandOverBegun`]
    HandOverBegun,
    /// [`Event::HandOverFailed`]
    HandOverFailed,
    /// [`Event::Parked`]
    Parked,
    /// [`Event::Left`]
    Left,
    /// [`Event::RivalSeen`]
    RivalSeen,
    /// [`Event::Overruled`]
    Overruled,
    /// [`Event::Fenced`]
    Fenced,
}

impl Kind {
    /// Every kind, each at the place of its code.
    pub const ALL: [Self; 32] = [
        Self::Managing,
        Self::Stopped,
        Self::Detected,
        Self::Confirmed,
        Self::FalseAlarm,
        Self::SyncMissed,
        Self::StoodIn,
        Self::Deferred,
        Self::Tried,
        Self::Returned,
        Self::Recovered,
        Self::GivenUp,
        Self::VirtualServerStarted,
        Self::Served,
        Self::Released,
        Self::Suspended,
        Self::VirtualServerFailed,
        Self::NoRoom,
        Self::OwnAddressHeld,
        Self::OwnAddressDropped,
        Self::StructureChanged,
        Self::LeaseLost,
        Self::Refused,
        Self::Ordered,
        Self::LeftAlone,
        Self::HandOverBegun,
        Self::HandOverFailed,
        Self::Parked,
        Self::Left,
        Self::RivalSeen,
        Self::Overruled,
        Self::Fenced,
    ];

    /// The number that stands for it between servers.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind that has this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Managing => "managing",
            Self::Stopped => "stopped",
            Self::Detected => "detected",
            Self::Confirmed => "confirmed",
            Self::FalseAlarm => "false-alarm",
            Self::SyncMissed => "sync-missed",
            Self::StoodIn => "stood-in",
            Self::Deferred => "deferred",
            Self::Tried => "tried",
            Self::Returned => "returned",
            Self::Recovered => "recovered",
            Self::GivenUp => "given-up",
            Self::VirtualServerStarted => "virtual-server-started",
            Self::Served => "served",
            Self::Released => "released",
            Self::Suspended => "suspended",
            Self::VirtualServerFailed => "virtual-server-failed",
            Self::NoRoom => "no-room",
            Self::OwnAddressHeld => "own-address-held",
            Self::OwnAddressDropped => "own-address-dropped",
            Self::StructureChanged => "structure-changed",
            Self::LeaseLost => "lease-lost",
            Self::Refused => "refused",
            Self::Ordered => "ordered",
            Self::LeftAlone => "left-alone",
            Self::HandOverBegun => "hand-over-begun",
            Self::HandOverFailed => "hand-over-failed",
            Self::Parked => "parked",
            Self::Left => "left",
            Self::RivalSeen => "rival-seen",
            Self::Overruled => "overruled",
            Self::Fenced => "fenced",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The kind of an event, and the server or function that it is about; none for what is about the server
/// that notes it.
#[must_use]
pub fn kind_and_subject(event: &Event) -> (Kind, Option<ServerId>) {
    match *event {
        Event::Managing => (Kind::Managing, None),
        Event::Stopped => (Kind::Stopped, None),
        Event::Detected { target, .. } => (Kind::Detected, Some(target)),
        Event::Confirmed { target, .. } => (Kind::Confirmed, Some(target)),
        Event::FalseAlarm { target } => (Kind::FalseAlarm, Some(target)),
        Event::SyncMissed { target } => (Kind::SyncMissed, Some(target)),
        Event::StoodIn { target, .. } => (Kind::StoodIn, Some(target)),
        Event::Deferred { target, .. } => (Kind::Deferred, Some(target)),
        Event::Tried { target, .. } => (Kind::Tried, Some(target)),
        Event::Returned { target } => (Kind::Returned, Some(target)),
        Event::Recovered { target } => (Kind::Recovered, Some(target)),
        Event::GivenUp { target } => (Kind::GivenUp, Some(target)),
        Event::VirtualServerStarted { function } => (Kind::VirtualServerStarted, Some(function)),
        Event::Served { function } => (Kind::Served, Some(function)),
        Event::Released { function } => (Kind::Released, Some(function)),
        Event::Suspended { function } => (Kind::Suspended, Some(function)),
        Event::VirtualServerFailed { function } => (Kind::VirtualServerFailed, Some(function)),
        Event::NoRoom { function } => (Kind::NoRoom, Some(function)),
        Event::OwnAddressHeld => (Kind::OwnAddressHeld, None),
        Event::OwnAddressDropped => (Kind::OwnAddressDropped, None),
        Event::StructureChanged { .. } => (Kind::StructureChanged, None),
        Event::LeaseLost { claim } => (Kind::LeaseLost, Some(claim.function())),
        Event::Refused { .. } => (Kind::Refused, None),
        Event::Ordered { server, .. } => (Kind::Ordered, Some(server)),
        Event::LeftAlone { target, .. } => (Kind::LeftAlone, Some(target)),
        Event::HandOverBegun { target } => (Kind::HandOverBegun, Some(target)),
        Event::HandOverFailed { target } => (Kind::HandOverFailed, Some(target)),
        Event::Parked { target } => (Kind::Parked, Some(target)),
        Event::Left => (Kind::Left, None),
        Event::RivalSeen { function } => (Kind::RivalSeen, Some(function)),
        Event::Overruled { function, .. } => (Kind::Overruled, Some(function)),
        Event::Fenced { target } => (Kind::Fenced, Some(target)),
    }
}

/// An event with the names of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// What kind of thing.
    pub kind: Kind,
    /// The server or function that it is about; the server that noted it where none is named.
    pub server: String,
    /// What else the event says: the trouble, the means that was tried, the other server, the lease that
    /// was lost, the orders now in force, or the servers now in the ring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Happened {
    /// What the server `me` of `ring` noted.
    #[must_use]
    pub fn new(event: &Event, me: ServerId, ring: &[HostName]) -> Self {
        let name = |server: ServerId| {
            let host = ring.get(server.index());
            host.map_or_else(|| server.to_string(), ToString::to_string)
        };
        let (kind, subject) = kind_and_subject(event);
        let detail = match *event {
            Event::Detected { trouble, .. }
            | Event::Confirmed { trouble, .. }
            | Event::LeftAlone { trouble, .. } => Some(trouble_name(trouble).to_owned()),
            Event::Tried { means, .. } => Some(means_name(means).to_owned()),
            Event::StoodIn { manager, .. } | Event::Refused { manager } => Some(name(manager)),
            Event::Deferred { to, .. } => Some(name(to)),
            Event::Overruled { by, .. } => Some(name(by)),
            Event::Ordered {
                maintenance,
                frozen,
                away,
                ..
            } => Some(orders_names(maintenance, frozen, away)),
            Event::StructureChanged { members } => {
                let names: Vec<String> = members.iter().map(name).collect();
                Some(names.join(", "))
            }
            Event::LeaseLost { claim } => Some(claim_name(claim).to_owned()),
            _ => None,
        };
        Self {
            kind,
            server: name(subject.unwrap_or(me)),
            detail,
        }
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.server, self.kind)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

const fn trouble_name(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Service => "service",
        Trouble::Network => "network",
        Trouble::Management => "management",
    }
}

const fn means_name(means: Means) -> &'static str {
    match means {
        Means::RestartServices => "restart-services",
        Means::RestartServer => "restart-server",
        Means::AwaitReturn => "await-return",
        Means::PowerOn => "power-on",
        Means::Fence => "fence",
    }
}

const fn claim_name(claim: Claim) -> &'static str {
    match claim {
        Claim::Address(_) => "address",
        Claim::Image(_) => "image",
    }
}

/// The orders in force for a server, or that there are none left.
fn orders_names(maintenance: bool, frozen: bool, away: bool) -> String {
    let orders = [
        (maintenance, "maintenance"),
        (frozen, "frozen"),
        (away, "away"),
    ];
    let given: Vec<&str> = orders
        .iter()
        .filter_map(|&(given, name)| given.then_some(name))
        .collect();
    if given.is_empty() {
        return "none".to_owned();
    }
    given.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_stand_for_one_kind_each() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
        }
        assert_eq!(Kind::from_code(Kind::ALL.len() as u8), None);
    }

    #[test]
    fn an_event_is_told_with_the_names_of_the_site() {
        let ring: Vec<HostName> = ["mail", "web"].map(|name| name.parse().unwrap()).into();
        let [mail, web] = [0, 1].map(|place| ServerId::new(place).unwrap());
        let told = |event| Happened::new(&event, mail, &ring).to_string();
        let tried = Event::Tried {
            target: web,
            means: Means::PowerOn,
        };
        assert_eq!(told(tried), "web: tried (power-on)");
        assert_eq!(told(Event::OwnAddressHeld), "mail: own-address-held");
        let members = tetrarch_core::Members::first(2);
        let changed = Event::StructureChanged { members };
        assert_eq!(told(changed), "mail: structure-changed (mail, web)");
        let ordered = |maintenance, away| Event::Ordered {
            server: web,
            maintenance,
            frozen: false,
            away,
        };
        assert_eq!(
            told(ordered(true, true)),
            "web: ordered (maintenance, away)"
        );
        assert_eq!(told(ordered(false, false)), "web: ordered (none)");
        let overruled = Event::Overruled {
            function: mail,
            by: web,
        };
        assert_eq!(told(overruled), "mail: overruled (web)");
    }
}
