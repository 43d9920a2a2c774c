//! The timeline for a terminal.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::layout::rows;
use super::{Bar, Chart, Lane};
use crate::cells::{millis, three_decimals};
use crate::figures::FigureError;
use crate::figures::scene::{tick_step, tick_text};

/// The fewest columns in which a timeline still says anything.
const PLOT_COLUMNS_MIN: usize = 20;
/// The widest that the lanes' labels may be; longer ones are cut.
const LABEL_COLUMNS_MAX: usize = 24;

/// The text of a chart that has been checked.
pub(super) fn render(chart: &Chart, width_columns: usize) -> Result<String, FigureError> {
    let widest = chart
        .lanes
        .iter()
        .map(|lane| plain(&lane.label).width())
        .max()
        .unwrap_or(0);
    let gutter = widest.min(LABEL_COLUMNS_MAX);
    // Two columns for the bars at either side of the plot, one between label and plot.
    let needed = gutter + 3 + PLOT_COLUMNS_MIN;
    if width_columns < needed {
        return Err(FigureError::Narrow {
            width: width_columns,
            needed,
        });
    }
    let columns = width_columns - gutter - 3;
    let mut text = String::new();
    for line in [&chart.title, &chart.subtitle] {
        if !line.is_empty() {
            text.push_str(&format!("{}\n", plain(line)));
        }
    }
    for lane in &chart.lanes {
        lane_lines(&mut text, lane, chart.end_s, gutter, columns);
    }
    text.push_str(&axis(chart.end_s, gutter, columns));
    let kinds: Vec<String> = chart
        .kinds()
        .iter()
        .map(|kind| format!("{} {}", kind.symbol(), kind.name()))
        .collect();
    text.push_str(&wrapped(&kinds, width_columns));
    marks(&mut text, chart);
    Ok(text)
}

fn lane_lines(text: &mut String, lane: &Lane, end_s: f64, gutter: usize, columns: usize) {
    let (row_of, count) = rows(&lane.bars);
    for row in 0..count {
        let label = if row == 0 {
            cut(&plain(&lane.label), gutter)
        } else {
            String::new()
        };
        let mut bars: Vec<&Bar> = lane
            .bars
            .iter()
            .zip(&row_of)
            .filter(|(_, of)| **of == row)
            .map(|(bar, _)| bar)
            .collect();
        // Long ones first: a short one then keeps its column.
        bars.sort_by(|a, b| (b.end_s - b.start_s).total_cmp(&(a.end_s - a.start_s)));
        let mut plot = vec![' '; columns];
        for bar in bars {
            let first = column(bar.start_s, end_s, columns);
            let last =
                ((bar.end_s / end_s * columns as f64).ceil() as usize).clamp(first + 1, columns);
            plot[first..last].fill(bar.kind.symbol());
        }
        let plot: String = plot.into_iter().collect();
        let pad = " ".repeat(gutter - label.width());
        text.push_str(&format!("{label}{pad} |{plot}|\n"));
    }
    if !lane.marks.is_empty() {
        let mut plot = vec![' '; columns];
        for mark in &lane.marks {
            plot[column(mark.at_s, end_s, columns)] = '^';
        }
        let plot: String = plot.into_iter().collect();
        text.push_str(&format!("{} |{plot}|\n", " ".repeat(gutter)));
    }
}

/// The column of an instant; the end belongs to the last.
fn column(at_s: f64, end_s: f64, columns: usize) -> usize {
    ((at_s / end_s * columns as f64) as usize).min(columns - 1)
}

fn axis(end_s: f64, gutter: usize, columns: usize) -> String {
    let step = tick_step(end_s, (columns / 10).max(1) as f64);
    let mut rule = vec!['-'; columns];
    let mut numbers = " ".repeat(gutter + 2);
    let mut tick = 0_u32;
    while f64::from(tick) * step <= end_s * (1.0 + 1e-9) {
        let at = column(f64::from(tick) * step, end_s, columns);
        rule[at] = '+';
        let number = tick_text(f64::from(tick) * step, step);
        let start = gutter + 2 + at;
        // A number that would run into the one before, or out of the plot, is left out.
        if start >= numbers.len() && start + number.len() <= gutter + 2 + columns {
            numbers.push_str(&" ".repeat(start - numbers.len()));
            numbers.push_str(&number);
            numbers.push(' ');
        }
        tick += 1;
    }
    let rule: String = rule.into_iter().collect();
    format!(
        "{} +{rule}+\n{} s\n",
        " ".repeat(gutter),
        numbers.trim_end()
    )
}

/// Words with three blanks between them, in lines of at most `width` columns.
fn wrapped(words: &[String], width: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    for word in words {
        let gap = if used == 0 { 0 } else { 3 };
        if used > 0 && used + gap + word.len() > width {
            text.push('\n');
            used = 0;
        }
        let gap = if used == 0 { 0 } else { 3 };
        text.push_str(&" ".repeat(gap));
        text.push_str(word);
        used += gap + word.len();
    }
    if used > 0 {
        text.push('\n');
    }
    text
}

/// All marks in the order of time, those of one instant in the order of the lanes.
fn marks(text: &mut String, chart: &Chart) {
    let mut marks: Vec<(i64, &str, &str)> = Vec::new();
    for lane in &chart.lanes {
        marks.extend(
            lane.marks
                .iter()
                .map(|mark| (millis(mark.at_s), lane.label.as_str(), mark.label.as_str())),
        );
    }
    marks.sort_by_key(|mark| mark.0);
    for (at_ms, lane, label) in marks {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "^ {:>9} s  {}: {}",
            three_decimals(at_ms),
            plain(lane),
            plain(label)
        );
    }
}

/// The text with every control character replaced, so that it neither breaks its line nor steers a terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// The beginning of a text, at most `columns` wide.
fn cut(text: &str, columns: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= columns
    };
    text.chars().take_while(fits).collect()
}
