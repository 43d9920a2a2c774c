//! `order`: what an operator orders a live ring to do.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use tetrarch_core::Span;
use tetrarch_report::{Format, Table};
use tetrarch_runtime::agent::control::{Answer, Ask};
use tetrarch_runtime::orders::{Standing, Wanted, Word};
use tetrarch_runtime::site::{SITE_FILE, Site};

use crate::agent_socket::ask;
use crate::args::{Exit, duration};
use crate::error::CliError;
use crate::output::Output;

const LONG: &str = "\
Give an order to the ring: maintenance, freeze, planned hand-over and hand-back, and the return of a server.

An order may be given on any server whose programs manage; all others hear of it, also those that are away now. It \
holds until the contrary is ordered, over restarts of any server as long as another one manages. `tetrarch status` \
shows the orders that stand.

What makes no sense at the moment is refused, and nothing is ordered. What was ordered is waited for, and told in one \
sentence. A hand-over that no manager takes is withdrawn.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch order maintenance on web   work on web: whatever befalls it, nobody
                                      recovers it or takes its function over
  tetrarch order maintenance off web  care for it again
  tetrarch order maintenance on --all the same for all servers at once
  tetrarch order freeze               nothing moves in the whole group
  tetrarch order thaw                 everything may move again
  tetrarch order hand-over web        web's function goes to its virtual server
                                      while both run, and stays there
  tetrarch order hand-back web        and back, as soon as web is healthy
  tetrarch order rejoin web           take web, which was cut out, back in

Exit codes:
  0  what was ordered is so; with --no-wait: the order stands
  1  refused, and nothing was ordered; or it has come to nothing
  2  wrong usage, there is no agent, or it may not be asked
  3  the order stands, and what was ordered is not so in time";

/// Order the ring to do something: maintenance, freeze, hand-over, hand-back, rejoin.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// Do not wait until it is so
    #[arg(long, global = true)]
    no_wait: bool,
    /// How long to wait until it is so
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, default_value = "3m")]
    timeout: Span,
    /// This server's settings
    #[arg(long, global = true, value_name = "FILE", default_value = SITE_FILE)]
    site: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Leave a server alone, or care for it again
    ///
    /// Its managers go on examining it and tell of trouble, but begin nothing and take nothing over. It manages others
    /// as long as it runs, and virtual servers on it are taken over when it goes down. When the maintenance ends, it
    /// is examined at once.
    Maintenance {
        /// Whether the maintenance begins or ends
        #[arg(value_enum)]
        state: Switch,
        /// The server; this one when none is named
        server: Option<String>,
        /// All servers of the group
        #[arg(long, conflicts_with = "server")]
        all: bool,
    },
    /// Let nothing move in the whole group
    ///
    /// No means, no take-over, no hand-back, no change of the structure. What is under way ends, and what would
    /// follow waits. A lease that ends takes its address along all the same.
    Freeze,
    /// Let everything move again
    Thaw,
    /// Let the function of a healthy server go to its virtual server, and stay there
    ///
    /// The virtual server is resumed first, and takes the address when the server has dropped it, so clients miss the
    /// function while one address moves. Refused unless the server serves its function and a manager of it manages.
    HandOver {
        /// The server whose function moves
        #[arg(value_name = "FUNCTION")]
        server: String,
        /// Only if this server takes it. That is P1, or P2 while P1 is away: the ring leaves no other choice
        #[arg(long, value_name = "SERVER")]
        to: Option<String>,
    },
    /// Let a function go back to its server as soon as that is healthy
    ///
    /// Whatever the failback policy says, and however often the server has failed lately. It also withdraws a
    /// hand-over.
    HandBack {
        /// The server whose function moves
        #[arg(value_name = "FUNCTION")]
        server: String,
    },
    /// Take a server that was cut out back into the ring, with its function
    ///
    /// Its management programs are started if they are stopped; then it is examined, and taken back as soon as it is
    /// healthy, whatever the failback policy says. Refused while its agent cannot be asked.
    Rejoin {
        /// The server
        server: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// It begins
    On,
    /// It ends
    Off,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Printed<'a> {
    order: &'a Wanted<String>,
    #[serde(flatten)]
    word: &'a Word,
}

/// Gives the order and tells what becomes of it.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let wanted = wanted(&args.what, &args.site)?;
    let wait_ms = (!args.no_wait).then(|| args.timeout.as_nanos() / 1_000_000);
    let question = Ask::Order {
        order: wanted.clone(),
        wait_ms,
    };
    let mut last = None;
    for answer in ask(&args.site, question)? {
        if let Answer::Order(word) = answer? {
            if word.standing == Standing::Given && wait_ms.is_some() {
                output.remark(&word.text);
            }
            last = Some(word);
        }
    }
    let Some(word) = last else {
        let why = "the agent has ended without an answer; `tetrarch status` shows what stands";
        return Err(CliError::Usage(why.to_owned()));
    };
    let is_over = word.standing != Standing::Given || wait_ms.is_none();
    if !is_over {
        let why = "the agent has ended meanwhile; the order stands if another server manages";
        return Err(CliError::Usage(why.to_owned()));
    }
    print(&wanted, &word, output)?;
    Ok(match word.standing {
        Standing::Given | Standing::Done => Exit::Fine,
        Standing::Refused | Standing::Failed => Exit::Different,
        Standing::Pending => Exit::Unfinished,
    })
}

fn wanted(what: &What, site: &Path) -> Result<Wanted<String>, CliError> {
    Ok(match what {
        What::Maintenance { state, server, all } => Wanted::Maintenance {
            server: match server {
                Some(server) => Some(server.clone()),
                None if *all => None,
                None => Some(Site::load(site)?.host().to_owned()),
            },
            on: *state == Switch::On,
        },
        What::Freeze => Wanted::Freeze { on: true },
        What::Thaw => Wanted::Freeze { on: false },
        What::HandOver { server, to } => Wanted::HandOver {
            server: server.clone(),
            to: to.clone(),
        },
        What::HandBack { server } => Wanted::HandBack {
            server: server.clone(),
        },
        What::Rejoin { server } => Wanted::Rejoin {
            server: server.clone(),
        },
    })
}

fn print(wanted: &Wanted<String>, word: &Word, output: &Output) -> Result<(), CliError> {
    match output.format() {
        Format::Json => output.json(&Printed {
            order: wanted,
            word,
        }),
        Format::Csv => {
            let mut table = Table::new(&["standing", "text"])?;
            table.push(vec![word.standing.name().into(), word.text.as_str().into()])?;
            output.table(&table)
        }
        Format::Table => output.result(&format!("{}: {}\n", word.standing.name(), word.text)),
    }
}
