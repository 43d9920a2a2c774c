//! What can be wrong with a parameter.

use thiserror::Error;

use super::{TABLE, Value};
use crate::units::{QuantityError, shortened};

/// A parameter that cannot be set, or whose value makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParameterError {
    /// No parameter has this name.
    #[error("unknown parameter {key:?}; expected one of {expected}")]
    Unknown {
        /// The name, shortened when it is long.
        key: String,
        /// Every known name, separated by commas.
        expected: String,
    },
    /// The text is not a quantity in the parameter's unit.
    #[error("{key}: {source}")]
    Unreadable {
        /// The parameter.
        key: &'static str,
        /// What is wrong with the text.
        source: QuantityError,
    },
    /// The value is measured in another unit than the parameter.
    #[error("{key} is {value}; expected {expected}")]
    WrongUnit {
        /// The parameter.
        key: &'static str,
        /// The value.
        value: Value,
        /// What its unit looks like.
        expected: &'static str,
    },
    /// The value is too small or too large.
    #[error("{key} is {value}; expected {least} {zero} and at most {most}")]
    OutOfRange {
        /// The parameter.
        key: &'static str,
        /// Its value.
        value: Value,
        /// Whether zero itself is allowed: `at least` or `more than`.
        least: &'static str,
        /// Zero, in the parameter's unit.
        zero: Value,
        /// The largest value allowed.
        most: Value,
    },
    /// Two values contradict each other.
    #[error("{key} is {value}; expected at least {other_key}, which is {other_value} ({why})")]
    Conflict {
        /// The parameter that is too small.
        key: &'static str,
        /// Its value.
        value: Value,
        /// The parameter that it must not be below.
        other_key: &'static str,
        /// That parameter's value.
        other_value: Value,
        /// Why the one must not be below the other.
        why: &'static str,
    },
}

impl ParameterError {
    pub(super) fn unknown(key: &str) -> Self {
        let known: Vec<&str> = TABLE.iter().map(|row| row.key).collect();
        Self::Unknown {
            key: shortened(key),
            expected: known.join(", "),
        }
    }

    /// The parameters whose values are to blame, the first one first; none for an unknown name.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let (first, second) = match self {
            Self::Unknown { .. } => (None, None),
            Self::Unreadable { key, .. }
            | Self::WrongUnit { key, .. }
            | Self::OutOfRange { key, .. } => (Some(*key), None),
            Self::Conflict { key, other_key, .. } => (Some(*key), Some(*other_key)),
        };
        first.into_iter().chain(second)
    }
}
