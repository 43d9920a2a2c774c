//! Typed reading of TOML values that keeps the place of each one.
//!
//! The values are walked by hand instead of being deserialised: an override of any of the timing
//! parameters, a fault of fourteen kinds and a reference to another file each need an error at the
//! exact value, which a derived reader of untagged variants cannot give.

use core::ops::Range;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use tetrarch_core::Span;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Place, Problem, ScenarioError, Source};
use crate::units::{self, shortened};

/// The most bytes that a scenario or timing file may have: 1 MiB.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads all of a file as text; `name` is the file's name in errors.
pub(super) fn read_text(path: &Path, name: &str) -> Result<String, ScenarioError> {
    let fail = |problem| ScenarioError {
        place: Place::start_of(name),
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

/// Parses a whole file.
pub(super) fn parse_toml<'a>(source: Source<'a>) -> Result<Spanned<DeTable<'a>>, ScenarioError> {
    DeTable::parse(source.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let rest = source.text.get(span.start..).unwrap_or_default();
        let found = match rest.lines().next().unwrap_or_default() {
            "" if rest.is_empty() => "the end of the file".to_owned(),
            "" => "the end of the line".to_owned(),
            line => format!("{:?}", shortened(line)),
        };
        let message: Vec<&str> = error.message().lines().map(str::trim).collect();
        let message = message.join(", ").escape_debug().to_string();
        source.error(&span, Problem::Syntax { found, message })
    })
}

/// A table with the name that errors give it.
#[derive(Clone, Debug)]
pub(super) struct Section<'a> {
    pub(super) source: Source<'a>,
    name: String,
    span: Range<usize>,
    table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    /// The table of a whole file, with any keys; see [`Section::refuse_unknown`].
    pub(super) fn of_file(source: Source<'a>, name: &str, root: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            source,
            name: name.to_owned(),
            span: 0..0,
            table: root.get_ref(),
        }
    }

    /// The first key, in the file's order, that is not one of `keys` is an error.
    pub(super) fn refuse_unknown(&self, keys: &[&str]) -> Result<(), ScenarioError> {
        let unknown = self.table.keys();
        let unknown = unknown.filter(|key| !keys.contains(&key.get_ref().as_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => Err(self.source.error(
                &key.span(),
                Problem::UnknownKey {
                    key: shortened(key.get_ref()),
                    section: self.name.clone(),
                    expected: format!("one of {}", keys.join(", ")),
                },
            )),
        }
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

    pub(super) fn place(&self) -> Place {
        self.source.place(&self.span)
    }
}

/// A value with the key that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    pub(super) source: Source<'a>,
    pub(super) name: &'a str,
    pub(super) value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Item<'a> {
    /// The error that this value is not what was expected.
    pub(super) fn refuse(self, expected: impl Into<String>) -> ScenarioError {
        self.fail(Problem::BadValue {
            name: shortened(self.name).escape_debug().to_string(),
            found: self.found(),
            expected: expected.into(),
        })
    }

    pub(super) fn fail(self, problem: Problem) -> ScenarioError {
        self.source.error(&self.value.span(), problem)
    }

    fn found(self) -> String {
        match self.value.get_ref() {
            DeValue::String(text) => format!("{:?}", shortened(text)),
            DeValue::Integer(number) => shortened(&number.to_string()),
            DeValue::Float(number) => shortened(&number.to_string()),
            DeValue::Boolean(yes) => yes.to_string(),
            DeValue::Datetime(date) => format!("the date {date}"),
            DeValue::Array(list) if list.is_empty() => "an empty list".to_owned(),
            DeValue::Array(list) => format!("a list of {}", list.len()),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }

    pub(super) fn text(self, expected: &str) -> Result<&'a str, ScenarioError> {
        self.value
            .get_ref()
            .as_str()
            .ok_or_else(|| self.refuse(expected))
    }

    /// A whole number from `least` to `most`.
    pub(super) fn whole<T>(self, least: T, most: T) -> Result<T, ScenarioError>
    where
        T: Copy + PartialOrd + core::fmt::Display + TryFrom<u64>,
    {
        let number = self.value.get_ref().as_integer();
        number
            .and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok())
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.refuse(format!("a whole number from {least} to {most}")))
    }

    /// The digits of a number as written, so that decimals stay exact.
    pub(super) fn decimal(self) -> Option<&'a str> {
        match self.value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str()),
            DeValue::Float(number) => Some(number.as_str()),
            _ => None,
        }
    }

    pub(super) fn span(self) -> Result<Span, ScenarioError> {
        let text = self.text(units::DURATION_EXPECTED)?;
        units::parse_span(text).map_err(|error| self.refuse_flawed(&error))
    }

    /// The error that this value's text is not the quantity it should be.
    pub(super) fn refuse_flawed(self, error: &units::QuantityError) -> ScenarioError {
        self.refuse(format!("{}, but it {}", error.expected, error.flaw))
    }

    /// The one of `all` that has the text as its name.
    pub(super) fn choice<T: Copy>(
        self,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, ScenarioError> {
        let expected = || format!("one of {}", quoted(all.iter().map(|&each| name(each))));
        let text = self.text(&expected())?;
        let chosen = all.iter().copied().find(|&each| name(each) == text);
        chosen.ok_or_else(|| self.refuse(expected()))
    }

    pub(super) fn list(self, expected: &str) -> Result<Vec<Self>, ScenarioError> {
        let list = self.value.get_ref().as_array();
        let list = list.ok_or_else(|| self.refuse(expected))?;
        Ok(list.iter().map(|value| Self { value, ..self }).collect())
    }

    pub(super) fn is_table(self) -> bool {
        self.value.get_ref().is_table()
    }

    /// A table with any keys; the caller has its [`Section::refuse_unknown`] check them.
    pub(super) fn section(self, name: &str, expected: &str) -> Result<Section<'a>, ScenarioError> {
        let table = self.value.get_ref().as_table();
        Ok(Section {
            source: self.source,
            name: name.to_owned(),
            span: self.value.span(),
            table: table.ok_or_else(|| self.refuse(expected))?,
        })
    }
}

/// The error texts' way to list names: `"mail", "web"`.
pub(super) fn quoted<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("{name:?}")).collect();
    quoted.join(", ")
}
