//! `explain`: what happened in a scenario, and which parameter each second comes from.
//!
//! [`timelines`] is for `reproduce --out`: it draws the timeline of each trouble of Fig. 6 and of each published
//! pair of Fig. 7.

mod chart;
mod decomposition;
mod last;
mod rows;
mod text;

use std::path::{Path, PathBuf};

use tetrarch_report::Format;
use tetrarch_report::figures::Image;
use tetrarch_report::file::write_atomic;
use tetrarch_runtime::site::SITE_FILE;
use tetrarch_sim::explain::explain;
use tetrarch_sim::scenario::Scenario;

use crate::args::Exit;
use crate::error::CliError;
use crate::files::make_folder;
use crate::output::Output;

pub(crate) use chart::{scenario_timelines, timelines};

const LONG: &str = "\
Tell what happened in a scenario, and which parameter each second comes from.

First the story: who examined, detected, confirmed, resumed, took the virtual IP address (VIP), restarted and handed \
back, with the time since the start of the run and since detection. Then a timeline. Then every measured time as a \
sum: its parts are followed back from effect to cause through the run, so they add up to it exactly, and a part that \
no parameter explains would be called unexplained.

--last tells the last incident of this real server instead, from the records that its agent keeps, in the same words \
where they hold. What a server cannot see of an incident is said at the end.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch explain scenarios/paper/s2t.toml
      story, timeline and sums
  tetrarch explain scenarios/paper/s2t.toml --out out
      also out/s2t.svg and out/s2t.png
  tetrarch explain scenarios/paper/s2t.toml --format csv
      events, parts and bars for a program
  tetrarch explain --last
      the last incident of this server, from its agent's records
  tetrarch explain --decomposition
      all published cells as sums of parameters (Markdown)

Rows of --format csv and json:
  event  something that happened; who did it, about whom, kind of event
  part   a part of a measured time; kind is the metric, parameters are the keys
         of `tetrarch timing`
  bar    a bar of the timeline; who is the lane
  Times are in nanoseconds of the run, so parts add up exactly.";

/// Tell what happened in a scenario, and which parameter each second comes from.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The scenario
    #[arg(required_unless_present_any = ["decomposition", "last"])]
    file: Option<PathBuf>,
    /// Write the timeline as NAME.svg and NAME.png, named like the scenario's file, into this folder, which is made if it is missing
    #[arg(long, value_name = "DIR", requires = "file")]
    out: Option<PathBuf>,
    /// Print every published cell of the paper as a sum of parameters, as docs/decomposition.md has it
    #[arg(long, conflicts_with_all = ["file", "out"])]
    decomposition: bool,
    /// Tell the last incident of this server, from its agent's records
    #[arg(long, conflicts_with_all = ["file", "out", "decomposition"])]
    last: bool,
    /// The server's settings
    #[arg(long, value_name = "FILE", default_value = SITE_FILE, requires = "last")]
    site: PathBuf,
}

/// Explains a scenario, or the published cells.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    if let Some(file) = &args.file {
        explain_file(file, args.out.as_deref(), output)?;
    } else if args.last {
        return last::run(&args.site, output);
    } else {
        let cells = decomposition::cells()?;
        match output.format() {
            Format::Table => output.result(&decomposition::markdown(&cells))?,
            Format::Csv | Format::Json => output.table(&decomposition::table(&cells)?)?,
        }
    }
    Ok(Exit::Fine)
}

fn explain_file(file: &Path, out: Option<&Path>, output: &Output) -> Result<(), CliError> {
    let scenario = Scenario::load(file)?;
    let explanation = explain(&scenario)?;
    let chart = chart::chart(&scenario.name, &explanation);
    if let Some(folder) = out {
        // Files come first: a reader who closes the pipe early gets them all the same.
        make_folder(folder)?;
        let stem = file.file_stem().unwrap_or(file.as_os_str());
        for image in Image::ALL {
            let path = folder.join(stem).with_added_extension(image.ending());
            write_atomic(&path, &chart.render(image)?)?;
            output.remark(&format!("wrote {}", path.display()));
        }
    }
    match output.format() {
        Format::Table => {
            let text = text::text(&scenario, &explanation, &chart, output.columns())?;
            output.result(&text)
        }
        Format::Csv | Format::Json => output.table(&rows::table(&explanation)?),
    }
}
