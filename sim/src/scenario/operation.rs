//! What operators do on purpose: orders and shutdowns, among the faults of a scenario, and the policy
//! by which recovered servers get their functions back.

use tetrarch_core::{Damping, Failback, Order, ServerId};

use super::error::ScenarioError;
use super::group::{ServerIndex, read_server};
use super::reader::{Item, Section};
use super::write::Writer;
use crate::units::{DURATION_EXPECTED, span_text};

/// Something that an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// An order, given at the server that it is about if that one can take it, else at the first one that can.
    Order(Order),
    /// The server announces that it goes down, and does when its programs say that it may.
    Leave {
        /// The server.
        server: ServerIndex,
        /// Whether it restarts; else it stays off.
        restart: bool,
    },
}

type OfServer = (&'static str, fn(ServerId) -> Operation);

/// The value of the key `fault` for each operation about one server.
const OF_SERVER: &[OfServer] = &[
    ("maintenance-begin", |server| {
        Operation::Order(Order::Maintenance { server, on: true })
    }),
    ("maintenance-end", |server| {
        Operation::Order(Order::Maintenance { server, on: false })
    }),
    ("hand-over", |server| {
        Operation::Order(Order::HandOver { server })
    }),
    ("hand-back", |server| {
        Operation::Order(Order::HandBack { server })
    }),
    ("announced-shutdown", |server| Operation::Leave {
        server: index(server),
        restart: false,
    }),
    ("announced-restart", |server| Operation::Leave {
        server: index(server),
        restart: true,
    }),
];

/// The same for those about the whole group.
const OF_GROUP: &[(&str, Operation)] = &[
    (
        "group-maintenance-begin",
        Operation::Order(Order::MaintenanceOfAll { on: true }),
    ),
    (
        "group-maintenance-end",
        Operation::Order(Order::MaintenanceOfAll { on: false }),
    ),
    ("freeze", Operation::Order(Order::Freeze { on: true })),
    ("thaw", Operation::Order(Order::Freeze { on: false })),
];

const fn index(server: ServerId) -> ServerIndex {
    ServerIndex(server.index() as u8)
}

impl Operation {
    /// The values of the key `fault` that name an operation, with the further keys that each needs.
    pub(super) fn names() -> impl Iterator<Item = (&'static str, &'static [&'static str])> + Clone {
        let of_server = OF_SERVER
            .iter()
            .map(|(name, _)| (*name, &["server"] as &[_]));
        of_server.chain(OF_GROUP.iter().map(|(name, _)| (*name, &[] as &[_])))
    }

    /// Reads the operation of that name; none when there is no such operation.
    pub(super) fn read(
        name: &str,
        section: &Section<'_>,
        group: &[String],
    ) -> Option<Result<Self, ScenarioError>> {
        if let Some((_, operation)) = OF_GROUP.iter().find(|(known, _)| *known == name) {
            return Some(Ok(*operation));
        }
        let (_, make) = OF_SERVER.iter().find(|(known, _)| *known == name)?;
        let read = |section: &Section<'_>| {
            let item = section.need("server", "a server of the group")?;
            let ServerIndex(place) = read_server(item, group)?;
            let server = ServerId::new(usize::from(place));
            server.ok_or_else(|| item.refuse("a server of the group"))
        };
        Some(read(section).map(make))
    }

    /// The value of the key `fault` that stands for it.
    pub(super) fn name(self) -> &'static str {
        let of_group = OF_GROUP.iter().find(|(_, operation)| *operation == self);
        let of_server = self.server().and_then(ServerIndex::id).and_then(|server| {
            let makes = |(_, make): &&OfServer| make(server) == self;
            OF_SERVER.iter().find(makes)
        });
        let name = of_group.map(|(name, _)| *name);
        name.or(of_server.map(|(name, _)| *name)).unwrap_or("?")
    }

    /// What puts an end to it, if it does not end by itself.
    #[must_use]
    pub const fn end(self) -> Option<Self> {
        Some(Self::Order(match self {
            Self::Order(Order::Maintenance { server, on: true }) => {
                Order::Maintenance { server, on: false }
            }
            Self::Order(Order::MaintenanceOfAll { on: true }) => {
                Order::MaintenanceOfAll { on: false }
            }
            Self::Order(Order::Freeze { on: true }) => Order::Freeze { on: false },
            Self::Order(Order::HandOver { server }) => Order::HandBack { server },
            _ => return None,
        }))
    }

    /// The same about another server, if it is about one; none when `to` has none.
    #[must_use]
    pub fn moved(self, to: impl Fn(ServerIndex) -> Option<ServerIndex>) -> Option<Self> {
        let to = |server: ServerId| to(index(server))?.id();
        Some(match self {
            Self::Order(Order::Maintenance { server, on }) => {
                let server = to(server)?;
                Self::Order(Order::Maintenance { server, on })
            }
            Self::Order(Order::HandOver { server }) => {
                let server = to(server)?;
                Self::Order(Order::HandOver { server })
            }
            Self::Order(Order::HandBack { server }) => {
                let server = to(server)?;
                Self::Order(Order::HandBack { server })
            }
            Self::Leave { server, restart } => Self::Leave {
                server: index(to(server.id()?)?),
                restart,
            },
            Self::Order(Order::MaintenanceOfAll { .. } | Order::Freeze { .. }) => self,
        })
    }

    /// The server that it is about, if it is about one.
    #[must_use]
    pub const fn server(self) -> Option<ServerIndex> {
        match self {
            Self::Order(
                Order::Maintenance { server, .. }
                | Order::HandOver { server }
                | Order::HandBack { server },
            ) => Some(index(server)),
            Self::Leave { server, .. } => Some(server),
            Self::Order(Order::MaintenanceOfAll { .. } | Order::Freeze { .. }) => None,
        }
    }
}

/// By which rules recovered servers get their functions back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// When.
    pub failback: Failback,
    /// How servers are held off that fail again and again, if they are.
    pub damping: Option<Damping>,
}

const AUTOMATIC: &str = "automatic";
const MANUAL: &str = "manual";
const DAMPING_KEYS: [&str; 4] = ["recoveries_max", "window", "hold", "hold_max"];

/// Reads the keys `failback` and `damping`.
pub(super) fn read_policy(
    failback: Option<Item<'_>>,
    damping: Option<Item<'_>>,
) -> Result<Policy, ScenarioError> {
    Ok(Policy {
        failback: failback.map_or(Ok(Failback::Automatic), read_failback)?,
        damping: damping.map(read_damping).transpose()?,
    })
}

fn read_failback(item: Item<'_>) -> Result<Failback, ScenarioError> {
    let expected = format!("{AUTOMATIC:?}, {MANUAL:?} or {DURATION_EXPECTED}");
    match item.text(&expected)? {
        AUTOMATIC => Ok(Failback::Automatic),
        MANUAL => Ok(Failback::Manual),
        _ => Ok(Failback::Delayed(
            item.span().map_err(|_| item.refuse(expected))?,
        )),
    }
}

fn read_damping(item: Item<'_>) -> Result<Damping, ScenarioError> {
    let section = item.section("damping", "a table of what makes a server flap")?;
    section.refuse_unknown(&DAMPING_KEYS)?;
    let [recoveries_max, window, hold, hold_max] = DAMPING_KEYS;
    let span = |key| section.need(key, DURATION_EXPECTED)?.span();
    let recoveries_max = section.need(recoveries_max, "a whole number from 0 to 255")?;
    Ok(Damping {
        recoveries_max: recoveries_max.whole(0, u8::MAX)?,
        window: span(window)?,
        hold: span(hold)?,
        hold_max: span(hold_max)?,
    })
}

/// Writes the key `failback`, where it is not the default.
pub(super) fn write_failback(policy: &Policy, out: &mut Writer<'_>) {
    match policy.failback {
        Failback::Automatic => {}
        Failback::Manual => out.text("failback", MANUAL),
        Failback::Delayed(delay) => out.text("failback", &span_text(delay)),
    }
}

/// Writes the table `damping`, where there is one.
pub(super) fn write_damping(policy: &Policy, out: &mut Writer<'_>) {
    if let Some(damping) = policy.damping {
        let [recoveries_max, window, hold, hold_max] = DAMPING_KEYS;
        out.header("[damping]");
        out.bare(recoveries_max, damping.recoveries_max);
        out.span(window, damping.window);
        out.span(hold, damping.hold);
        out.span(hold_max, damping.hold_max);
    }
}
