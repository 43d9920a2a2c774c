//! `events`: what the agent of this server notes, as it happens or from its journal.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tetrarch_report::Format;
use tetrarch_runtime::agent::control::{Answer, Ask};
use tetrarch_runtime::journal::{Entry, What};
use tetrarch_runtime::site::SITE_FILE;

use crate::agent_socket::ask;
use crate::args::Exit;
use crate::error::CliError;
use crate::output::Output;

const LONG: &str = "\
Show what this server has noted.

Without options it follows what is noted from now on, until the agent ends or you do. --since reads the journal, which \
holds some twenty thousand events over restarts of the agent; with --follow it then goes on. The calendar's time is \
this server's; the numbers of the journal are in order even if the calendar was set back.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch events                                 what happens from now on
  tetrarch events --since 2h                      of the last two hours
  tetrarch events --since '2026-05-01 12:00:00'   since then, in UTC
  tetrarch --format json events --since 1d --follow
                                                  one object a line, and go on";

/// The end of the year 9999, up to which calendars are written with four digits.
const YEARS_MS_MAX: u64 = 253_402_300_799_999;

/// Show what this server has noted, or follow what it notes.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Begin with what is this old, such as `2h`, or with an instant in UTC
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<u64>,
    /// Go on with what comes; without --since this is what happens anyway
    #[arg(long)]
    follow: bool,
    /// The server's settings
    #[arg(long, value_name = "FILE", default_value = SITE_FILE)]
    site: PathBuf,
}

/// Prints events, with `--format json` as one object a line.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let question = match args.since {
        None => Ask::Events,
        Some(since_unix_ms) => Ask::Journal {
            since_unix_ms,
            follow: args.follow,
        },
    };
    for answer in ask(&args.site, question)? {
        let answer = answer?;
        let line = match (&answer, output.format()) {
            (Answer::Entry(entry), Format::Json) => json(entry)?,
            (_, Format::Json) => json(&answer)?,
            (Answer::Entry(entry), _) => in_words(entry),
            (Answer::Event { at_s, happened }, _) => format!("{at_s:>12.3}  {happened}"),
            (Answer::Missed { events }, _) => {
                format!("{:>12}  {events} events came too fast to be shown", "")
            }
            _ => return Err(CliError::Usage("the agent has told no events".to_owned())),
        };
        output.result(&(line + "\n"))?;
    }
    Ok(Exit::Fine)
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, CliError> {
    Ok(serde_json::to_string(value).map_err(tetrarch_report::output::OutputError::from)?)
}

/// An entry of the journal as a line for people.
pub(crate) fn in_words(entry: &Entry) -> String {
    let at = UNIX_EPOCH + Duration::from_millis(entry.unix_ms.min(YEARS_MS_MAX));
    let at = humantime::format_rfc3339_millis(at);
    match &entry.what {
        What::Event(happened) => format!("{at}  {happened}"),
        What::Missed(events) => format!("{at}  {events} events came too fast to be kept"),
    }
}

/// The present by the calendar, in milliseconds since 1970.
pub(crate) fn unix_ms_now() -> u64 {
    unix_ms(SystemTime::now())
}

fn unix_ms(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Reads an age or an instant as milliseconds since 1970.
fn since(text: &str) -> Result<u64, String> {
    if let Ok(age) = humantime::parse_duration(text) {
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        return Ok(unix_ms_now().saturating_sub(age_ms));
    }
    let at = humantime::parse_rfc3339_weak(text).map_err(|_| {
        format!(
            "expected an age such as 2h or an instant such as 2026-05-01 12:00:00, found {text:?}"
        )
    })?;
    Ok(unix_ms(at))
}

#[cfg(test)]
mod tests {
    use super::{since, unix_ms_now};

    #[test]
    fn ages_and_instants_are_told_apart() {
        assert_eq!(since("1970-01-01 00:01:00"), Ok(60_000));
        assert_eq!(since("1970-01-01T00:01:00Z"), Ok(60_000));
        let hour_ago = since("1h").unwrap();
        assert!(hour_ago <= unix_ms_now() - 3_600_000 + 1_000);
        // Longer ago than the calendar goes is its beginning.
        assert_eq!(since("900y"), Ok(0));
        assert!(since("yesterday").unwrap_err().contains("expected an age"));
    }
}
