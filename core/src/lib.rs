//! The decisions of Tetrarch: one pure state machine, with no clock, no I/O and no dice.
#![no_std]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

extern crate alloc;

mod bug;
mod canonical;
pub mod config;
pub mod data;
pub mod event;
pub mod executer;
mod guard;
mod hand_over;
pub mod id;
pub mod io;
pub mod lease;
mod membership;
pub mod message;
pub mod node;
pub mod orders;
mod parking;
pub mod plan;
mod recovery;
mod rotation;
mod sighting;
mod standby;
pub mod structure;
pub mod time;
pub mod timer;
pub mod timing;
mod watch;
pub mod wire;

#[cfg(feature = "seeded-bugs")]
pub use bug::Bug;
pub use config::{Config, ConfigError, Damping, Failback, Safety};
pub use event::{Event, Means, Trouble};
pub use id::{Members, Priority, SERVERS_MAX, ServerId, ServiceSet};
pub use io::{
    Action, Command, Deadline, Input, JobId, Outbox, Outcome, Output, Owner, Sighting, Step,
};
pub use lease::{Claim, Claims, Register};
pub use message::{Message, Version};
pub use node::{Node, View};
pub use orders::{Order, Orders};
pub use rotation::{Rotate, Rotation};
pub use structure::Structure;
pub use time::{Life, Sequence, Span, Stamp, Time};
pub use timer::Timer;
pub use timing::Timing;
