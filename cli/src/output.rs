//! Where text goes: results to standard output, everything else to standard error.

use std::io::{self, ErrorKind, Write};

use anstream::AutoStream;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tetrarch_report::output::OutputError;
use tetrarch_report::{Format, Style, Table};

use crate::args::Global;
use crate::error::CliError;

/// Prints what a command has to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    style: Style,
    color: anstream::ColorChoice,
    is_quiet: bool,
}

impl Output {
    /// The output that the global options ask for.
    pub(crate) fn new(global: &Global) -> Self {
        let color = anstream::ColorChoice::from(global.color);
        // From here on every automatic stream follows the option.
        color.write_global();
        let found = AutoStream::choice(&io::stdout());
        Self {
            format: global.format.into(),
            style: Style {
                colour: found != anstream::ColorChoice::Never,
            },
            color,
            is_quiet: global.quiet,
        }
    }

    /// How results are to be written.
    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// How a table for people is to look.
    pub(crate) const fn style(&self) -> Style {
        self.style
    }

    /// How many columns standard output shows; none when it is no terminal.
    pub(crate) fn columns(&self) -> Option<usize> {
        let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
        Some(usize::from(width.0))
    }

    /// Prints a table in the format that was asked for.
    pub(crate) fn table(&self, table: &Table) -> Result<(), CliError> {
        self.result(&table.render(self.format, self.style)?)
    }

    /// Prints a value as indented JSON.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(OutputError::from)?;
        self.result(&(text + "\n"))
    }

    /// A bar on standard error for work of `length` steps, shown only on a terminal and once it takes a while.
    pub(crate) fn progress(&self, length: u64, what: &'static str) -> ProgressBar {
        if self.is_quiet {
            return ProgressBar::hidden();
        }
        // Indicatif itself hides the bar when standard error is no terminal.
        let bar = ProgressBar::new(length).with_message(what);
        let style =
            ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} {msg}, {eta} left");
        match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// Prints results, as they are.
    ///
    /// A reader that has gone away has read enough: that is no error, and the command goes on.
    pub(crate) fn result(&self, text: &str) -> Result<(), CliError> {
        self.bytes(text.as_bytes())
    }

    /// Prints results that need not be text.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::Print(error)),
            _ => Ok(()),
        }
    }

    /// One changing line on standard error for work of unknown length, shown only on a terminal.
    pub(crate) fn spinner(&self) -> ProgressBar {
        if self.is_quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new_spinner()
        }
    }

    /// Prints a remark that is no result, unless remarks are unwanted.
    pub(crate) fn remark(&self, text: &str) {
        if !self.is_quiet {
            self.complain(text);
        }
    }

    /// Prints what is wrong in one line; even when remarks are unwanted.
    pub(crate) fn complain(&self, text: &str) {
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{}", one_line(text));
    }

    /// Prints why the command could not do its work.
    pub(crate) fn error(&self, error: &CliError) {
        let red = anstream::AutoStream::new(io::stderr(), self.color);
        let text = one_line(&error.to_string());
        let _ = writeln!(red.lock(), "\u{1b}[1;31merror:\u{1b}[0m {text}");
    }
}

/// The text with control characters escaped: names of files may hold any, and none may steer a terminal.
fn one_line(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_line_is_one_line_and_steers_no_terminal() {
        assert_eq!(one_line("a\nb\u{1b}[31mé"), "a\\nb\\u{1b}[31mé");
    }
}
