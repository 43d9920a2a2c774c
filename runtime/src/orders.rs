//! What an operator orders a live ring to do: whether that may be ordered now, and what has become of it.
//!
//! The core takes every order and remembers it. Whether one makes sense at this moment, and whether it has
//! been carried out, follows from what all servers tell of themselves, so it is decided here, without asking
//! anybody.

mod judge;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use tetrarch_core::{Order, ServerId};

pub use judge::{Check, Progress, Ring};

/// What an operator wants, with servers as `S`: names outside, places in the ring once they are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Wanted<S> {
    /// Leave a server alone, or care for it again; all servers when none is named.
    Maintenance {
        /// The server.
        server: Option<S>,
        /// Whether the maintenance begins or ends.
        on: bool,
    },
    /// Let nothing move in the whole group, or everything again.
    Freeze {
        /// Whether the freeze begins or ends.
        on: bool,
    },
    /// Let the function of a server go to its virtual server, and stay there.
    HandOver {
        /// The server.
        server: S,
        /// The manager that is to take it; whoever is next by the protocol when none is named.
        to: Option<S>,
    },
    /// Let the function of a server go back to it as soon as it is healthy.
    HandBack {
        /// The server.
        server: S,
    },
    /// Take a server that was cut out back into the ring as soon as it is healthy.
    Rejoin {
        /// The server.
        server: S,
    },
}

impl<S> Wanted<S> {
    /// The same with other names for servers.
    ///
    /// # Errors
    ///
    /// The first that `name` gives.
    pub fn named<T, E>(self, name: impl Fn(S) -> Result<T, E>) -> Result<Wanted<T>, E> {
        Ok(match self {
            Self::Maintenance { server, on } => Wanted::Maintenance {
                server: server.map(name).transpose()?,
                on,
            },
            Self::Freeze { on } => Wanted::Freeze { on },
            Self::HandOver { server, to } => Wanted::HandOver {
                server: name(server)?,
                to: to.map(name).transpose()?,
            },
            Self::HandBack { server } => Wanted::HandBack {
                server: name(server)?,
            },
            Self::Rejoin { server } => Wanted::Rejoin {
                server: name(server)?,
            },
        })
    }
}

impl Wanted<ServerId> {
    /// What the core is told.
    #[must_use]
    pub const fn order(&self) -> Order {
        match *self {
            Self::Maintenance {
                server: Some(server),
                on,
            } => Order::Maintenance { server, on },
            Self::Maintenance { server: None, on } => Order::MaintenanceOfAll { on },
            Self::Freeze { on } => Order::Freeze { on },
            Self::HandOver { server, .. } => Order::HandOver { server },
            Self::HandBack { server } | Self::Rejoin { server } => Order::HandBack { server },
        }
    }
}

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It stands, and the servers hear of it.
    Given,
    /// What was ordered is so.
    Done,
    /// Nothing was ordered.
    Refused,
    /// It has come to nothing.
    Failed,
    /// It stands, and what was ordered is not so yet.
    Pending,
}

impl Standing {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Pending => "pending",
        }
    }
}

/// What an operator is told of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// How far it has come.
    pub standing: Standing,
    /// The same in a sentence, with what is to be done where there is something.
    pub text: String,
}

impl Word {
    /// Puts it into words.
    #[must_use]
    pub fn new(standing: Standing, text: impl Into<String>) -> Self {
        Self {
            standing,
            text: text.into(),
        }
    }
}
