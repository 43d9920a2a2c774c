//! What changed between two runs, and how a CI service is told.

mod ci;
mod compare;
mod trace;

pub use ci::{Check, JunitError, github_annotations, junit};
pub use compare::{CellsDiff, Column, Moved, TextDiff, Tolerance, compare_cells, compare_text};
pub use trace::{LineDiff, compare_trace};
