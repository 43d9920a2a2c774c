//! `man`: the manual pages.

use std::path::PathBuf;

use clap::CommandFactory;
use tetrarch_report::file::write_atomic;

use crate::args::{Arguments, Exit};
use crate::error::CliError;
use crate::files::make_folder;
use crate::output::Output;

const AFTER_HELP: &str = "\
Examples:
  tetrarch man | man -l -
      read the page of the whole program
  tetrarch man --out ~/.local/share/man/man1
      install a page for it and for each command";

/// Print the manual page, or write a page for each command.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Write tetrarch.1 and a page for each command into this folder, which is made if it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints or writes the pages.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let mut command = Arguments::command();
    let Some(folder) = &args.out else {
        output.bytes(&page(command)?)?;
        return Ok(Exit::Fine);
    };
    make_folder(folder)?;
    // Building hands the global options and full names down to the commands.
    command.build();
    write_pages(&command, "tetrarch", folder, output)?;
    Ok(Exit::Fine)
}

fn write_pages(
    command: &clap::Command,
    name: &str,
    folder: &std::path::Path,
    output: &Output,
) -> Result<(), CliError> {
    let path = folder.join(format!("{name}.1"));
    write_atomic(&path, &page(command.clone())?)?;
    output.remark(&format!("wrote {}", path.display()));
    let own = command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help");
    for sub in own {
        write_pages(sub, &format!("{name}-{}", sub.get_name()), folder, output)?;
    }
    Ok(())
}

fn page(command: clap::Command) -> Result<Vec<u8>, CliError> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(CliError::Print)?;
    Ok(text)
}
