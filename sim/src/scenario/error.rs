//! What can be wrong with a scenario, and where.

use core::fmt;
use core::ops::Range;

use thiserror::Error;

use crate::parameters::ParameterError;
use crate::units::shortened;

/// A place in a file, or the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named by whoever asked for it.
    pub file: Box<str>,
    /// Where in the file; none when it is about the file as a whole, such as one that is not there.
    pub position: Option<Position>,
}

/// A line and a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// The position of the byte offset `at` in `text`, which starts where the file does. An offset
    /// that no character starts at is taken for the end of the text.
    #[must_use]
    pub fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        Self {
            line: count(before.matches('\n').count()),
            column: count(before[line_start..].chars().count()),
        }
    }
}

impl Place {
    /// All of `file`.
    #[must_use]
    pub fn whole(file: &str) -> Self {
        Self {
            file: file.into(),
            position: None,
        }
    }

    /// The place of the byte offset `at` in `text`, which is all of `file` or its beginning.
    #[must_use]
    pub fn of(file: &str, text: &str, at: usize) -> Self {
        Self {
            file: file.into(),
            position: Some(Position::of(text, at)),
        }
    }
}

/// `file:line:column`, or `file` alone, with control characters in the file's name escaped.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(&self.file))?;
        match self.position {
            Some(Position { line, column }) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// `text` with its control characters escaped, so that it is a single line.
fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
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
    /// It is TOML, but not what serde was told to read.
    #[error("{message}")]
    NotWanted {
        /// What was found and expected, in serde's words or those of [`Problem::BadValue`].
        message: String,
    },
    /// A number that TOML allows and that is too large to be read.
    #[error("{found} is too large ({message}); expected a number that fits 64 bits")]
    NumberTooLarge {
        /// The number as it stands in the file, shortened.
        found: String,
        /// The TOML reader's words.
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

impl Problem {
    /// What `message`, an error of the TOML parser, says of what stands at `span` of `text`.
    pub(super) fn not_toml(text: &str, span: Range<usize>, message: String) -> Self {
        let rest = text.get(span.start..).unwrap_or_default();
        let found = match rest.lines().next().unwrap_or_default() {
            "" if rest.is_empty() => "the end of the file".to_owned(),
            "" => "the end of the line".to_owned(),
            line => format!("{:?}", shortened(line)),
        };
        Self::Syntax { found, message }
    }

    /// What `message`, an error of reading TOML as something, says of the value at `span` of `text`.
    pub(super) fn not_wanted(text: &str, span: Range<usize>, message: String) -> Self {
        // Whoever refuses a value says what was expected, but for toml itself, which refuses only
        // numbers that are too large for it.
        if message.contains("expected") {
            return Self::NotWanted { message };
        }
        let found = escaped(&shortened(text.get(span).unwrap_or_default()));
        Self::NumberTooLarge { found, message }
    }
}

/// A file's name and text, to turn spans into places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn position(self, span: &Range<usize>) -> Position {
        Position::of(self.text, span.start)
    }

    pub(super) fn place(self, span: &Range<usize>) -> Place {
        Place::of(self.file, self.text, span.start)
    }

    pub(super) fn error(self, span: &Range<usize>, problem: Problem) -> ScenarioError {
        ScenarioError {
            place: self.place(span),
            problem,
        }
    }

    /// The error that toml has with this text; `problem` makes it from the text, the part of it that
    /// toml points at, and toml's words in one line.
    pub(super) fn refused(
        self,
        error: &toml::de::Error,
        problem: fn(&str, Range<usize>, String) -> Problem,
    ) -> ScenarioError {
        let span = error.span().unwrap_or(0..0);
        let message = abridged(&escaped(error.message()));
        self.error(&span, problem(self.text, span.clone(), message))
    }
}

/// `text` without its middle when it is too long for a readable line: what was found may be as long
/// as its file, and what was expected stands at the end.
fn abridged(text: &str) -> String {
    const HEAD_CHARACTERS: usize = 80;
    const TAIL_CHARACTERS: usize = 240;
    let at = |n| text.char_indices().nth(n).map(|(at, _)| at);
    let tail = text.char_indices().rev().nth(TAIL_CHARACTERS - 1);
    match (at(HEAD_CHARACTERS), tail) {
        (Some(head), Some((tail, _))) if head < tail => {
            format!("{}...{}", &text[..head], &text[tail..])
        }
        _ => text.to_owned(),
    }
}
