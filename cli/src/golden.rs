//! What `results/` holds, made anew and compared with what is there.

mod events;
mod scenarios;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tetrarch_report::cells::{from_csv, to_csv};
use tetrarch_report::check::{Check, Tolerance, compare_cells, compare_text};
use tetrarch_report::figures::{self, Image};
use tetrarch_report::{Cell, Figure};
use tetrarch_sim::reproduce::Table;

use crate::commands::{scenario_timelines, timelines};
use crate::error::CliError;
use crate::experiments::{self, Experimented};
use crate::files::scenario_files;
use events::Events;

pub(crate) use scenarios::scenario_goldens;

/// The remark on a file that is missing.
const MISSING: &str = "there is no such file; `tetrarch check --update` writes it";

/// A file of `results/` as it should be, and what is wrong with the one that is there.
#[derive(Clone, Debug)]
pub(crate) struct Golden {
    /// The comparison.
    pub(crate) check: Check,
    /// The file.
    pub(crate) path: PathBuf,
    /// What it should hold; none for a file that should not be there.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// The files of one table: its cells, the log of its experiments, and its pictures.
pub(crate) fn table_goldens(
    table: Table,
    results: &Path,
    tolerance: Tolerance,
) -> Result<Vec<Golden>, CliError> {
    let fresh = experiments::run(table)?;
    let name = match table {
        Table::Fig6 => "fig6",
        Table::Fig7 => "fig7",
        Table::Pairs => "pairs",
    };
    let log = results.join(format!("{name}.events"));
    let old_log = read(&log)?;
    let events = Events::new(&log, old_log.as_deref(), &fresh, tolerance);
    let mut goldens = vec![
        cells_golden(name, results, &fresh, &events, tolerance)?,
        Golden {
            check: Check {
                name: format!("{name}: log of its experiments"),
                file: log.display().to_string(),
                line: events.first_line(),
                failure: match old_log {
                    None => Some(MISSING.to_owned()),
                    Some(_) => events.failure(),
                },
            },
            path: log,
            bytes: Some(events.fresh_text().into_bytes()),
        },
    ];
    let figure = match table {
        Table::Fig6 => Some(Figure::Fig6),
        Table::Fig7 => Some(Figure::Fig7),
        Table::Pairs => None,
    };
    if let Some(figure) = figure {
        goldens.extend(picture_goldens(figure, results, &fresh.cells, tolerance)?);
    }
    Ok(goldens)
}

fn cells_golden(
    name: &str,
    results: &Path,
    fresh: &Experimented,
    events: &Events,
    tolerance: Tolerance,
) -> Result<Golden, CliError> {
    let path = results.join(format!("{name}.csv"));
    let text = to_csv(&fresh.cells)?;
    let mut line = None;
    let failure = match read(&path)? {
        None => Some(MISSING.to_owned()),
        Some(old) => match from_csv(&old) {
            Err(error) => Some(format!("is not what was written: {error}")),
            Ok(cells) => match moved(&cells, &fresh.cells, events, tolerance) {
                // The same cells in another order or another form are still another file.
                None if tolerance == Tolerance::Exact => {
                    let diff = compare_text(name, &old, &text);
                    line = diff.as_ref().map(|diff| diff.first_line);
                    diff.map(|diff| diff.unified)
                }
                found => found,
            },
        },
    };
    Ok(Golden {
        check: Check {
            name: format!("{name}: cells"),
            file: path.display().to_string(),
            line,
            failure,
        },
        path,
        bytes: Some(text.into_bytes()),
    })
}

/// Every cell that changed, each with the first event that is not what it was.
fn moved(old: &[Cell], new: &[Cell], events: &Events, tolerance: Tolerance) -> Option<String> {
    let diff = compare_cells(old, new, tolerance);
    let mut lines = Vec::new();
    for moved in &diff.moved {
        lines.push(format!("moved: {moved}"));
        lines.push(match events.first_of(&moved.key.trouble) {
            Some(event) => format!("  by {event}"),
            None => "  by no event: the log is as it was, so the committed number is not of it"
                .to_owned(),
        });
    }
    lines.extend(diff.missing.iter().map(|key| format!("missing: {key}")));
    lines.extend(diff.added.iter().map(|key| format!("added: {key}")));
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The pictures. Only the vectors are compared, which are text, and only when nothing at all may move; the pixels are
/// drawn again when the vectors are, which takes far longer than the rest of a check.
fn picture_goldens(
    figure: Figure,
    results: &Path,
    cells: &[Cell],
    tolerance: Tolerance,
) -> Result<Vec<Golden>, CliError> {
    let (svg, png) = (
        results.join(format!("{figure}.svg")),
        results.join(format!("{figure}.png")),
    );
    let vectors = figures::bar_chart(figure, cells, Image::Svg)?;
    let stale = stale_picture(&svg, &vectors, tolerance);
    let pixels_stale = if png.is_file() { stale } else { Some(MISSING) };
    let mut goldens = vec![picture(figure.name(), svg, stale, vectors)];
    if pixels_stale.is_some() {
        let pixels = figures::bar_chart(figure, cells, Image::Png)?;
        goldens.push(picture(figure.name(), png, pixels_stale, pixels));
    }
    Ok(goldens)
}

/// The timelines of the troubles, by the same rule.
pub(crate) fn timeline_goldens(
    results: &Path,
    tolerance: Tolerance,
) -> Result<Vec<Golden>, CliError> {
    drawn_goldens(results, tolerance, timelines)
}

/// The folder of the scenarios that show what the paper's protocol does not survive, and of their pictures.
const LIMITS: &str = "paper-limits";

/// The timelines of the scenarios under `folder` that show what the paper's protocol does not survive, by the same
/// rule.
pub(crate) fn limit_goldens(
    folder: &Path,
    results: &Path,
    tolerance: Tolerance,
) -> Result<Vec<Golden>, CliError> {
    let limits = folder.join(LIMITS);
    if !limits.is_dir() {
        return Ok(Vec::new());
    }
    let paths = scenario_files(&limits)?;
    drawn_goldens(&results.join(LIMITS), tolerance, |images| {
        scenario_timelines(&paths, images)
    })
}

/// A file's name and its bytes.
type Drawn = (String, Vec<u8>);

fn drawn_goldens(
    results: &Path,
    tolerance: Tolerance,
    draw: impl Fn(&[Image]) -> Result<Vec<Drawn>, CliError>,
) -> Result<Vec<Golden>, CliError> {
    let mut goldens = Vec::new();
    for (name, vectors) in draw(&[Image::Svg])? {
        let path = results.join(&name);
        let stale = stale_picture(&path, &vectors, tolerance);
        goldens.push(picture(&name, path, stale, vectors));
    }
    let is_stale = goldens.iter().any(|golden| golden.check.failure.is_some());
    let pixels = |golden: &Golden| golden.path.with_extension("png");
    if is_stale || !goldens.iter().all(|golden| pixels(golden).is_file()) {
        for (name, pixels) in draw(&[Image::Png])? {
            let stale = Some("is drawn again with its vectors");
            goldens.push(picture(&name, results.join(&name), stale, pixels));
        }
    }
    Ok(goldens)
}

/// What is wrong with the vectors in a file.
fn stale_picture(path: &Path, fresh: &[u8], tolerance: Tolerance) -> Option<&'static str> {
    match fs::read(path) {
        Err(_) => Some(MISSING),
        Ok(old) if tolerance == Tolerance::Exact && old != fresh => Some("shows another picture"),
        Ok(_) => None,
    }
}

fn picture(figure: &str, path: PathBuf, stale: Option<&str>, bytes: Vec<u8>) -> Golden {
    Golden {
        check: Check {
            name: format!("{figure}: picture"),
            file: path.display().to_string(),
            line: None,
            failure: stale.map(str::to_owned),
        },
        path,
        bytes: Some(bytes),
    }
}

/// The text of a file; none when there is no file.
fn read(path: &Path) -> Result<Option<String>, CliError> {
    match fs::read(path) {
        // Bytes that are not text differ from all text, so they may be replaced here.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::path(path, "read this file")(error)),
    }
}
