//! Deterministic discrete-event simulator.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod parameters;
pub mod scenario;
pub mod units;
