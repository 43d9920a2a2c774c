//! Tables, figures and comparisons of simulated runs.
//!
//! Typed results come in as plain data in seconds; tables, CSV, JSON, pictures and differences go out. The
//! crate knows nothing of the simulator, and the same data always give the same bytes.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod accuracy;
pub mod cells;
pub mod check;
pub mod figures;
pub mod file;
pub mod output;
pub mod published;

pub use accuracy::{Accuracy, Verdict};
pub use cells::{Cell, Figure, Metric};
pub use output::{Format, Style, Table, Value};
