//! A TOML value of any type, as serde hands it over, and what a key may demand of it.

use core::fmt;
use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use tetrarch_core::Span;
use toml::Spanned;

use super::error::Problem;
use crate::units::{self, shortened};

/// A table whose keys and values keep their places.
pub(super) type Table = BTreeMap<Spanned<String>, Spanned<Value>>;

/// A value whose elements keep their places. What it demands of a value fails with words for what
/// was expected.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    /// Any number that TOML calls an integer and that fits.
    Whole(i128),
    /// Rounded to the nearest number of 64 bits; only [`Item`](super::reader::Item) has the digits.
    Float(f64),
    Bool(bool),
    /// A date, a time, or both, as TOML writes them.
    Date(String),
    List(Vec<Spanned<Self>>),
    Table(Table),
}

impl Value {
    /// The error that the value of the key `name` is not what was expected.
    pub(super) fn refuse(&self, name: &str, expected: impl Into<String>) -> Problem {
        Problem::BadValue {
            name: shortened(name).escape_debug().to_string(),
            found: self.found(),
            expected: expected.into(),
        }
    }

    fn found(&self) -> String {
        match self {
            Self::Text(text) => format!("{:?}", shortened(text)),
            Self::Whole(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Bool(yes) => yes.to_string(),
            Self::Date(date) => format!("the date {date}"),
            Self::List(list) => list_of(list.len()),
            Self::Table(_) => "a table".to_owned(),
        }
    }

    pub(super) fn text(&self, expected: &str) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(expected.to_owned()),
        }
    }

    /// A text for people; `lines` tells whether it may have several lines.
    pub(super) fn prose(&self, lines: bool, expected: &str) -> Result<String, String> {
        let text = self.text(expected)?.trim();
        let odd = |c: char| c.is_control() && !(lines && c == '\n');
        if text.is_empty() || text.contains(odd) {
            return Err(expected.to_owned());
        }
        Ok(text.to_owned())
    }

    /// A whole number from `least` to `most`.
    pub(super) fn whole<T>(&self, least: T, most: T) -> Result<T, String>
    where
        T: Copy + PartialOrd + fmt::Display + TryFrom<i128>,
    {
        let number = match self {
            Self::Whole(number) => T::try_from(*number).ok(),
            _ => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("a whole number from {least} to {most}"))
    }

    pub(super) fn span(&self) -> Result<Span, String> {
        let text = self.text(units::DURATION_EXPECTED)?;
        units::parse_span(text).map_err(|error| flawed(&error))
    }

    /// The one of `all` that has the text as its name.
    pub(super) fn choice<T: Copy>(
        &self,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, String> {
        let expected = || format!("one of {}", quoted(all.iter().map(|&each| name(each))));
        let text = self.text(&expected())?;
        let chosen = all.iter().copied().find(|&each| name(each) == text);
        chosen.ok_or_else(expected)
    }
}

/// The error texts' words for a list with that many elements.
pub(super) fn list_of(len: usize) -> String {
    match len {
        0 => "an empty list".to_owned(),
        len => format!("a list of {len}"),
    }
}

/// What was expected of a text that is not the quantity it should be.
pub(super) fn flawed(error: &units::QuantityError) -> String {
    format!("{}, but it {}", error.expected, error.flaw)
}

/// The error texts' way to list names: `"mail", "web"`.
pub(super) fn quoted<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("{name:?}")).collect();
    quoted.join(", ")
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor(Ok))
    }
}

/// Deserialises the value of the key `name` as what `read` makes of it.
pub(super) fn deserialize_key<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    name: &str,
    read: impl FnOnce(&Value) -> Result<T, String>,
) -> Result<T, D::Error> {
    // The visitor itself must fail, and not its caller: so the error gets the place of this value
    // and not that of the list that it stands in.
    deserializer.deserialize_any(ValueVisitor(|value: Value| {
        read(&value).map_err(|expected| value.refuse(name, expected))
    }))
}

/// Takes a value of any type and returns what the function makes of it.
struct ValueVisitor<F>(F);

impl<F, T> ValueVisitor<F>
where
    F: FnOnce(Value) -> Result<T, Problem>,
{
    fn finish<E: Error>(self, value: Value) -> Result<T, E> {
        (self.0)(value).map_err(E::custom)
    }
}

impl<'de, F, T> Visitor<'de> for ValueVisitor<F>
where
    F: FnOnce(Value) -> Result<T, Problem>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a TOML value")
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<T, E> {
        self.finish(Value::Bool(yes))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.finish(Value::Whole(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.finish(Value::Whole(number.into()))
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<T, E> {
        self.finish(Value::Whole(number))
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<T, E> {
        // Only what is too large for the narrower types comes here; the words are toml's for more.
        let number = i128::try_from(number);
        self.visit_i128(number.map_err(|_| E::custom("integer number overflowed"))?)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        self.finish(Value::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<T, E> {
        self.finish(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        self.finish(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut table = Table::new();
        loop {
            match map.next_key() {
                Ok(Some(key)) => table.insert(key, map.next_value()?),
                Ok(None) => return self.finish(Value::Table(table)),
                // A date comes as a table of one text, whose key alone has no place in the file.
                Err(_) => {
                    let date = map.next_value()?;
                    return self.finish(Value::Date(date));
                }
            };
        }
    }
}
