//! Every published cell as a sum of parameters.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tetrarch_core::Span;
use tetrarch_report::{Cell, Figure, Table, Value, published};
use tetrarch_sim::explain::{Breakdown, Doing, Explanation, Part, explain_with};
use tetrarch_sim::parameters::{Parameters, Source, TABLE};
use tetrarch_sim::reproduce::{self, experiments};
use tetrarch_sim::scenario::Metric;

use super::text::exact;
use crate::error::CliError;
use crate::experiments::{metric, trouble};

/// A published cell and what its simulated time is made of.
pub(super) struct Decomposed {
    cell: Cell,
    breakdown: Breakdown,
}

/// The published cells in the paper's order.
pub(super) fn cells() -> Result<Vec<Decomposed>, CliError> {
    let mut decomposed = Vec::new();
    for (table, figure) in [
        (reproduce::Table::Fig6, Figure::Fig6),
        (reproduce::Table::Fig7, Figure::Fig7),
    ] {
        for experiment in experiments(table)? {
            let explanation = explain_with(&experiment.scenario, &Parameters::paper())?;
            let trouble = trouble(table, &experiment.troubles);
            decomposed.extend(published_of(&explanation, figure, &trouble));
        }
    }
    Ok(decomposed)
}

fn published_of(explanation: &Explanation, figure: Figure, trouble: &str) -> Vec<Decomposed> {
    let decomposed = explanation.breakdowns.iter().filter_map(|breakdown| {
        let metric = metric(breakdown.metric);
        let server = explanation.group.get(breakdown.server.index())?;
        let simulated = Some(breakdown.measured.as_secs_f64());
        let cell = Cell::with_published(figure, trouble, server, metric, simulated);
        cell.published_s.is_some().then(|| Decomposed {
            cell,
            breakdown: breakdown.clone(),
        })
    });
    decomposed.collect()
}

/// One row for each part, for programs.
pub(super) fn table(cells: &[Decomposed]) -> Result<Table, CliError> {
    let header = [
        "figure",
        "trouble",
        "server",
        "metric",
        "published_s",
        "simulated_s",
        "part",
        "span_ns",
        "parameters",
    ];
    let mut table = Table::new(&header)?;
    for Decomposed { cell, breakdown } in cells {
        for (place, part) in breakdown.parts.iter().enumerate() {
            table.push(vec![
                cell.figure.to_string().as_str().into(),
                cell.trouble.as_str().into(),
                cell.server.as_str().into(),
                breakdown.metric.name().into(),
                cell.published_s.into(),
                Value::Seconds(breakdown.measured.as_secs_f64()),
                Value::Count(place as u64 + 1),
                Value::Count(part.span().as_nanos()),
                part.explanation().as_str().into(),
            ])?;
        }
    }
    Ok(table)
}

/// The page of the documentation.
pub(super) fn markdown(cells: &[Decomposed]) -> String {
    let mut text = String::from(
        "# What each published cell is made of\n\n\
         Written by `tetrarch explain --decomposition`; a test keeps it current. All numbers are seconds.\n\n\
         Each simulated time is followed back, through the run itself, from its end to its beginning: what set off\n\
         what, and how long that took. So the parts of a cell add up to it exactly, and the same parameters explain\n\
         every cell. *Inferred* parameters are in italics; `tetrarch timing paper` has the evidence for each.\n\
         \"rest of\" means that a part had begun before the measured time did. A start reads a share of what it needs from\n\
         the file server: with two readers at once, each needs twice as long for that share.\n",
    );
    for (figure, title, note) in [
        (
            Figure::Fig6,
            "Fig. 6: trouble in one server",
            "The trouble strikes the web server.",
        ),
        (
            Figure::Fig7,
            "Fig. 7: trouble in two servers at once",
            "The mail and the FTP server are struck at the same instant.",
        ),
    ] {
        let cells: Vec<&Decomposed> = cells.iter().filter(|c| c.cell.figure == figure).collect();
        let _ = write!(text, "\n## {title}\n\n{note} {}\n\n", METRICS);
        text.push_str(&matrix(&cells));
        text.push_str("\nIn the order of time:\n\n");
        text.push_str(&sums(&cells));
    }
    let _ = write!(
        text,
        "\nThe published numbers are those of {}.\n",
        published::SOURCE
    );
    text
}

const METRICS: &str = "F: function, T: target, D: disconnection.";

/// Parameters down, cells across.
fn matrix(cells: &[&Decomposed]) -> String {
    let mut rows: BTreeMap<(usize, String), Vec<Span>> = BTreeMap::new();
    for (column, cell) in cells.iter().enumerate() {
        for part in &cell.breakdown.parts {
            let row = rows.entry((rank(part), label(part)));
            let row = row.or_insert_with(|| vec![Span::ZERO; cells.len()]);
            if let Some(sum) = row.get_mut(column) {
                *sum += part.span();
            }
        }
    }
    let mut text = String::from("| |");
    for Decomposed { cell, breakdown } in cells {
        let letter = match breakdown.metric {
            Metric::Function => "F",
            Metric::Target => "T",
            Metric::Disconnection => "D",
        };
        let of = match cell.figure {
            Figure::Fig6 => String::new(),
            _ => format!(" {}", cell.server),
        };
        let _ = write!(text, " {}{of} {letter} |", cell.trouble);
    }
    let _ = write!(text, "\n|---|{}\n", "--:|".repeat(cells.len()));
    for ((_, label), spans) in rows {
        let _ = write!(text, "| {label} |");
        for span in spans {
            let entry = if span == Span::ZERO {
                String::new()
            } else {
                format!(" {}", exact(span))
            };
            let _ = write!(text, "{entry} |");
        }
        text.push('\n');
    }
    let _ = write!(text, "| **simulated** |");
    for cell in cells {
        let _ = write!(text, " **{}** |", exact(cell.breakdown.measured));
    }
    let _ = write!(text, "\n| **published** |");
    for Decomposed { cell, .. } in cells {
        let published = cell.published_s.map(|s| format!(" **{s:.1}**"));
        let _ = write!(text, "{} |", published.unwrap_or_default());
    }
    text.push('\n');
    text
}

/// One line for each cell.
fn sums(cells: &[&Decomposed]) -> String {
    let mut text = String::new();
    for Decomposed { cell, breakdown } in cells {
        let parts: Vec<String> = breakdown
            .parts
            .iter()
            .map(|part| format!("{} {}", exact(part.span()), label(part)))
            .collect();
        let _ = writeln!(
            text,
            "- **{} {} {}** {} = {}",
            cell.trouble,
            cell.server,
            breakdown.metric.name(),
            exact(breakdown.measured),
            parts.join(" + ")
        );
    }
    text
}

/// The parameter that explains a part best, in italics when it was inferred, and which share of it the part is.
fn label(part: &Part) -> String {
    let Some(key) = main_key(part) else {
        return part.explanation();
    };
    let source = TABLE
        .iter()
        .find(|row| row.key == key)
        .map(|row| row.source);
    let styled = match source {
        Some(Source::Inferred) => format!("*{key}*"),
        _ => key.to_owned(),
    };
    let rest = if part.passed_before() > Span::ZERO {
        "rest of "
    } else {
        ""
    };
    let share = match part.doing {
        Doing::ShareImage | Doing::ShareBoot => " (two read at once)",
        Doing::ReadImage | Doing::ReadBoot => " (read)",
        Doing::Resume | Doing::ColdStart | Doing::Restart | Doing::Start
            if part.keys().len() > 1 =>
        {
            " (without the read)"
        }
        _ => "",
    };
    format!("{rest}{styled}{share}")
}

fn main_key(part: &Part) -> Option<&'static str> {
    match part.doing {
        Doing::ReadImage | Doing::ShareImage => Some("resume_shared"),
        Doing::ReadBoot | Doing::ShareBoot => Some("start_shared"),
        _ => part.keys().first().copied(),
    }
}

/// Where a part's parameter stands in the table of parameters.
fn rank(part: &Part) -> usize {
    let key = main_key(part);
    let place = key.and_then(|key| TABLE.iter().position(|row| row.key == key));
    place.unwrap_or(TABLE.len())
}
