//! Cells as CSV.

use std::collections::BTreeSet;

use thiserror::Error;

use super::{CSV_HEADER, Cell, Key, is_printable, millis, one_decimal, three_decimals};

/// Why cells cannot be written.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum WriteError {
    /// A number that is not finite, negative, or absurdly large.
    #[error("{key}: {seconds} s is not a length of time that can be written")]
    Value {
        /// The cell.
        key: Key,
        /// Its value.
        seconds: f64,
    },
    /// A published number with more than the one decimal the paper gives.
    #[error("{key}: published numbers have one decimal, {seconds} s has more")]
    Published {
        /// The cell.
        key: Key,
        /// Its published value.
        seconds: f64,
    },
    /// A cell whose trouble or server is empty.
    #[error("a cell of {figure} has no {column}")]
    Empty {
        /// The figure.
        figure: super::Figure,
        /// The empty column.
        column: &'static str,
    },
    /// The same cell twice.
    #[error("{key} is there twice")]
    Twice {
        /// The cell.
        key: Key,
    },
}

/// Checks that every cell can be written and read back.
///
/// # Errors
///
/// The first cell with a bad value, an empty name, or a name that another cell has too.
pub(crate) fn check(cells: &[Cell]) -> Result<(), WriteError> {
    let mut seen = BTreeSet::new();
    for cell in cells {
        for (column, text) in [("trouble", &cell.trouble), ("server", &cell.server)] {
            if text.is_empty() {
                return Err(WriteError::Empty {
                    figure: cell.figure,
                    column,
                });
            }
        }
        for seconds in [cell.published_s, cell.simulated_s].into_iter().flatten() {
            if !is_printable(seconds) {
                return Err(WriteError::Value {
                    key: cell.key(),
                    seconds,
                });
            }
        }
        if let Some(seconds) = cell.published_s
            && (seconds * 10.0 - (seconds * 10.0).round()).abs() > 1e-6
        {
            return Err(WriteError::Published {
                key: cell.key(),
                seconds,
            });
        }
        if !seen.insert(cell.key()) {
            return Err(WriteError::Twice { key: cell.key() });
        }
    }
    Ok(())
}

/// The columns of one cell as they are printed, in the order of [`CSV_HEADER`].
pub(crate) fn columns(cell: &Cell) -> [String; 7] {
    let printed =
        |value: Option<f64>| value.map_or_else(String::new, |s| three_decimals(millis(s)));
    [
        cell.figure.name().to_owned(),
        cell.trouble.clone(),
        cell.server.clone(),
        cell.metric.name().to_owned(),
        cell.published_s.map_or_else(String::new, one_decimal),
        printed(cell.simulated_s),
        printed(cell.error_s()),
    ]
}

/// Writes cells as CSV with a header; published values with one decimal, the others with three.
///
/// # Errors
///
/// A value that is negative, not finite or too large, a published value with more than one decimal, an empty
/// name, and a cell that is there twice: what could not be read back is not written.
pub fn to_csv(cells: &[Cell]) -> Result<String, WriteError> {
    check(cells)?;
    let mut text = format!("{CSV_HEADER}\n");
    for cell in cells {
        text.push_str(&line(&columns(cell)));
    }
    Ok(text)
}

/// One line of CSV with its line end; quotes what needs quoting.
pub(crate) fn line(fields: &[String]) -> String {
    let quoted: Vec<String> = fields
        .iter()
        .map(|field| quote(field, fields.len() == 1))
        .collect();
    quoted.join(",") + "\n"
}

/// One field. A line with a single empty field would read as no line at all, so `alone` quotes it.
fn quote(field: &str, alone: bool) -> String {
    let must_quote = field.contains([',', '"', '\n', '\r']) || (alone && field.is_empty());
    if must_quote {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
