//! The lab's client side: accesses in the functions' own protocols, who holds which address, the
//! Wake-on-LAN listener, and drills. `lab/lab` starts it in the right network namespace.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]
// A program that reports on its standard output.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod access;
mod act;
mod clock;
mod compare;
mod csv;
mod drill;
mod group;
mod holders;
mod live;
mod mail;
mod origin;
mod outage;
mod probe;
mod wake;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Probe(probe::Arguments),
    Drill(drill::Arguments),
    Mail(mail::Arguments),
    Live(live::Arguments),
    Compare(compare::Arguments),
    Wake(wake::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Probe(arguments) => probe::run(&arguments).map_err(|error| error.to_string()),
        Command::Drill(arguments) => drill::run(&arguments).map_err(|error| error.to_string()),
        Command::Mail(arguments) => mail::run(&arguments).map_err(|error| error.to_string()),
        Command::Live(arguments) => live::run(&arguments).map_err(|error| error.to_string()),
        Command::Compare(arguments) => compare::run(&arguments).map_err(|error| error.to_string()),
        Command::Wake(arguments) => wake::run(&arguments).map_err(|error| error.to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}
