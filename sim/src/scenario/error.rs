//! What can be wrong with a scenario, and where.

use core::fmt;
use core::ops::Range;

use thiserror::Error;

use crate::parameters::ParameterError;

/// A place in a file. Line and column count from 1, the column in characters; a file that cannot
/// be read at all is reported at 1:1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named by whoever asked for it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The start of `file`.
    pub(super) fn start_of(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            line: 1,
            column: 1,
        }
    }

    /// The place of the byte offset `at` in `text`, which is all of `file` or its beginning.
    pub(super) fn of(file: &str, text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        Self {
            file: file.to_owned(),
            line: count(before.matches('\n').count()),
            column: count(before[line_start..].chars().count()),
        }
    }
}

/// `file:line:column`, with control characters in the file's name escaped.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.file.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        write!(f, ":{}:{}", self.line, self.column)
    }
}

/// Why a scenario could not be loaded: one line, `file:line:column: what was found and expected`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {problem}")]
pub struct ScenarioError {
    /// Where the problem is.
    pub place: Place,
    /// What the problem is.
    pub problem: Problem,
}

/// What can be wrong with a scenario. Every text in it is a single line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// The operating system refuses to hand out the file.
    #[error("cannot be read ({reason}); expected a TOML file")]
    Unreadable {
        /// The operating system's words.
        reason: String,
    },
    /// The path is that of a directory.
    #[error("is a directory; expected a TOML file")]
    Directory,
    /// The file is larger than any scenario needs.
    #[error("is too large; expected at most {limit_bytes} bytes")]
    TooLarge {
        /// The most bytes that a file may have.
        limit_bytes: u64,
    },
    /// The file is not text.
    #[error("found bytes that are not UTF-8; expected a TOML file, which is UTF-8 text")]
    NotUtf8,
    /// The text is not TOML.
    #[error("not TOML at {found}: {message}")]
    Syntax {
        /// The rest of the line from the place on, quoted and shortened.
        found: String,
        /// The TOML parser's words.
        message: String,
    },
    /// A key that nothing reads.
    #[error("unknown key {key:?} in {section}; expected {expected}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The table that it stands in.
        section: String,
        /// The keys that may stand there.
        expected: String,
    },
    /// A key that must be there is not.
    #[error("{section} lacks the key {key:?}; expected {expected}")]
    MissingKey {
        /// The key.
        key: String,
        /// The table that lacks it.
        section: String,
        /// What its value would be.
        expected: String,
    },
    /// A value of the wrong type, or one that makes no sense.
    #[error("{name} is {found}; expected {expected}")]
    BadValue {
        /// The key that it belongs to.
        name: String,
        /// The value, shortened when it is long.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// Timing parameters that make no sense.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// A timing file that another file names cannot be used.
    #[error(
        "the timing file {file:?} {reason} (named by {chain}); expected \"paper\" or a TOML file"
    )]
    TimingFile {
        /// The file.
        file: String,
        /// Why it cannot be used.
        reason: String,
        /// The files that led to it, the scenario first.
        chain: String,
    },
    /// Timing files that refer to one another without an end.
    #[error("the timing files form a circle, {chain}; expected a chain that ends at \"paper\"")]
    TimingCircle {
        /// The files from the scenario to the first one that appears again.
        chain: String,
    },
}

/// A file's name and text, to turn spans into places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn place(self, span: &Range<usize>) -> Place {
        Place::of(self.file, self.text, span.start)
    }

    pub(super) fn error(self, span: &Range<usize>, problem: Problem) -> ScenarioError {
        ScenarioError {
            place: self.place(span),
            problem,
        }
    }
}
