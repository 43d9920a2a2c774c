//! Cells in each format.

use serde::Serialize;

use super::table::{Paint, aligned};
use super::{Format, OutputError, Style, to_json};
use crate::accuracy::{self, Accuracy, Verdict};
use crate::cells::{self, Cell, Figure, Metric};
use crate::published;

/// The JSON form: the numbers are those of the CSV.
#[derive(Serialize)]
struct Document<'a> {
    source: &'static str,
    cells: Vec<JsonCell<'a>>,
    summary: Vec<Accuracy>,
}

#[derive(Serialize)]
struct JsonCell<'a> {
    figure: Figure,
    trouble: &'a str,
    server: &'a str,
    metric: Metric,
    published_s: Option<f64>,
    simulated_s: Option<f64>,
    error_s: Option<f64>,
    verdict: Verdict,
}

/// Cells in a format. The table and the JSON add each cell's verdict and a summary of each figure; the table leaves
/// out the figure's column where it would say the same in every row.
///
/// # Errors
///
/// Cells that [`to_csv`](crate::cells::to_csv) refuses too, in whatever format.
pub fn render_cells(cells: &[Cell], format: Format, style: Style) -> Result<String, OutputError> {
    match format {
        Format::Table => Ok(table(cells, style)?),
        Format::Csv => Ok(cells::to_csv(cells)?),
        Format::Json => {
            cells::check(cells)?;
            to_json(&Document {
                source: published::SOURCE,
                cells: cells.iter().map(json_cell).collect(),
                summary: Accuracy::of_each(cells),
            })
        }
    }
}

fn json_cell(cell: &Cell) -> JsonCell<'_> {
    JsonCell {
        figure: cell.figure,
        trouble: &cell.trouble,
        server: &cell.server,
        metric: cell.metric,
        published_s: cell.published_s,
        simulated_s: cell.simulated_s.map(|s| cells::seconds(cells::millis(s))),
        error_s: cell.error_s(),
        verdict: accuracy::verdict(cell),
    }
}

fn table(cells: &[Cell], style: Style) -> Result<String, cells::WriteError> {
    cells::check(cells)?;
    let mut header: Vec<String> = cells::CSV_HEADER.split(',').map(str::to_owned).collect();
    header.push("verdict".to_owned());
    let row = |cell: &Cell| {
        let dash = |text: String| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text
            }
        };
        let mut row: Vec<String> = cells::columns(cell).into_iter().map(dash).collect();
        if cell.error_s().is_some_and(|error| error > 0.0) {
            // The sign says at a glance which way a number is off.
            row[6].insert(0, '+');
        }
        row.push(accuracy::verdict(cell).word().to_owned());
        row
    };
    let paint = |cell| {
        if accuracy::verdict(cell).is_failure() {
            Paint::Red
        } else {
            Paint::Plain
        }
    };
    let mut rows: Vec<Vec<String>> = cells.iter().map(row).collect();
    let paints: Vec<Paint> = cells.iter().map(paint).collect();
    let mut right = vec![false, false, false, false, true, true, true, false];
    let accuracies = Accuracy::of_each(cells);
    if accuracies.len() == 1 {
        // The summary names the figure, and a terminal of 80 columns has no room to waste.
        header.remove(0);
        right.remove(0);
        for row in &mut rows {
            row.remove(0);
        }
    }
    let mut text = aligned(&header, &rows, &right, &paints, style);
    text.push('\n');
    for accuracy in accuracies {
        text.push_str(&accuracy.line());
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells() -> Vec<Cell> {
        vec![
            Cell::with_published(Figure::Fig6, "S1t", "web", Metric::Function, None),
            Cell::with_published(Figure::Fig6, "S2t", "web", Metric::Function, Some(9.2)),
            Cell::with_published(Figure::Fig6, "N2t", "web", Metric::Target, Some(157.0)),
        ]
    }

    #[test]
    fn the_table_puts_published_beside_simulated_and_ends_with_a_summary() {
        let expected = "\
trouble  server  metric    published_s  simulated_s  error_s  verdict
---------------------------------------------------------------------
S1t      web     function            -            -        -  -
S2t      web     function          9.3        9.200   -0.100  inside
N2t      web     target          154.8      157.000   +2.200  OUTSIDE

fig6: 1 of 2 inside, 0 not simulated, mean absolute error 1.150 s (limit 0.15 s), max 2.200 s (N2t web target): NOT OK
";
        assert_eq!(
            render_cells(&cells(), Format::Table, Style::default()).unwrap(),
            expected
        );
    }

    #[test]
    fn a_table_of_two_figures_names_them_in_every_row() {
        let mut cells = cells();
        cells.push(Cell::with_published(
            Figure::Fig7,
            "S2t+S2t",
            "ftp",
            Metric::Target,
            Some(65.0),
        ));
        let text = render_cells(&cells, Format::Table, Style::default()).unwrap();
        for line in [
            "figure  trouble  server",
            "fig6    S2t      web",
            "fig7    S2t+S2t  ftp",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn colour_adds_nothing_but_escapes() {
        let plain = render_cells(&cells(), Format::Table, Style::default()).unwrap();
        let coloured = render_cells(&cells(), Format::Table, Style { colour: true }).unwrap();
        assert!(coloured.contains("\u{1b}[31mN2t"), "{coloured}");
        let stripped = ["\u{1b}[31m", "\u{1b}[1m", "\u{1b}[0m"]
            .iter()
            .fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(stripped, plain);
    }

    #[test]
    fn json_has_the_numbers_of_the_csv_and_the_verdicts() {
        let json = render_cells(&cells(), Format::Json, Style::default()).unwrap();
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["cells"][0]["published_s"], serde_json::Value::Null);
        assert_eq!(read["cells"][1]["error_s"], -0.1);
        assert_eq!(read["cells"][2]["verdict"], "outside");
        assert_eq!(read["summary"][0]["outside"], 1);
    }

    #[test]
    fn bad_cells_are_refused_in_every_format() {
        let bad = [Cell {
            simulated_s: Some(f64::NAN),
            ..cells()[1].clone()
        }];
        for format in [Format::Table, Format::Csv, Format::Json] {
            assert!(render_cells(&bad, format, Style::default()).is_err());
        }
    }
}
