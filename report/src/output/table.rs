//! A table of any columns: header and rows.

use comfy_table::{CellAlignment, presets};
use serde_json::{Map, Number};
use thiserror::Error;

use super::{Format, OutputError, Style, to_json};
use crate::cells;

/// One entry of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A length of time in seconds, printed with three decimals.
    Seconds(f64),
    /// A number of things.
    Count(u64),
    /// Nothing to say: `-` in a table, an empty field in CSV, `null` in JSON.
    Missing,
}

/// Why a table cannot be built.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableError {
    /// No columns.
    #[error("a table needs at least one column")]
    NoColumns,
    /// Two columns of one name, which JSON could not tell apart.
    #[error("two columns are called `{0}`")]
    SameName(String),
    /// A row that does not fit the header.
    #[error("the table has {columns} columns, the row has {found} entries")]
    Width {
        /// Columns of the table.
        columns: usize,
        /// Entries of the row.
        found: usize,
    },
    /// Seconds that cannot be printed.
    #[error("column `{column}`: {value} is not a number of seconds that can be printed")]
    Seconds {
        /// The column.
        column: String,
        /// The value, as text.
        value: String,
    },
}

/// A header and rows of the same width.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<f64>> for Value {
    fn from(seconds: Option<f64>) -> Self {
        seconds.map_or(Self::Missing, Self::Seconds)
    }
}

impl Value {
    fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => serde_json::Value::String(text.clone()),
            Self::Seconds(seconds) => {
                Number::from_f64(cells::seconds(cells::millis(*seconds))).into()
            }
            Self::Count(count) => serde_json::Value::from(*count),
            Self::Missing => serde_json::Value::Null,
        }
    }

    /// The entry as text, with `missing` where there is nothing.
    fn to_text(&self, missing: &str) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Seconds(seconds) => cells::three_decimals(cells::millis(*seconds)),
            Self::Count(count) => count.to_string(),
            Self::Missing => missing.to_owned(),
        }
    }
}

impl Table {
    /// A table without rows. Units belong into the names of the columns, last: `delay_s`.
    ///
    /// # Errors
    ///
    /// No columns, or two of the same name.
    pub fn new(header: &[&str]) -> Result<Self, TableError> {
        if header.is_empty() {
            return Err(TableError::NoColumns);
        }
        for (index, name) in header.iter().enumerate() {
            if header[..index].contains(name) {
                return Err(TableError::SameName((*name).to_owned()));
            }
        }
        Ok(Self {
            header: header.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// A row that is shorter or longer than the header, or seconds that are not finite or beyond
    /// [`SECONDS_MAX`](cells::SECONDS_MAX) either way.
    pub fn push(&mut self, row: Vec<Value>) -> Result<(), TableError> {
        if row.len() != self.header.len() {
            return Err(TableError::Width {
                columns: self.header.len(),
                found: row.len(),
            });
        }
        for (column, value) in self.header.iter().zip(&row) {
            if let Value::Seconds(seconds) = value
                && !cells::is_printable(seconds.abs())
            {
                return Err(TableError::Seconds {
                    column: column.clone(),
                    value: seconds.to_string(),
                });
            }
        }
        self.rows.push(row);
        Ok(())
    }

    /// The table without a column; the same table if there is no such column.
    #[must_use]
    pub fn without(mut self, column: &str) -> Self {
        if let Some(place) = self.header.iter().position(|name| name == column) {
            self.header.remove(place);
            for row in &mut self.rows {
                row.remove(place);
            }
        }
        self
    }

    /// The table in a format; JSON is a list with one object for each row.
    ///
    /// # Errors
    ///
    /// Only if JSON cannot be written.
    pub fn render(&self, format: Format, style: Style) -> Result<String, OutputError> {
        match format {
            Format::Table => Ok(self.to_aligned(style)),
            Format::Csv => Ok(self.to_csv()),
            Format::Json => {
                let object = |row: &Vec<Value>| {
                    let entries = self
                        .header
                        .iter()
                        .zip(row)
                        .map(|(name, value)| (name.clone(), value.to_json()));
                    entries.collect::<Map<String, serde_json::Value>>()
                };
                to_json(&self.rows.iter().map(object).collect::<Vec<_>>())
            }
        }
    }

    fn to_csv(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            row.iter()
                .map(|value| value.to_text(""))
                .collect::<Vec<_>>()
        });
        let lines = std::iter::once(self.header.clone()).chain(rows);
        lines.map(|fields| cells::csv_line(&fields)).collect()
    }

    fn to_aligned(&self, style: Style) -> String {
        let text = |row: &Vec<Value>| {
            row.iter()
                .map(|value| value.to_text("-"))
                .collect::<Vec<_>>()
        };
        let rows: Vec<Vec<String>> = self.rows.iter().map(text).collect();
        let is_number = |value: &Value| !matches!(value, Value::Text(_));
        let right: Vec<bool> = (0..self.header.len())
            .map(|column| self.rows.iter().all(|row| is_number(&row[column])))
            .collect();
        let plain = vec![Paint::Plain; rows.len()];
        aligned(&self.header, &rows, &right, &plain, style)
    }
}

/// The colour of a whole row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Red,
}

/// Columns padded to their widest entry: the columns marked in `right` end-aligned, one rule under the header.
pub(super) fn aligned(
    header: &[String],
    rows: &[Vec<String>],
    right: &[bool],
    paint: &[Paint],
    style: Style,
) -> String {
    let mut table = comfy_table::Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(header.iter().map(|name| one_line(name)));
    for row in rows {
        table.add_row(row.iter().map(|entry| one_line(entry)));
    }
    for (column, &right) in table.column_iter_mut().zip(right) {
        column.set_padding((0, 2));
        if right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // One entry never spans two lines, so the first line is the header and the others are the rows.
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    let width = lines
        .iter()
        .map(|line| unicode_width::UnicodeWidthStr::width(line.as_str()))
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let red = style.colour && index > 0 && paint.get(index - 1) == Some(&Paint::Red);
        let (on, off) = match (style.colour, red, index) {
            (true, _, 0) => ("\u{1b}[1m", "\u{1b}[0m"),
            (_, true, _) => ("\u{1b}[31m", "\u{1b}[0m"),
            _ => ("", ""),
        };
        text.push_str(&format!("{on}{line}{off}\n"));
        if index == 0 {
            text.push_str(&format!("{}\n", "-".repeat(width)));
        }
    }
    text
}

/// The text with every control character replaced: an entry must neither break its row nor steer a terminal.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["server", "delay_s", "runs"]).unwrap();
        table
            .push(vec!["web".into(), Value::Seconds(1.2346), Value::Count(3)])
            .unwrap();
        table
            .push(vec![
                "a,\nb\u{1b}[31m".into(),
                Value::Seconds(-10.0),
                Value::Missing,
            ])
            .unwrap();
        table
    }

    #[test]
    fn aligns_numbers_to_the_right_and_keeps_each_row_on_its_line() {
        let expected = "server     delay_s  runs\n\
                        ------------------------\n\
                        web          1.235     3\n\
                        a, b [31m  -10.000     -\n";
        assert_eq!(
            table().render(Format::Table, Style::default()).unwrap(),
            expected
        );
    }

    #[test]
    fn csv_quotes_and_json_keeps_the_order_of_the_columns() {
        let csv = table().render(Format::Csv, Style::default()).unwrap();
        assert_eq!(
            csv,
            "server,delay_s,runs\nweb,1.235,3\n\"a,\nb\u{1b}[31m\",-10.000,\n"
        );
        let json = table().render(Format::Json, Style::default()).unwrap();
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read[1]["runs"], serde_json::Value::Null);
        assert_eq!(read[0]["delay_s"], 1.235);
        assert!(
            json.find("server") < json.find("delay_s") && json.find("delay_s") < json.find("runs")
        );
    }

    #[test]
    fn a_column_can_be_left_out() {
        let narrow = table().without("delay_s").without("no such column");
        assert_eq!(
            narrow.render(Format::Csv, Style::default()).unwrap(),
            "server,runs\nweb,3\n\"a,\nb\u{1b}[31m\",\n"
        );
    }

    #[test]
    fn an_empty_table_still_has_its_header() {
        let table = Table::new(&["a"]).unwrap();
        assert_eq!(
            table.render(Format::Table, Style { colour: true }).unwrap(),
            "\u{1b}[1ma\u{1b}[0m\n-\n"
        );
        assert_eq!(table.render(Format::Csv, Style::default()).unwrap(), "a\n");
        assert_eq!(
            table.render(Format::Json, Style::default()).unwrap(),
            "[]\n"
        );
    }

    #[test]
    fn a_single_empty_field_is_still_a_row_of_csv() {
        let mut table = Table::new(&["a"]).unwrap();
        table.push(vec![Value::Missing]).unwrap();
        assert_eq!(
            table.render(Format::Csv, Style::default()).unwrap(),
            "a\n\"\"\n"
        );
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert_eq!(Table::new(&[]), Err(TableError::NoColumns));
        assert_eq!(
            Table::new(&["a", "b", "a"]),
            Err(TableError::SameName("a".to_owned()))
        );
        let mut table = Table::new(&["a", "b"]).unwrap();
        assert_eq!(
            table.push(vec!["x".into()]),
            Err(TableError::Width {
                columns: 2,
                found: 1
            })
        );
        for bad in [f64::NAN, f64::NEG_INFINITY, 1e12] {
            let error = table
                .push(vec!["x".into(), Value::Seconds(bad)])
                .unwrap_err();
            assert!(
                matches!(error, TableError::Seconds { ref column, .. } if column == "b"),
                "{error}"
            );
        }
    }
}
