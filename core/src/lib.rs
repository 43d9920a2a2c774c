//! The decisions of Tetrarch: one pure state machine, with no clock, no I/O and no dice.
#![no_std]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

extern crate alloc;

pub mod data;
pub mod executer;
pub mod time;
pub mod timing;

pub use time::{Span, Time};
pub use timing::Timing;
