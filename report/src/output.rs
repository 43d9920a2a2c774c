//! Tables, CSV and JSON of cells and of plain rows.

mod cells;
mod table;

use thiserror::Error;

use crate::cells::WriteError;

pub use cells::render_cells;
pub use table::{Table, TableError, Value};

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// An aligned table for people.
    #[default]
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON value, indented, with a line end.
    Json,
}

/// How a table for people looks; only the caller knows whether its output is a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether rows may be coloured. Colour never carries a meaning that the text does not carry too.
    pub colour: bool,
}

/// Why results cannot be rendered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutputError {
    /// Cells that cannot be written.
    #[error(transparent)]
    Cells(#[from] WriteError),
    /// Values that JSON cannot express.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Indented JSON with a line end.
fn to_json<T: serde::Serialize>(value: &T) -> Result<String, OutputError> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
