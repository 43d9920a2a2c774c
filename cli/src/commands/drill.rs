//! `drill`: a trouble on purpose, and what the ring makes of it.

mod seen;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use tetrarch_core::Span;
use tetrarch_report::{Table, Value};
use tetrarch_runtime::agent::control::{Answer, Ask};
use tetrarch_runtime::overview::Overview;
use tetrarch_runtime::site::{SITE_FILE, Site};
use tetrarch_runtime::store;

use crate::agent_socket::ask;
use crate::args::{Exit, duration};
use crate::error::CliError;
use crate::output::Output;

const LONG: &str = "\
Make a trouble on this server on purpose, and show what the ring makes of it.

Nothing is done unless all is well: every server manages, each serves its own function, and nothing is being \
recovered. The trouble is real. Clients of this server are cut off until it is recovered.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch drill services --dry-run   what would be done, and whether it may be
  tetrarch drill services             stop the services of this server (S1t), and
                                      wait until all is well again
  tetrarch drill reboot               restart this server (N1t)
  tetrarch drill power-off            switch it off (N2t)

Exit codes:
  0  all is well again; for reboot and power-off: begun
  1  refused, as not all is well; or not well again in time
  2  there is no agent, or the trouble cannot be made";

/// How often the ring is asked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Make a trouble on this server on purpose, and show what the ring makes of it.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    #[arg(value_enum)]
    trouble: Trouble,
    /// Say what would be done, and whether it may be, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait until all is well again
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10m")]
    timeout: Span,
    /// The server's settings
    #[arg(long, value_name = "FILE", default_value = SITE_FILE)]
    site: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Trouble {
    /// Stop the services of this server
    Services,
    /// Restart this server
    Reboot,
    /// Switch this server off; only its P1 can switch it on
    PowerOff,
}

/// Makes the trouble, if it may be made.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let site = Site::load(&args.site)?;
    let before = overview(&args.site)?;
    let reasons = seen::refusals(&before);
    for why in &reasons {
        output.complain(&format!("refused: {why}"));
    }
    if !reasons.is_empty() {
        return Ok(Exit::Different);
    }
    let arguments = arguments(args.trouble, &site)?;
    output.remark(&format!("systemctl {}", arguments.join(" ")));
    if args.dry_run {
        return Ok(Exit::Fine);
    }
    let begun = Instant::now();
    let status = Command::new("systemctl").args(&arguments).status();
    let status = status.map_err(CliError::path(Path::new("systemctl"), "run"))?;
    if !status.success() {
        let why = format!("systemctl {} ended with {status}", arguments.join(" "));
        return Err(CliError::Usage(why));
    }
    match args.trouble {
        Trouble::Services => watch(args, begun, output),
        Trouble::Reboot | Trouble::PowerOff => Ok(Exit::Fine),
    }
}

/// What systemctl is told.
fn arguments(trouble: Trouble, site: &Site) -> Result<Vec<String>, CliError> {
    match trouble {
        Trouble::Reboot => Ok(vec!["reboot".to_owned()]),
        Trouble::PowerOff => Ok(vec!["poweroff".to_owned()]),
        Trouble::Services => {
            let group = store::read(&site.copy(), &site.ring)
                .map_err(|why| CliError::Usage(why.to_string()))?;
            let own = group.members().get(site.me.index());
            let services = own.map(|own| own.services().names()).unwrap_or_default();
            let names = services.iter().map(|name| name.as_str().to_owned());
            Ok(std::iter::once("stop".to_owned()).chain(names).collect())
        }
    }
}

fn overview(site: &Path) -> Result<Overview, CliError> {
    match ask(site, Ask::Ring)?.next().transpose()? {
        Some(Answer::Ring(overview)) => Ok(overview),
        _ => Err(CliError::Usage("the agent has given no status".to_owned())),
    }
}

/// Prints each new event about this server until it has been recovered and all is well again.
fn watch(args: &Args, begun: Instant, output: &Output) -> Result<Exit, CliError> {
    let limit = Duration::from_nanos(args.timeout.as_nanos());
    let mut drill = seen::Drill::default();
    while begun.elapsed() < limit && !drill.is_over() {
        thread::sleep(LOOK_EVERY);
        let now = overview(&args.site)?;
        if let Some(event) = drill.look(&now, begun.elapsed()) {
            output.remark(&event);
        }
    }
    let mut table = Table::new(&["since_trouble_s", "event", "noted_by"])?;
    for seen in drill.events() {
        table.push(vec![
            Value::Seconds(seen.at.as_secs_f64()),
            seen.kind.name().into(),
            seen.noted_by.as_str().into(),
        ])?;
    }
    output.table(&table)?;
    if !drill.is_over() {
        output.complain("not all is well again in time; `tetrarch status` says what is not");
    }
    Ok(Exit::fine_if(drill.is_over()))
}
