//! `init`: a whole new site from a group file.

use std::path::PathBuf;

use tetrarch_runtime::init::{self, NewParts, NewSite};
use tetrarch_runtime::parts::examine::ServiceCheck;

use crate::args::Exit;
use crate::error::CliError;
use crate::group_file;
use crate::output::Output;

const LONG: &str = "\
Write all files of a new site from its group file.

  authority/          the site's own authority; keep its key in a safe place, on none of the servers
  shared/             the management data, for the shared area of the file server
  HOST/               for /etc/tetrarch of each server: its settings, its key and certificate

A function with data on a disk of its own that clients change, such as mail, needs a table
[virtual_server.HOST.sync] in the settings of each server besides: a program that brings home what its
virtual server accepted. docs/agent.md says how.

Nothing that is there already is overwritten.";

/// Write all files of a new site: settings, management data and keys.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = format!("A group file:\n{}", group_file::EXAMPLE))]
pub(crate) struct Args {
    /// The group file
    file: PathBuf,
    /// The folder of the site, which is made if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the site is called
    #[arg(long, default_value = "site")]
    name: String,
    /// How many virtual servers each host's memory has room for
    #[arg(long, value_name = "N", default_value_t = 3)]
    guests_max: u8,
    /// The bridge on each server that has its addresses and those of its virtual servers
    #[arg(long, value_name = "NAME", default_value = "br0")]
    interface: String,
    /// How a service is examined whose name does not tell, such as app=tcp://:8080
    #[arg(long, value_name = "SERVICE=CHECK", value_parser = parse_check)]
    examine: Vec<(String, ServiceCheck)>,
    /// The memory of each virtual server in MB
    #[arg(long, value_name = "MB", default_value_t = 2048)]
    memory_mb: u32,
    /// A program of your own on each server that does everything to servers
    #[arg(long, value_name = "FILE", conflicts_with_all = ["interface", "examine", "memory_mb"])]
    program: Option<PathBuf>,
}

fn parse_check(text: &str) -> Result<(String, ServiceCheck), String> {
    let expected = || format!("expected SERVICE=CHECK, such as app=tcp://:8080, found {text:?}");
    let (service, check) = text.split_once('=').ok_or_else(expected)?;
    let check = check.parse().map_err(|error| format!("{error}"))?;
    Ok((service.to_owned(), check))
}

/// Writes the site.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let group = group_file::read(&args.file)?;
    let site = NewSite {
        name: args.name.clone(),
        guests_max: args.guests_max,
        parts: match &args.program {
            Some(program) => NewParts::Program(program.clone()),
            None => NewParts::Native {
                interface: args.interface.clone(),
                checks: args.examine.iter().cloned().collect(),
                memory_mb: args.memory_mb,
            },
        },
    };
    let files = init::files(&site, &group)?;
    init::write(&args.out, &files)?;
    for file in &files {
        output.remark(&format!("wrote {}", args.out.join(&file.path).display()));
    }
    Ok(Exit::Fine)
}
