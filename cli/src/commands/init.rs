//! `init`: a whole new site from a group file.

use std::path::PathBuf;

use tetrarch_runtime::init::{self, NewSite};

use crate::args::Exit;
use crate::error::CliError;
use crate::group_file;
use crate::output::Output;

const LONG: &str = "\
Write all files of a new site from its group file.

  authority/          the site's own authority; keep its key in a safe place, on none of the servers
  shared/             the management data, for the shared area of the file server
  HOST/               for /etc/tetrarch of each server: its settings, its key and certificate

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
    /// The program on each server that carries out what the management decides
    #[arg(long, value_name = "FILE", default_value = "/usr/lib/tetrarch/parts")]
    program: PathBuf,
}

/// Writes the site.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let group = group_file::read(&args.file)?;
    let site = NewSite {
        name: args.name.clone(),
        guests_max: args.guests_max,
        program: args.program.clone(),
    };
    let files = init::files(&site, &group)?;
    init::write(&args.out, &files)?;
    for file in &files {
        output.remark(&format!("wrote {}", args.out.join(&file.path).display()));
    }
    Ok(Exit::Fine)
}
