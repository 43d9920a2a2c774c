//! Exhaustive checking of a management group: the real [`tetrarch_core::Node`]s, every order of what
//! happens at one instant, and a bounded number of faults at every instant.
//!
//! [`check`] explores; [`Bounds`] says what. `docs/verify.md` argues what is covered and what is not.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod bounds;
mod explore;
mod fault;
mod graph;
mod judge;
mod machine;
mod order;
mod print;
mod report;
mod scenario;
mod state;
mod visited;
mod world;

pub use bounds::{Bounds, BoundsError, Kind, Preset};
pub use explore::{Progress, check};
pub use judge::Property;
#[cfg(feature = "seeded-bugs")]
pub use machine::Bug;
pub use report::{Finding, Line, Round};
pub use scenario::{Unwritable, scenario_of};
