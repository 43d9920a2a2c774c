//! A parameter's value when its unit is known only at run time.

use core::fmt;

use tetrarch_core::Span;

use crate::units::{
    self, BitsPerSecond, Bytes, DATA_EXPECTED, DURATION_EXPECTED, MEMORY_EXPECTED, Megabytes,
    QuantityError, RATE_EXPECTED, RATIO_EXPECTED, Ratio,
};

/// What a parameter is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// A length of time.
    Duration,
    /// Memory in megabytes.
    Memory,
    /// Bits per second.
    Rate,
    /// An amount of data in bytes.
    Data,
    /// A share of a whole.
    Ratio,
}

impl UnitKind {
    /// Reads a value in this unit.
    ///
    /// # Errors
    /// When `text` is not a quantity in this unit.
    pub fn parse(self, text: &str) -> Result<Value, QuantityError> {
        Ok(match self {
            Self::Duration => Value::Duration(units::parse_span(text)?),
            Self::Memory => Value::Memory(text.parse()?),
            Self::Rate => Value::Rate(text.parse()?),
            Self::Data => Value::Data(text.parse()?),
            Self::Ratio => Value::Ratio(text.parse()?),
        })
    }

    /// What a value in this unit looks like, for messages.
    #[must_use]
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Duration => DURATION_EXPECTED,
            Self::Memory => MEMORY_EXPECTED,
            Self::Rate => RATE_EXPECTED,
            Self::Data => DATA_EXPECTED,
            Self::Ratio => RATIO_EXPECTED,
        }
    }

    /// Nothing, in this unit.
    pub(super) const fn zero(self) -> Value {
        match self {
            Self::Duration => Value::Duration(Span::ZERO),
            Self::Memory => Value::Memory(Megabytes(0)),
            Self::Rate => Value::Rate(BitsPerSecond(0)),
            Self::Data => Value::Data(Bytes(0)),
            Self::Ratio => Value::Ratio(Ratio::NONE),
        }
    }

    /// The most that any parameter in this unit may be: far beyond real machines, and small enough
    /// that sums and products in the simulator stay exact.
    pub(crate) const fn maximum(self) -> Value {
        match self {
            Self::Duration => Value::Duration(Span::from_secs(86_400)),
            Self::Memory => Value::Memory(Megabytes(1 << 30)),
            Self::Rate => Value::Rate(BitsPerSecond(1_000_000_000_000)),
            Self::Data => Value::Data(Bytes(1_000_000_000)),
            Self::Ratio => Value::Ratio(Ratio::WHOLE),
        }
    }
}

/// A parameter's value with its unit; prints as files and the command line read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A length of time.
    Duration(Span),
    /// Memory in megabytes.
    Memory(Megabytes),
    /// Bits per second.
    Rate(BitsPerSecond),
    /// An amount of data in bytes.
    Data(Bytes),
    /// A share of a whole.
    Ratio(Ratio),
}

impl Value {
    /// The number of smallest units: nanoseconds, megabytes, bits per second, bytes, or parts per
    /// million.
    #[must_use]
    pub const fn amount(self) -> u64 {
        match self {
            Self::Duration(span) => span.as_nanos(),
            Self::Memory(Megabytes(n)) | Self::Rate(BitsPerSecond(n)) | Self::Data(Bytes(n)) => n,
            Self::Ratio(ratio) => ratio.as_ppm() as u64,
        }
    }

    /// The unit that the value is measured in.
    #[must_use]
    pub const fn unit(self) -> UnitKind {
        match self {
            Self::Duration(_) => UnitKind::Duration,
            Self::Memory(_) => UnitKind::Memory,
            Self::Rate(_) => UnitKind::Rate,
            Self::Data(_) => UnitKind::Data,
            Self::Ratio(_) => UnitKind::Ratio,
        }
    }

    pub(super) const fn is_zero(self) -> bool {
        self.amount() == 0
    }

    pub(super) const fn within_maximum(self) -> bool {
        self.amount() <= self.unit().maximum().amount()
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Duration(span) => units::span_text(*span),
            Self::Memory(memory) => memory.to_string(),
            Self::Rate(rate) => rate.to_string(),
            Self::Data(data) => data.to_string(),
            Self::Ratio(ratio) => ratio.to_string(),
        };
        f.pad(&text)
    }
}

/// Ties each field type of the table to its unit.
pub(super) trait Quantity: Copy {
    /// The unit of this type.
    const UNIT: UnitKind;
    /// The value with its unit.
    fn into_value(self) -> Value;
    /// The bare quantity, when `value` is measured in this type's unit.
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! quantities {
    ($($type:ty => $variant:ident),+ $(,)?) => {
        $(impl Quantity for $type {
            const UNIT: UnitKind = UnitKind::$variant;

            fn into_value(self) -> Value {
                Value::$variant(self)
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(quantity) => Some(quantity),
                    _ => None,
                }
            }
        })+
    };
}

quantities! {
    Span => Duration,
    Megabytes => Memory,
    BitsPerSecond => Rate,
    Bytes => Data,
    Ratio => Ratio,
}
