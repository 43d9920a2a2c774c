//! The one table of every timing parameter: its value in the paper's system, where that value
//! comes from, and the evidence for it.
//!
//! Scenario files, timing files, the command line, reports and the sensitivity analysis all go
//! through [`TABLE`], so a parameter is declared exactly once, in `table.rs`.

mod error;
mod table;
mod value;

pub use error::ParameterError;
pub use table::{Parameters, TABLE};
pub use value::{UnitKind, Value};

use core::fmt;

use tetrarch_core::Timing;

use crate::units::QuantityError;

/// Where a parameter's value in the paper's system comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The paper states it, in Table 1 or in the text about the experiment.
    Table1,
    /// Computed back from the published results, because the paper does not state it.
    Inferred,
    /// Chosen: no published result depends on it.
    Assumed,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Table1 => "Table 1",
            Self::Inferred => "inferred",
            Self::Assumed => "assumed",
        })
    }
}

/// The least value that makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Least {
    /// Zero is allowed.
    Zero,
    /// Zero would stop the system, or make it spin.
    AboveZero,
}

/// One row of [`TABLE`].
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in files and on the command line, and of its field in [`Parameters`].
    pub key: &'static str,
    /// What it is measured in.
    pub unit: UnitKind,
    /// Where its value in the paper's system comes from.
    pub source: Source,
    /// What it is, in one sentence.
    pub meaning: &'static str,
    /// Why its value is what it is: the place in the paper, or the cells it was inferred from.
    pub evidence: &'static str,
    least: Least,
    get: fn(&Parameters) -> Value,
    set: fn(&mut Parameters, Value) -> bool,
}

impl Parameter {
    /// The row of `key`.
    ///
    /// # Errors
    /// [`ParameterError::Unknown`] when there is none.
    pub fn find(key: &str) -> Result<&'static Self, ParameterError> {
        TABLE
            .iter()
            .find(|row| row.key == key)
            .ok_or_else(|| ParameterError::unknown(key))
    }

    /// The value in the paper's system.
    #[must_use]
    pub fn paper(&self) -> Value {
        self.get(&Parameters::paper())
    }

    /// The value in `parameters`.
    #[must_use]
    pub fn get(&self, parameters: &Parameters) -> Value {
        (self.get)(parameters)
    }

    /// Puts `value` into `parameters`. [`Parameters::validate`] tells whether it makes sense there.
    ///
    /// # Errors
    /// [`ParameterError::WrongUnit`] when `value` is not measured in this parameter's unit.
    pub fn set(&self, parameters: &mut Parameters, value: Value) -> Result<(), ParameterError> {
        if (self.set)(parameters, value) {
            Ok(())
        } else {
            Err(ParameterError::WrongUnit {
                key: self.key,
                value,
                expected: self.unit.expected(),
            })
        }
    }

    /// Reads a value of this parameter, such as `44.3s`.
    ///
    /// # Errors
    /// When `text` is not a quantity in this parameter's unit.
    pub fn parse(&self, text: &str) -> Result<Value, QuantityError> {
        self.unit.parse(text)
    }
}

impl Parameters {
    /// Sets the parameter named `key` to the value written in `text`, such as `44.3s`.
    ///
    /// # Errors
    /// When there is no such parameter, or `text` is not a quantity in its unit. Whether the value
    /// makes sense is for [`Parameters::validate`], once all values are set.
    pub fn set_text(&mut self, key: &str, text: &str) -> Result<(), ParameterError> {
        let row = Parameter::find(key)?;
        let value = row
            .parse(text)
            .map_err(|source| ParameterError::Unreadable {
                key: row.key,
                source,
            })?;
        row.set(self, value)
    }

    /// The rows whose value here is not that of the paper's system, in the table's order.
    pub fn changes(&self) -> impl Iterator<Item = &'static Parameter> + '_ {
        TABLE.iter().filter(|row| row.get(self) != row.paper())
    }

    /// How many virtual servers a host's memory has room for.
    #[must_use]
    pub fn guests_max(&self) -> u8 {
        let room = self.host_memory.0.saturating_sub(self.host_reserved.0);
        u8::try_from(room / self.virtual_memory.0.max(1)).unwrap_or(u8::MAX)
    }

    /// What the protocol itself decides by.
    #[must_use]
    pub fn timing(&self) -> Timing {
        Timing {
            inter_monitoring: self.inter_monitoring,
            reexamination_wait: self.reexamination_wait,
            judgement_max: self.judgement_max,
            hand_off: self.hand_off,
            poll_pause: self.poll_pause,
            sync_grace: self.sync_grace,
            join_wait: self.join_wait,
            examination_max: self.examination_max,
            job_max: self.job_max,
            lease_term: self.lease_term,
            lease_margin: self.lease_margin,
        }
    }

    /// Checks each value by itself, then the values that depend on one another.
    ///
    /// # Errors
    /// The first value, in the table's order, that makes no sense.
    pub fn validate(&self) -> Result<(), ParameterError> {
        for row in TABLE {
            let value = row.get(self);
            let too_small = row.least == Least::AboveZero && value.is_zero();
            if too_small || !value.within_maximum() {
                return Err(ParameterError::OutOfRange {
                    key: row.key,
                    value,
                    least: if row.least == Least::AboveZero {
                        "more than"
                    } else {
                        "at least"
                    },
                    zero: row.unit.zero(),
                    most: row.unit.maximum(),
                });
            }
        }
        self.validate_pairs()
    }

    /// The first key of each pair must be at least the second.
    fn validate_pairs(&self) -> Result<(), ParameterError> {
        const PAIRS: &[(&str, &str, &str)] = &[
            (
                "server_restart",
                "server_start",
                "the difference is the shutdown",
            ),
            (
                "network_examination_abnormal",
                "network_examination_normal",
                "an examination that fails waits longer than one that is answered",
            ),
            (
                "server_start",
                "start_shared",
                "the second is a part of the first",
            ),
            (
                "lease_term",
                "lease_margin",
                "a lease lasts as long as the first is longer",
            ),
            (
                "host_memory",
                "host_reserved",
                "the second is a part of the first",
            ),
        ];
        for &(key, other_key, why) in PAIRS {
            let (row, other) = (Parameter::find(key)?, Parameter::find(other_key)?);
            let (value, other_value) = (row.get(self), other.get(self));
            if value.amount() < other_value.amount() {
                return Err(ParameterError::Conflict {
                    key: row.key,
                    value,
                    other_key: other.key,
                    other_value,
                    why,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
