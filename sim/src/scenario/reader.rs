//! Files of TOML, their tables and their values, each with its place in the file.
//!
//! What a key may hold by itself is read by types of its own. What depends on another key, such as
//! the keys of a fault on its kind, is read from a [`Table`] of values that keep their places.

use core::ops::Range;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use tetrarch_core::Span;
use toml::Spanned;

use super::error::{Place, Problem, ScenarioError, Source};
use super::value::{Table, Value};
use crate::units::shortened;

/// The most bytes that a scenario or timing file may have: 1 MiB.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads all of a file as text; `name` is the file's name in errors.
pub(super) fn read_text(path: &Path, name: &str) -> Result<String, ScenarioError> {
    let fail = |problem| ScenarioError {
        place: Place::whole(name),
        problem,
    };
    let unreadable = |error: std::io::Error| {
        fail(Problem::Unreadable {
            reason: error.to_string(),
        })
    };
    if path.is_dir() {
        return Err(fail(Problem::Directory));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    // The limit is put on the reading, not on the reported size: devices and pipes report none.
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(fail(Problem::TooLarge {
            limit_bytes: FILE_BYTES_MAX,
        }));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        ScenarioError {
            place: Place::of(name, &text, valid),
            problem: Problem::NotUtf8,
        }
    })
}

/// Reads a whole file as what serde says that it is.
pub(super) fn parse_toml<T: DeserializeOwned>(source: Source<'_>) -> Result<T, ScenarioError> {
    let toml = toml::Deserializer::parse(source.text);
    let toml = toml.map_err(|error| source.refused(&error, Problem::not_toml))?;
    T::deserialize(toml).map_err(|error| source.refused(&error, Problem::not_wanted))
}

/// A table with the name that errors give it.
#[derive(Clone, Debug)]
pub(super) struct Section<'a> {
    source: Source<'a>,
    name: String,
    span: Range<usize>,
    table: &'a Table,
}

impl<'a> Section<'a> {
    /// The table of a whole file, with any keys; see [`Section::refuse_unknown`].
    pub(super) fn of_file(source: Source<'a>, name: &str, table: &'a Table) -> Self {
        Self {
            source,
            name: name.to_owned(),
            span: 0..0,
            table,
        }
    }

    /// The first key, in the file's order, that is not one of `keys` is an error.
    pub(super) fn refuse_unknown(&self, keys: &[&str]) -> Result<(), ScenarioError> {
        let unknown = self.table.keys();
        let unknown = unknown.filter(|key| !keys.contains(&key.get_ref().as_str()));
        let Some(key) = unknown.min_by_key(|key| key.span().start) else {
            return Ok(());
        };
        // Several kinds of one table may share a key.
        let known = keys.iter().enumerate();
        let known = known.filter(|&(at, key)| !keys[..at].contains(key));
        let known: Vec<&str> = known.map(|(_, key)| *key).collect();
        let problem = Problem::UnknownKey {
            key: shortened(key.get_ref()),
            section: self.name.clone(),
            expected: format!("one of {}", known.join(", ")),
        };
        Err(self.source.error(&key.span(), problem))
    }

    pub(super) fn get(&self, key: &str) -> Option<Item<'a>> {
        let (key, value) = self.table.get_key_value(key)?;
        Some(Item {
            source: self.source,
            name: key.get_ref(),
            value,
        })
    }

    pub(super) fn need(&self, key: &str, expected: &str) -> Result<Item<'a>, ScenarioError> {
        self.get(key).ok_or_else(|| self.lacks(key, expected))
    }

    pub(super) fn lacks(&self, key: &str, expected: &str) -> ScenarioError {
        let problem = Problem::MissingKey {
            key: key.to_owned(),
            section: self.name.clone(),
            expected: expected.to_owned(),
        };
        self.source.error(&self.span, problem)
    }

    /// The line that the table starts in.
    pub(super) fn line(&self) -> u32 {
        self.source.position(&self.span).line
    }
}

/// A value with the key that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    source: Source<'a>,
    name: &'a str,
    value: &'a Spanned<Value>,
}

impl<'a> Item<'a> {
    /// The value under the key `name` of the top of a file.
    pub(super) fn new(source: Source<'a>, name: &'a str, value: &'a Spanned<Value>) -> Self {
        Self {
            source,
            name,
            value,
        }
    }

    /// The error that this value is not what was expected.
    pub(super) fn refuse(self, expected: impl Into<String>) -> ScenarioError {
        let problem = self.value.get_ref().refuse(self.name, expected);
        self.source.error(&self.value.span(), problem)
    }

    pub(super) fn place(self) -> Place {
        self.source.place(&self.value.span())
    }

    /// What `read` makes of the value.
    fn read<T>(
        self,
        read: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Result<T, ScenarioError> {
        read(self.value.get_ref()).map_err(|expected| self.refuse(expected))
    }

    pub(super) fn text(self, expected: &str) -> Result<&'a str, ScenarioError> {
        self.read(|value| value.text(expected))
    }

    /// A whole number from `least` to `most`.
    pub(super) fn whole<T>(self, least: T, most: T) -> Result<T, ScenarioError>
    where
        T: Copy + PartialOrd + core::fmt::Display + TryFrom<i128>,
    {
        self.read(|value| value.whole(least, most))
    }

    /// The digits of a number as they stand in the file, so that decimals stay exact.
    pub(super) fn decimal(self) -> Option<String> {
        match self.value.get_ref() {
            Value::Whole(_) | Value::Float(_) => {
                let digits = self.source.text.get(self.value.span())?;
                Some(digits.replace('_', ""))
            }
            _ => None,
        }
    }

    pub(super) fn span(self) -> Result<Span, ScenarioError> {
        self.read(Value::span)
    }

    /// The one of `all` that has the text as its name.
    pub(super) fn choice<T: Copy>(
        self,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, ScenarioError> {
        self.read(|value| value.choice(all, name))
    }

    pub(super) fn list(self, expected: &str) -> Result<Vec<Self>, ScenarioError> {
        match self.value.get_ref() {
            Value::List(list) => Ok(list.iter().map(|value| Self { value, ..self }).collect()),
            _ => Err(self.refuse(expected)),
        }
    }

    pub(super) fn is_true(self) -> bool {
        matches!(self.value.get_ref(), Value::Bool(true))
    }

    pub(super) fn is_table(self) -> bool {
        matches!(self.value.get_ref(), Value::Table(_))
    }

    /// A table with any keys; the caller has its [`Section::refuse_unknown`] check them.
    pub(super) fn section(self, name: &str, expected: &str) -> Result<Section<'a>, ScenarioError> {
        match self.value.get_ref() {
            Value::Table(table) => Ok(Section {
                source: self.source,
                name: name.to_owned(),
                span: self.value.span(),
                table,
            }),
            _ => Err(self.refuse(expected)),
        }
    }
}
