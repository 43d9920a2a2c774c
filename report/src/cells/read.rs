//! Cells from CSV.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{CSV_HEADER, Cell, Figure, Key, Metric, is_printable, millis, three_decimals};

/// Why a CSV text is not a table of cells; every error names its line, counted from 1.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The first line is not the header.
    #[error("line 1: expected the header `{CSV_HEADER}`, found `{found}`")]
    Header {
        /// What is there.
        found: String,
    },
    /// The text is not CSV.
    #[error("line {line}: {reason}")]
    Csv {
        /// The line.
        line: u64,
        /// What the CSV reader says.
        reason: String,
    },
    /// A line with too few or too many fields.
    #[error("line {line}: expected 7 fields, found {found}")]
    Fields {
        /// The line.
        line: u64,
        /// How many there are.
        found: usize,
    },
    /// A field that is not one of the values its column knows, or empty where it must not be.
    #[error("line {line}: column `{column}`: expected {expected}, found `{found}`")]
    Value {
        /// The line.
        line: u64,
        /// The column.
        column: &'static str,
        /// What would have been right.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The error column does not say simulated less published.
    #[error("line {line}: column `error_s`: the other columns give `{expected}`, found `{found}`")]
    Mismatch {
        /// The line.
        line: u64,
        /// What the other columns give.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A cell that is there twice.
    #[error("line {line}: {key} is already in line {first}")]
    Twice {
        /// The line of the second.
        line: u64,
        /// The line of the first.
        first: u64,
        /// The cell.
        key: Key,
    },
}

/// Reads cells from the CSV that [`to_csv`](super::to_csv) writes.
///
/// # Errors
///
/// Anything but that format, naming the line: a wrong header, a wrong number of fields, an unknown figure or
/// metric, an empty name, a number that is not plain decimal seconds, an error column that disagrees with the
/// others, or a cell that is there twice.
pub fn from_csv(text: &str) -> Result<Vec<Cell>, ReadError> {
    // A byte order mark is how some spreadsheets begin a file; it says nothing about its content.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let found = text.lines().next().unwrap_or_default();
    if found != CSV_HEADER {
        return Err(ReadError::Header {
            found: found.to_owned(),
        });
    }
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(true)
        .from_reader(text.as_bytes());
    let mut cells = Vec::new();
    let mut lines = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| ReadError::Csv {
            line: error.position().map_or(1, csv::Position::line),
            reason: error.to_string(),
        })?;
        let line = record.position().map_or(1, csv::Position::line);
        let cell = cell(&record, line)?;
        if let Some(first) = lines.insert(cell.key(), line) {
            return Err(ReadError::Twice {
                line,
                first,
                key: cell.key(),
            });
        }
        cells.push(cell);
    }
    Ok(cells)
}

/// One cell from one record.
fn cell(record: &csv::StringRecord, line: u64) -> Result<Cell, ReadError> {
    let fields: Vec<&str> = record.iter().collect();
    let [figure, trouble, server, metric, published, simulated, error] = fields[..] else {
        return Err(ReadError::Fields {
            line,
            found: fields.len(),
        });
    };
    let wrong = |column, expected, found: &str| ReadError::Value {
        line,
        column,
        expected,
        found: found.to_owned(),
    };
    for (column, found) in [("trouble", trouble), ("server", server)] {
        if found.is_empty() {
            return Err(wrong(column, "a name", found));
        }
    }
    let number = |column, expected, decimals, found: &str| match decimal(found, decimals) {
        _ if found.is_empty() => Ok(None),
        Some(seconds) => Ok(Some(seconds)),
        None => Err(wrong(column, expected, found)),
    };
    let cell = Cell {
        figure: Figure::from_name(figure).ok_or_else(|| {
            wrong(
                "figure",
                "fig6, fig7, prediction (adjacent) or prediction (opposite)",
                figure,
            )
        })?,
        trouble: trouble.to_owned(),
        server: server.to_owned(),
        metric: Metric::from_name(metric)
            .ok_or_else(|| wrong("metric", "function, target or disconnection", metric))?,
        published_s: number(
            "published_s",
            "seconds with at most one decimal, or nothing",
            1,
            published,
        )?,
        simulated_s: number(
            "simulated_s",
            "seconds with at most three decimals, or nothing",
            3,
            simulated,
        )?,
    };
    let expected = cell
        .error_s()
        .map_or_else(String::new, |s| three_decimals(millis(s)));
    if error != expected {
        return Err(ReadError::Mismatch {
            line,
            expected,
            found: error.to_owned(),
        });
    }
    Ok(cell)
}

/// Plain decimal seconds: digits, and possibly a point with at most `decimals` digits; no sign, no exponent.
fn decimal(text: &str, decimals: usize) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > decimals {
        return None;
    }
    text.parse().ok().filter(|&seconds| is_printable(seconds))
}
