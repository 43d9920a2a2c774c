//! `reproduce`: the paper's figures, published beside simulated.

use std::path::{Path, PathBuf};

use tetrarch_report::cells::to_csv;
use tetrarch_report::figures::{self, Image};
use tetrarch_report::file::write_atomic;
use tetrarch_report::output::render_cells;
use tetrarch_report::{Cell, Figure, Format};
use tetrarch_sim::reproduce::Table;

use super::explain::timelines;
use crate::args::Exit;
use crate::error::CliError;
use crate::experiments;
use crate::files::make_folder;
use crate::output::Output;

const LONG: &str = "\
Run the paper's experiments and print published beside simulated times.

The times come out of the protocol running on the parameters of Table 1 and five inferred constants (see `tetrarch \
timing`). `function`: until the virtual server has taken over. `target`: until the real server is normal again. \
`disconnection`: for how long the client had no service. All in seconds.

As a table, Fig. 7 is printed where the paper has numbers; CSV and JSON have all its nine combinations.";

const AFTER_HELP: &str = "\
Examples:
  tetrarch reproduce
      both figures, and whether they are accurate
  tetrarch reproduce --out out
      also write CSV files and pictures into out/
  tetrarch reproduce --format csv
      the cells for a program

Files of --out:
  fig6.csv, fig7.csv    cells of the figures; published_s is empty where the
                        paper has none
  pairs.csv             trouble on any two servers: predictions
  fig6.svg, .png        pictures of the figures
  fig7.svg, .png
  timeline-*.svg, .png  what happened when, for each trouble and each published
                        pair";

/// Run the paper's experiments and print published beside simulated times.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Write CSV files and pictures into this folder, which is made if it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the figures and writes the files.
pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    let fig6 = experiments::run(Table::Fig6)?.cells;
    let fig7 = experiments::run(Table::Fig7)?.cells;
    if let Some(folder) = &args.out {
        // Files come first: a reader who closes the pipe early gets them all the same.
        write_files(folder, &fig6, &fig7, output)?;
    }
    match output.format() {
        Format::Table => print_tables(&fig6, &fig7, output)?,
        Format::Csv | Format::Json => print_cells(&[fig6, fig7].concat(), output)?,
    }
    Ok(Exit::Fine)
}

fn print_tables(fig6: &[Cell], fig7: &[Cell], output: &Output) -> Result<(), CliError> {
    let published: Vec<Cell> = fig7
        .iter()
        .filter(|cell| cell.published_s.is_some())
        .cloned()
        .collect();
    output.result(&format!("{}\n\n", Figure::Fig6.title()))?;
    print_cells(fig6, output)?;
    output.result(&format!("\n{}\n\n", Figure::Fig7.title()))?;
    print_cells(&published, output)?;
    // A part of the result: what the table leaves out belongs beneath it, wherever it is sent.
    output.result(&format!(
        "fig7: {} more cells have no published number: see --format csv or --out\n",
        fig7.len() - published.len()
    ))
}

fn print_cells(cells: &[Cell], output: &Output) -> Result<(), CliError> {
    output.result(&render_cells(cells, output.format(), output.style())?)
}

fn write_files(
    folder: &Path,
    fig6: &[Cell],
    fig7: &[Cell],
    output: &Output,
) -> Result<(), CliError> {
    let pairs = experiments::run(Table::Pairs)?.cells;
    make_folder(folder)?;
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        write_atomic(&path, bytes)?;
        output.remark(&format!("wrote {}", path.display()));
        Ok::<(), CliError>(())
    };
    for (name, cells) in [("fig6", fig6), ("fig7", fig7), ("pairs", &pairs)] {
        write(&format!("{name}.csv"), to_csv(cells)?.as_bytes())?;
    }
    for (figure, cells) in [(Figure::Fig6, fig6), (Figure::Fig7, fig7)] {
        for image in Image::ALL {
            let picture = figures::bar_chart(figure, cells, image)?;
            write(&format!("{figure}.{}", image.ending()), &picture)?;
        }
    }
    for (name, picture) in timelines(&Image::ALL)? {
        write(&name, &picture)?;
    }
    Ok(())
}
