//! The one binary of Tetrarch: arguments in, text out. Everything else is in the libraries.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod agent_socket;
mod args;
mod commands;
mod error;
mod experiments;
mod files;
mod golden;
mod group_file;
mod nominal;
mod output;

use std::process::ExitCode;

use clap::Parser;

use args::Arguments;
use output::Output;

fn main() -> ExitCode {
    // A usage error leaves with 2, like every other error of input.
    let arguments = Arguments::parse();
    let output = Output::new(&arguments.global);
    match commands::run(&arguments.command, &output) {
        Ok(exit) => exit.into(),
        Err(error) => {
            output.error(&error);
            ExitCode::from(2)
        }
    }
}
