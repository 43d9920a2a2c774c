//! `data`: management data, checked, shown and converted.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use tetrarch_core::data::{BYTES_MAX, Field, GroupData, GroupError, ManagementData};
use tetrarch_report::Table;
use tetrarch_report::file::write_atomic;

use crate::args::Exit;
use crate::error::CliError;
use crate::files::{files_under, make_folder, read_text};
use crate::group_file;
use crate::output::Output;

const LONG: &str = "\
Check, show and convert management data: the seven-line files that tell a management program about its target.

  line 1  virtual IP address (VIP)          172.21.14.201
  line 2  host name of the target           server1
  line 3  address of the target             172.21.14.1
  line 4  MAC address of the target         52:54:00:12:34:56
  line 5  service daemons of the target     postfix dovecot
  line 6  name of the virtual server        server1b
  line 7  its address or definition         /vm/server1b.xml

The paper states lines 1 and 5, and that lines 2 to 5 are about the target and 6 and 7 about the virtual server; the \
roles of lines 2, 3, 4, 6 and 7 are our reading of it.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch data check data/
      every .dat file, and all of them as one group
  tetrarch data show data/server1.dat
      its fields by name
  tetrarch data from-toml group.toml --out data
      the files of a group
  tetrarch data to-toml data/ > group.toml
      and back";

/// Check, show and convert management data.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Check seven-line files, several of them as one group
    Check(Files),
    /// Show the fields of seven-line files by name
    Show(Files),
    /// Write the seven-line files of a group from one TOML file
    FromToml(FromToml),
    /// Print the TOML of a group from its seven-line files
    ToToml(Files),
}

#[derive(Debug, clap::Args)]
struct Files {
    /// Seven-line files in ring order, or folders of which every .dat file is taken by name
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("A group file:\n{}", group_file::EXAMPLE))]
struct FromToml {
    /// The group file
    file: PathBuf,
    /// The folder of the seven-line files, which is made if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Checks, shows or converts.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    match &args.command {
        DataCommand::Check(files) => check(files, output)?,
        DataCommand::Show(files) => show(files, output)?,
        DataCommand::FromToml(args) => from_toml(args, output)?,
        DataCommand::ToToml(files) => {
            output.result(&group_file::write(&group(load(files)?)?))?;
        }
    }
    Ok(Exit::Fine)
}

fn check(files: &Files, output: &Output) -> Result<(), CliError> {
    let loaded = load(files)?;
    let mut table = Table::new(&["file", "host", "vip", "services"])?;
    for (file, data) in &loaded {
        let services = data.services().to_string();
        table.push(vec![
            file.as_str().into(),
            data.host().to_string().as_str().into(),
            data.vip().to_string().as_str().into(),
            services.as_str().into(),
        ])?;
    }
    let count = loaded.len();
    // One file alone is no group, but it can be right by itself.
    if count > 1 {
        group(loaded)?;
    }
    output.table(&table)?;
    output.remark(&match count {
        1 => "1 file is right".to_owned(),
        n => format!("{n} files are right, and make one group"),
    });
    Ok(())
}

fn show(files: &Files, output: &Output) -> Result<(), CliError> {
    let mut table = Table::new(&["file", "line", "field", "value"])?;
    for (file, data) in load(files)? {
        let text = data.to_string();
        for (field, value) in Field::ALL.iter().zip(text.lines()) {
            table.push(vec![
                file.as_str().into(),
                field.line().to_string().as_str().into(),
                field.name().into(),
                value.into(),
            ])?;
        }
    }
    output.table(&table)
}

fn from_toml(args: &FromToml, output: &Output) -> Result<(), CliError> {
    let group = group_file::read(&args.file)?;
    make_folder(&args.out)?;
    for (name, text) in group.files() {
        let path = args.out.join(name);
        write_atomic(&path, text.as_bytes())?;
        output.remark(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// All files in the order in which they were named, those of a folder by name.
fn load(files: &Files) -> Result<Vec<(String, ManagementData)>, CliError> {
    let mut loaded = Vec::new();
    for path in &files.paths {
        if !path.is_dir() {
            loaded.push(load_one(path)?);
            continue;
        }
        let inside = files_under(path, "dat")?;
        if inside.is_empty() {
            let folder = path.display();
            return Err(CliError::Usage(format!(
                "{folder}: this folder has no .dat file; expected management data such as server1.dat"
            )));
        }
        for path in &inside {
            loaded.push(load_one(path)?);
        }
    }
    Ok(loaded)
}

fn load_one(path: &Path) -> Result<(String, ManagementData), CliError> {
    let file = path.display().to_string();
    let text = read_text(path, BYTES_MAX, "management data in seven lines of text")?;
    let data = ManagementData::parse(&text).map_err(|error| {
        // The line stands where an editor looks for it, so the message need not repeat it.
        let (line, message) = (error.line(), error.to_string());
        let message = message
            .strip_prefix(&format!("line {line}: "))
            .unwrap_or(&message);
        CliError::Usage(format!("{file}:{line}: {message}"))
    })?;
    Ok((file, data))
}

/// The files as one group.
fn group(loaded: Vec<(String, ManagementData)>) -> Result<GroupData, CliError> {
    let (files, members): (Vec<String>, Vec<ManagementData>) = loaded.into_iter().unzip();
    GroupData::new(members).map_err(|error| {
        let place = match &error {
            GroupError::Size { .. } => files.join(", "),
            GroupError::Shared { field, member, .. } => {
                let file = files.get(member - 1).map_or("?", String::as_str);
                format!("{file}:{}", field.line())
            }
        };
        CliError::Usage(format!("{place}: {error}"))
    })
}
