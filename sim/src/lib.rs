//! Deterministic discrete-event simulator.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod check;
pub mod explain;
pub mod fleet;
pub mod jitter;
pub mod measure;
pub mod observer;
pub mod parameters;
pub mod plant;
pub mod queue;
pub mod record;
pub mod repeat;
pub mod reproduce;
pub mod run;
pub mod scenario;
pub mod sensitivity;
pub mod simulation;
pub mod statistics;
mod streams;
pub mod swarm;
pub mod trace;
pub mod units;
pub mod world;
