//! Why a record cannot be written or read.

use std::io;

use tetrarch_core::{ConfigError, Time};
use thiserror::Error;

use crate::SOFTWARE_BYTES_MAX;

/// Why a record cannot be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The file does not take the bytes.
    #[error("cannot write the record: {0}")]
    Io(#[from] io::Error),
    /// An earlier write has failed, perhaps half-way; more would make the record unreadable there.
    #[error("the record ends where an earlier write has failed")]
    Broken,
    /// Inputs come in the order of their times.
    #[error("expected an instant not before {last}, found {found}")]
    Backwards {
        /// The instant of the last input.
        last: Time,
        /// The instant of the refused one.
        found: Time,
    },
    /// The version of the software is too long, empty, or has characters that are not printed.
    #[error(
        "expected a software version of 1 to {SOFTWARE_BYTES_MAX} printable ASCII characters, found {found:?}"
    )]
    Software {
        /// What was given.
        found: String,
    },
}

/// Why a record cannot be read, or not further.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file does not give its bytes.
    #[error("cannot read the record: {0}")]
    Io(#[from] io::Error),
    /// The file is something else.
    #[error("expected a record, which begins with \"TETRAREC\"")]
    NotARecord,
    /// Written by a version that this one does not know.
    #[error(
        "expected a record of version {}, found version {found}",
        crate::VERSION
    )]
    Version {
        /// The version found.
        found: u16,
    },
    /// The file ends within its header.
    #[error("the record ends within its header; expected {expected} bytes, found {found}")]
    Short {
        /// The length of the header as far as it is known, in bytes.
        expected: usize,
        /// What is there, in bytes.
        found: usize,
    },
    /// The header is damaged.
    #[error("the header of the record is damaged: {0}")]
    Header(&'static str),
    /// The header holds a configuration that no group can run with.
    #[error("the header of the record holds no configuration: {0}")]
    Config(#[from] ConfigError),
    /// A frame is damaged, and others follow.
    #[error("the record is damaged at byte {offset}: {why}")]
    Corrupt {
        /// Where the frame begins in the file, in bytes.
        offset: u64,
        /// What was expected there.
        why: &'static str,
    },
}
