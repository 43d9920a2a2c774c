//! Bar charts of cells: published beside simulated.

use super::FigureError;
use super::palette::{BLUE, DIM, GRID, Hatch, INK, ORANGE, Rgb, VERMILLION, WHITE};
use super::scene::{Anchor, Area, Font, Scene, Shape, tick_step, tick_text};
use crate::accuracy::{Verdict, tolerance_text, verdict};
use crate::cells::{self, Cell, Figure, Metric};

const MARGIN: f64 = 24.0;
/// Title, subtitle and legend.
const HEAD: f64 = 84.0;
/// Room for the numbers left of an axis.
const AXIS: f64 = 48.0;
/// The width of one trouble: two bars, their numbers above them and the label beneath.
const GROUP: f64 = 98.0;
const BAR: f64 = 40.0;
/// From a panel's heading to the top of its plot.
const PANEL_HEAD: f64 = 52.0;
const PLOT: f64 = 300.0;
/// Trouble and error under a plot.
const PANEL_FOOT: f64 = 56.0;
/// The server's name between them, where there are several.
const SERVER_ROW: f64 = 16.0;
const GAP: f64 = 28.0;
/// Panels with more groups than this stand one above the other.
const GROUPS_BESIDE_MAX: usize = 8;

const TITLE: Font = Font::bold(20.0, INK);
const HEADING: Font = Font::bold(14.0, INK);
const LABEL: Font = Font::new(13.0, INK);
const NOTE: Font = Font::new(12.0, DIM);
const NUMBER: Font = Font::new(11.5, INK);

const PUBLISHED: (Rgb, Hatch) = (ORANGE, Hatch::Rising);
const SIMULATED: (Rgb, Hatch) = (BLUE, Hatch::None);

/// The cells of one metric.
struct Panel<'a> {
    metric: Metric,
    cells: Vec<&'a Cell>,
}

/// The picture of one figure's cells.
///
/// # Errors
///
/// No cells of that figure, or values that cannot be printed.
pub(super) fn scene(figure: Figure, all: &[Cell]) -> Result<Scene, FigureError> {
    let own: Vec<Cell> = all
        .iter()
        .filter(|cell| cell.figure == figure)
        .cloned()
        .collect();
    cells::check(&own)?;
    let panel = |metric| Panel {
        metric,
        cells: own.iter().filter(|cell| cell.metric == metric).collect(),
    };
    let panels: Vec<Panel<'_>> = Metric::ALL
        .into_iter()
        .map(panel)
        .filter(|panel| !panel.cells.is_empty())
        .collect();
    let Some(groups) = panels.iter().map(|panel| panel.cells.len()).max() else {
        return Err(FigureError::Empty(format!("no cells of {figure}")));
    };
    let is_stacked = groups > GROUPS_BESIDE_MAX;
    let widths: Vec<f64> = panels
        .iter()
        .map(|panel| AXIS + GROUP * panel.cells.len() as f64)
        .collect();
    let server = single_server(&own);
    let server_row = if server.is_none() { SERVER_ROW } else { 0.0 };
    let height = PANEL_HEAD + PLOT + PANEL_FOOT + server_row;
    let (columns, rows) = if is_stacked {
        (1, panels.len())
    } else {
        (panels.len(), 1)
    };
    let widest = widths
        .iter()
        .fold(0.0_f64, |widest, width| widest.max(*width));
    let across = if is_stacked {
        widest
    } else {
        widths.iter().sum::<f64>() + GAP * (columns - 1) as f64
    };
    // A figure with few cells is still wide enough for its title and legend.
    let across = across.max(860.0);
    let down = HEAD + height * rows as f64 + GAP * (rows - 1) as f64;
    let mut scene = Scene::new(across + 2.0 * MARGIN, down + 2.0 * MARGIN);
    head(&mut scene, figure, server)?;
    let mut at = (MARGIN, MARGIN + HEAD);
    for (panel, width) in panels.iter().zip(&widths) {
        draw_panel(&mut scene, panel, at, server.is_none())?;
        if is_stacked {
            at.1 += height + GAP;
        } else {
            at.0 += width + GAP;
        }
    }
    Ok(scene)
}

/// The server that all cells are about, if it is one.
fn single_server(cells: &[Cell]) -> Option<&str> {
    let first = &cells.first()?.server;
    cells
        .iter()
        .all(|cell| cell.server == *first)
        .then_some(first)
}

fn head(scene: &mut Scene, figure: Figure, server: Option<&str>) -> Result<(), FigureError> {
    let (title, tolerance) = (figure.title(), tolerance_text(figure));
    let title = server.map_or_else(|| title.to_owned(), |server| format!("{title} ({server})"));
    let room = scene.width - 2.0 * MARGIN;
    scene.text(
        MARGIN,
        MARGIN + 18.0,
        Anchor::Start,
        TITLE,
        &TITLE.fit(&title, room)?,
    );
    let note = format!(
        "Under each pair: simulated less published. Tolerance: {tolerance}, whichever is more."
    );
    scene.text(MARGIN, MARGIN + 40.0, Anchor::Start, NOTE, &note);
    let mut x = MARGIN;
    let top = MARGIN + 52.0;
    for ((colour, hatch), label) in [
        (PUBLISHED, "published (CST 2017)"),
        (SIMULATED, "simulated"),
    ] {
        scene.fill(
            Area::new(x, top, x + 26.0, top + 15.0),
            colour,
            hatch,
            Some(INK),
        );
        scene.text(x + 33.0, top + 12.0, Anchor::Start, LABEL, label);
        x += 33.0 + LABEL.claim(label)? + 26.0;
    }
    Ok(())
}

fn draw_panel(
    scene: &mut Scene,
    panel: &Panel<'_>,
    at: (f64, f64),
    has_servers: bool,
) -> Result<(), FigureError> {
    let (left, top) = (at.0 + AXIS, at.1 + PANEL_HEAD);
    let (right, bottom) = (left + GROUP * panel.cells.len() as f64, top + PLOT);
    let heading = match panel.metric {
        Metric::Function => "Function: virtual server serves",
        Metric::Target => "Target: real server normal again",
        Metric::Disconnection => "Disconnection, seen by the client",
    };
    scene.text(
        at.0,
        at.1 + 14.0,
        Anchor::Start,
        HEADING,
        &HEADING.fit(heading, right - at.0)?,
    );
    scene.text(at.0, at.1 + 32.0, Anchor::Start, NOTE, "time (s)");
    let values = panel
        .cells
        .iter()
        .flat_map(|cell| [cell.published_s, cell.simulated_s])
        .flatten();
    let largest = values.fold(0.0, f64::max);
    let step = tick_step(if largest > 0.0 { largest } else { 1.0 }, 5.0);
    let end = (largest / step).ceil().max(1.0) * step;
    for tick in 0..=(end / step).round() as u32 {
        let y = bottom - f64::from(tick) * step / end * PLOT;
        scene.line((left, y), (right, y), if tick == 0 { INK } else { GRID });
        let text = tick_text(f64::from(tick) * step, step);
        scene.text(left - 8.0, y + 4.0, Anchor::End, NOTE, &text);
    }
    scene.line((left, top), (left, bottom), INK);
    for (index, cell) in panel.cells.iter().enumerate() {
        let middle = left + GROUP * (index as f64 + 0.5);
        let y = |seconds: f64| bottom - seconds / end * PLOT;
        draw_bars(scene, cell, middle, bottom, y)?;
        foot(scene, cell, middle, bottom, has_servers)?;
    }
    Ok(())
}

/// A number above a bar, with as many of `decimals` as there is room for: two tell simulated numbers apart.
fn number(seconds: f64, decimals: usize) -> Result<String, FigureError> {
    for decimals in (0..=decimals).rev() {
        let text = format!("{seconds:.decimals$}");
        if NUMBER.width(&text)? < BAR {
            return Ok(text);
        }
    }
    Ok(format!("{seconds:.1e}"))
}

fn draw_bars(
    scene: &mut Scene,
    cell: &Cell,
    middle: f64,
    bottom: f64,
    y: impl Fn(f64) -> f64,
) -> Result<(), FigureError> {
    let simulated = match cell.simulated_s {
        Some(seconds) => Some((seconds, number(seconds, 2)?)),
        None => None,
    };
    let published = match cell.published_s {
        Some(seconds) => Some((seconds, number(seconds, 1)?)),
        None => None,
    };
    for (value, (colour, hatch), left) in [
        (published, PUBLISHED, middle - BAR),
        (simulated, SIMULATED, middle),
    ] {
        let Some((seconds, text)) = value else {
            scene.text(left + BAR / 2.0, bottom - 6.0, Anchor::Middle, NOTE, "–");
            continue;
        };
        scene.fill(
            Area::new(left, y(seconds), left + BAR, bottom),
            colour,
            hatch,
            Some(INK),
        );
        // A white ground keeps the lines of the grid out of the number.
        let ground = Area::new(
            left + 2.0,
            y(seconds) - 15.0,
            left + BAR - 2.0,
            y(seconds) - 4.0,
        );
        scene.fill(ground, WHITE, Hatch::None, None);
        scene.text(
            left + BAR / 2.0,
            y(seconds) - 5.0,
            Anchor::Middle,
            NUMBER,
            &text,
        );
    }
    scene.shapes.push(Shape::Line {
        from: (middle - BAR, bottom),
        to: (middle + BAR, bottom),
        colour: INK,
    });
    Ok(())
}

/// Trouble, server and error under a group.
fn foot(
    scene: &mut Scene,
    cell: &Cell,
    middle: f64,
    bottom: f64,
    has_server: bool,
) -> Result<(), FigureError> {
    let room = GROUP - 4.0;
    let mut baseline = bottom + 19.0;
    scene.text(
        middle,
        baseline,
        Anchor::Middle,
        LABEL,
        &LABEL.fit(&cell.trouble, room)?,
    );
    if has_server {
        baseline += SERVER_ROW;
        scene.text(
            middle,
            baseline,
            Anchor::Middle,
            LABEL,
            &LABEL.fit(&cell.server, room)?,
        );
    }
    baseline += 18.0;
    let outside = Font::bold(12.0, VERMILLION);
    let error = cell.error_s().map(|error_s| {
        // Errors of a day and more are absurd; they are drawn all the same, without running into each other.
        let is_absurd = error_s.abs() >= 1e5;
        let text = if is_absurd {
            format!("{error_s:+.1e} s")
        } else {
            format!("{error_s:+.3} s")
        };
        text.replace('-', "\u{2212}")
    });
    match (verdict(cell), error) {
        (Verdict::Outside, Some(error)) => {
            scene.text(middle, baseline, Anchor::Middle, outside, &error);
            scene.text(middle, baseline + 15.0, Anchor::Middle, outside, "outside");
        }
        (Verdict::NotSimulated, _) => {
            scene.text(middle, baseline, Anchor::Middle, outside, "not simulated")
        }
        (_, Some(error)) => scene.text(middle, baseline, Anchor::Middle, NOTE, &error),
        (_, None) => scene.text(middle, baseline, Anchor::Middle, NOTE, "not published"),
    }
    Ok(())
}
