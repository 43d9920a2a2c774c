//! `status`: the whole ring, as every server in it tells.

mod screen;
mod watch;
mod words;

use std::path::PathBuf;

use tetrarch_report::{Format, Table, Value};
use tetrarch_runtime::agent::control::{Answer, Ask};
use tetrarch_runtime::overview::{Overview, Seen, State};
use tetrarch_runtime::site::SITE_FILE;

use crate::agent_socket::ask;
use crate::args::Exit;
use crate::error::CliError;
use crate::output::Output;

const LONG: &str = "\
Show the whole ring: who manages whom, who serves what and why, and how old the last event about each server is.

The agent of this server asks all others. Who serves a function is shown as known only when whoever serves it has \
just said so; a server that could not be asked is unknown, with the reason, and never what it last was.

--watch shows the same on the whole screen, with the events of this server's journal, until `q`, Esc or Ctrl-C. The \
arrow keys and Page Up and Down move in the events, End goes back to the newest, and `r` asks at once. An answer that \
is more than 5 s old counts no longer, and everything in it is shown as unknown.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch status                    who manages whom, and who serves what
  tetrarch status --watch            the same, on the whole screen
  tetrarch --format json status      the same for a program, in one object
  tetrarch status --all-well         for a monitor: exit code 1 unless all is well
  tetrarch status --metrics          this server's figures, as Prometheus reads them

Exit codes:
  0  this server manages; with --all-well: all servers manage, and each serves
     its own function
  1  it does not, or not yet; with --all-well: not so, or unknown
  2  there is no agent, or it may not be asked";

/// Show who manages whom, who serves what, and how old each fact is.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Show it on the whole screen until `q`
    #[arg(long)]
    watch: bool,
    /// Let the exit code say whether all is well
    #[arg(long, conflicts_with = "watch")]
    all_well: bool,
    /// Print this server's metrics instead
    #[arg(long, conflicts_with_all = ["watch", "all_well"])]
    metrics: bool,
    /// The server's settings
    #[arg(long, value_name = "FILE", default_value = SITE_FILE)]
    site: PathBuf,
}

/// Prints how things stand.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    if args.watch {
        return watch::run(&args.site, output);
    }
    if args.metrics {
        let answer = ask(&args.site, Ask::Metrics)?.next().transpose()?;
        let Some(Answer::Metrics { text }) = answer else {
            return Err(CliError::Usage("the agent has given no metrics".to_owned()));
        };
        output.result(&text)?;
        return Ok(Exit::Fine);
    }
    let answer = ask(&args.site, Ask::Ring)?.next().transpose()?;
    let Some(Answer::Ring(overview)) = &answer else {
        return Err(CliError::Usage("the agent has given no status".to_owned()));
    };
    if matches!(output.format(), Format::Json) {
        output.json(overview)?;
    } else {
        output.table(&table(overview)?)?;
        for remark in words::remarks(overview) {
            output.remark(&remark);
        }
    }
    Ok(Exit::fine_if(if args.all_well {
        overview.is_all_well()
    } else {
        manages(overview)
    }))
}

/// Whether the server that was asked manages.
fn manages(overview: &Overview) -> bool {
    let mut servers = overview.servers.iter();
    servers.any(|one| one.server == overview.asked_from && one.state == State::Managing)
}

fn table(overview: &Overview) -> Result<Table, CliError> {
    let mut table = Table::new(&[
        "server",
        "state",
        "in_ring",
        "p1",
        "p2",
        "served_by",
        "last_event",
        "event_age_s",
    ])?;
    for seen in &overview.servers {
        table.push(row(overview, seen))?;
    }
    Ok(table)
}

fn row(overview: &Overview, seen: &Seen) -> Vec<Value> {
    let last = seen.last_event.as_ref();
    vec![
        seen.server.as_str().into(),
        words::state(seen.state).into(),
        words::in_ring(seen.in_ring).into(),
        words::manager(overview, seen.p1.as_deref()).into(),
        words::manager(overview, seen.p2.as_deref()).into(),
        words::served(&seen.function).as_str().into(),
        last.map_or("-", |last| last.kind.name()).into(),
        last.map(|last| f64::from(last.age_s)).into(),
    ]
}
