//! `lab compare`: what several managers gave, side by side.

use std::io;
use std::path::PathBuf;

use crate::drill::table::{HEADER, Row, cell, drills};

/// Sets what several managers gave side by side, as a Markdown table
///
/// Each cell is the median over the runs and, in brackets, the largest, in seconds: the first outage, all later ones
/// together, as at the hand-back, and how long the address had two holders.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lab compare results/live/*.csv")]
pub(crate) struct Arguments {
    /// Files that `lab drill --out` has written
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Why nothing can be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompareError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path}, line {line}: not written by `lab drill`")]
    Line { path: PathBuf, line: usize },
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), CompareError> {
    let mut rows = Vec::new();
    for path in &arguments.files {
        let text = std::fs::read_to_string(path).map_err(|source| CompareError::Read {
            path: path.clone(),
            source,
        })?;
        rows.extend(parse(&text).map_err(|line| CompareError::Line {
            path: path.clone(),
            line,
        })?);
    }
    print!("{}", table(&rows));
    Ok(())
}

/// The rows of a file, or the number of the line that is none.
fn parse(text: &str) -> Result<Vec<Row>, usize> {
    let mut lines = text.lines().zip(1..);
    if lines.next().is_none_or(|(header, _)| header != HEADER) {
        return Err(1);
    }
    lines
        .map(|(line, number)| Row::parse(line).ok_or(number))
        .collect()
}

/// What is compared, and how it is taken from a run, in seconds.
type Measure = (&'static str, fn(&Row) -> f64);

const MEASURES: [Measure; 3] = [
    ("outage", |row| row.outage_s),
    ("further", |row| row.further_s),
    ("two holders", |row| row.two_holders_s),
];

fn table(rows: &[Row]) -> String {
    let mut managers: Vec<&str> = rows.iter().map(|row| row.manager.as_str()).collect();
    managers.sort_unstable();
    managers.dedup();
    let mut text = String::from("| drill | what |");
    for manager in &managers {
        text += &format!(" {manager} |");
    }
    text += &format!("\n|---|---|{}\n", "---|".repeat(managers.len()));
    for drill in drills(rows) {
        for (what, value) in MEASURES {
            let cells: Vec<String> = managers
                .iter()
                .map(|manager| {
                    let own: Vec<&Row> = rows
                        .iter()
                        .filter(|row| row.drill == drill && row.manager == *manager)
                        .collect();
                    cell(&own, value)
                })
                .collect();
            text += &format!("| {drill} | {what} | {} |\n", cells.join(" | "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "k1,power cut,web,web,1,3.000,mail,1,0.500,0.000,0.1,10,2,0.001\n\
        k1,power cut,web,web,2,3.200,mail,0,0.000,1.000,,10,2,0.001\n\
        k2,power cut,web,web,1,0.280,mail,0,0.000,0.000,,10,2,0.001\n";

    #[test]
    fn managers_stand_side_by_side() {
        let rows = parse(&format!("{HEADER}\n{TEXT}")).unwrap();
        assert_eq!(
            table(&rows),
            "| drill | what | k1 | k2 |\n|---|---|---|---|\n\
            | power cut | outage | 3.10 (3.20) | 0.28 (0.28) |\n\
            | power cut | further | 0.25 (0.50) | 0.00 (0.00) |\n\
            | power cut | two holders | 0.50 (1.00) | 0.00 (0.00) |\n"
        );
    }

    #[test]
    fn a_foreign_file_is_refused_with_its_line() {
        assert_eq!(parse(TEXT).unwrap_err(), 1);
        assert_eq!(parse("").unwrap_err(), 1);
        assert_eq!(parse(&format!("{HEADER}\n{TEXT}what\n")).unwrap_err(), 5);
    }
}
