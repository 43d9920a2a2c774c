//! `status`: what the agent of this server knows.

use std::path::PathBuf;

use tetrarch_report::{Format, Table, Value};
use tetrarch_runtime::agent::control::{Answer, Ask};
use tetrarch_runtime::site::SITE_FILE;
use tetrarch_runtime::status::{ServerStatus, Status};

use crate::agent_socket::ask;
use crate::args::Exit;
use crate::error::CliError;
use crate::output::Output;

const AFTER_HELP: &str = "\
Examples:
  tetrarch status                    who manages whom, and who serves what
  tetrarch --format json status      the same for a program, in one object
  tetrarch events                    what happens from now on

Exit codes:
  0  this server manages
  1  it does not, or not yet
  2  there is no agent, or it may not be asked";

/// Show who manages whom, who serves what, and how old each fact is.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The server's settings
    #[arg(long, value_name = "FILE", default_value = SITE_FILE)]
    site: PathBuf,
}

/// Prints how things stand.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let answer = ask(&args.site, Ask::Status)?.next().transpose()?;
    let Some(Answer::Status {
        ring,
        executer,
        status,
    }) = &answer
    else {
        return Err(CliError::Usage("the agent has given no status".to_owned()));
    };
    let managing = status.as_ref().is_some_and(|status| status.managing);
    if matches!(output.format(), Format::Json) {
        output.json(&answer)?;
    } else {
        output.remark(&headline(ring, executer, status.as_ref()));
        if let Some(status) = status {
            output.table(&table(ring, status)?)?;
        }
    }
    Ok(Exit::fine_if(managing))
}

fn headline(ring: &[String], executer: &str, status: Option<&Status>) -> String {
    let Some(status) = status else {
        return format!("the management programs are {executer}");
    };
    let me = name(ring, Some(status.me));
    let manages = if status.managing {
        "manages"
    } else {
        "waits for its place"
    };
    let address = if status.holds_own_address {
        "holds its address"
    } else {
        "does not hold its address"
    };
    format!("{me} {manages} and {address}; the management programs are {executer}")
}

fn name(ring: &[String], place: Option<usize>) -> &str {
    place
        .and_then(|place| ring.get(place))
        .map_or("-", String::as_str)
}

fn table(ring: &[String], status: &Status) -> Result<Table, CliError> {
    let mut table = Table::new(&[
        "server",
        "in_ring",
        "p1",
        "p2",
        "served_by",
        "served_age_s",
        "heard_age_s",
        "event",
        "event_age_s",
    ])?;
    for server in &status.servers {
        table.push(row(ring, server))?;
    }
    Ok(table)
}

fn row(ring: &[String], server: &ServerStatus) -> Vec<Value> {
    vec![
        name(ring, Some(server.server)).into(),
        if server.member { "yes" } else { "no" }.into(),
        name(ring, server.p1).into(),
        name(ring, server.p2).into(),
        name(ring, server.host).into(),
        Some(server.host_age_s).into(),
        server.heard_age_s.into(),
        server.event.as_deref().unwrap_or("-").into(),
        server.event_age_s.into(),
    ]
}
