//! `completions`: what a shell needs to complete the command line.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::{Arguments, Exit};
use crate::error::CliError;
use crate::output::Output;

const AFTER_HELP: &str = "\
Examples:
  tetrarch completions bash \\
    > ~/.local/share/bash-completion/completions/tetrarch
  tetrarch completions zsh > \"${fpath[1]}/_tetrarch\"
  tetrarch completions fish > ~/.config/fish/completions/tetrarch.fish";

/// Print the completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "tetrarch", &mut text);
    output.bytes(&text)?;
    Ok(Exit::Fine)
}
