//! Where bars and labels of a lane go, so that nothing hides anything.

use super::{Bar, Lane};
use crate::figures::FigureError;
use crate::figures::scene::Font;

/// The narrowest bar, in units.
pub(super) const BAR_WIDTH_MIN: f64 = 3.0;
/// Units between a mark's line and its label, and between two labels.
const CLEAR: f64 = 5.0;

/// The horizontal extent of the plot and the time it stands for.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) end_s: f64,
}

/// A bar in its place.
pub(super) struct PlacedBar<'a> {
    pub(super) bar: &'a Bar,
    pub(super) left: f64,
    pub(super) right: f64,
    /// The row within the lane, from the top.
    pub(super) row: usize,
    /// Whether its label stands in it.
    pub(super) is_labelled: bool,
}

/// A label above the bars.
#[derive(Debug, PartialEq)]
pub(super) struct PlacedLabel {
    /// Where it begins.
    pub(super) left: f64,
    /// Where what it claims ends.
    pub(super) right: f64,
    /// The row above the bars, counted upwards from the bars.
    pub(super) row: usize,
    pub(super) text: String,
    /// The mark's line that it belongs to; none for a bar's label.
    pub(super) leader_x: Option<f64>,
}

impl Span {
    pub(super) fn x(&self, at_s: f64) -> f64 {
        self.left + at_s / self.end_s * (self.right - self.left)
    }
}

/// The row of each bar, such that no two bars of one row overlap in time, and the number of rows.
pub(super) fn rows(bars: &[Bar]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..bars.len()).collect();
    order.sort_by(|&a, &b| bars[a].start_s.total_cmp(&bars[b].start_s).then(a.cmp(&b)));
    let mut ends: Vec<f64> = Vec::new();
    let mut rows = vec![0; bars.len()];
    for index in order {
        let bar = &bars[index];
        // Ends and beginnings come from different sums, so a nanosecond of overlap is a touch.
        let row = ends
            .iter()
            .position(|end| bar.start_s >= end - 1e-9)
            .unwrap_or(ends.len());
        if row == ends.len() {
            ends.push(bar.end_s);
        } else {
            ends[row] = bar.end_s;
        }
        rows[index] = row;
    }
    (rows, ends.len().max(1))
}

/// Places the bars of a lane; the longest first, so that short ones are painted over the edges of long ones.
pub(super) fn place_bars<'a>(
    lane: &'a Lane,
    span: Span,
    font: Font,
) -> Result<(Vec<PlacedBar<'a>>, usize), FigureError> {
    let (rows, count) = rows(&lane.bars);
    let mut placed = Vec::new();
    for (bar, row) in lane.bars.iter().zip(rows) {
        let left = span.x(bar.start_s).min(span.right - BAR_WIDTH_MIN);
        let right = span.x(bar.end_s).max(left + BAR_WIDTH_MIN);
        let is_labelled =
            !bar.label.is_empty() && font.claim(&bar.label)? + 2.0 * CLEAR <= right - left;
        placed.push(PlacedBar {
            bar,
            left,
            right,
            row,
            is_labelled,
        });
    }
    // By their times, as all that are drawn as narrow as can be have the same width.
    placed.sort_by(|a, b| duration_s(b.bar).total_cmp(&duration_s(a.bar)));
    Ok((placed, count))
}

fn duration_s(bar: &Bar) -> f64 {
    bar.end_s - bar.start_s
}

/// Labels above the bars of one lane, and the lines of its marks.
#[derive(Default)]
pub(super) struct Above {
    pub(super) labels: Vec<PlacedLabel>,
}

impl Above {
    /// How many rows the labels take.
    pub(super) fn rows(&self) -> usize {
        self.labels
            .iter()
            .map(|label| label.row + 1)
            .max()
            .unwrap_or(0)
    }

    /// Whether a label may stand there without touching another, with its line not crossing one, and without
    /// another's line crossing it.
    fn is_free(&self, left: f64, right: f64, row: usize, leader_x: Option<f64>) -> bool {
        self.labels.iter().all(|other| {
            let apart = right + CLEAR <= other.left || other.right + CLEAR <= left;
            let crosses = |x: Option<f64>, left: f64, right: f64| {
                x.is_some_and(|x| left - 2.0 < x && x < right + 2.0)
            };
            (apart || other.row != row)
                && !(other.row < row && crosses(leader_x, other.left, other.right))
                && !(other.row > row && crosses(other.leader_x, left, right))
        })
    }

    /// Whether no label of that row touches the place, whatever the lines do.
    fn is_apart(&self, left: f64, right: f64, row: usize) -> bool {
        let touches =
            |other: &&PlacedLabel| right + CLEAR > other.left && other.right + CLEAR > left;
        !self
            .labels
            .iter()
            .filter(touches)
            .any(|other| other.row == row)
    }

    /// Places every mark's label in the lowest row where it fits, right or left of its line.
    ///
    /// From right to left, because a label extends to the right: its neighbour then stands above it, with a
    /// line that passes it on the left.
    pub(super) fn add_marks(
        &mut self,
        lane: &Lane,
        span: Span,
        font: Font,
    ) -> Result<(), FigureError> {
        let mut order: Vec<usize> = (0..lane.marks.len()).collect();
        order.sort_by(|&a, &b| {
            lane.marks[b]
                .at_s
                .total_cmp(&lane.marks[a].at_s)
                .then(b.cmp(&a))
        });
        for index in order {
            let mark = &lane.marks[index];
            let x = span.x(mark.at_s);
            let text = font.fit(&mark.label, span.right - span.left - 2.0 * CLEAR)?;
            let width = font.claim(&text)?;
            let fits = |left: &f64| *left >= span.left - 1.0 && *left + width <= span.right + 1.0;
            let mut lefts: Vec<f64> = [x + CLEAR, x - CLEAR - width]
                .into_iter()
                .filter(fits)
                .collect();
            if lefts.is_empty() {
                // Too long for either side of its line: across it, as far right as the edge allows.
                lefts.push(span.right - width);
            }
            let places =
                (0..=self.rows()).flat_map(|row| lefts.iter().map(move |left| (*left, row)));
            let free = places
                .clone()
                .find(|(left, row)| self.is_free(*left, left + width, *row, Some(x)));
            // The topmost row is empty, so a place apart from all labels is always found; a line that crosses
            // a label is painted beneath it.
            let apart = || {
                places
                    .clone()
                    .find(|(left, row)| self.is_apart(*left, left + width, *row))
            };
            if let Some((left, row)) = free.or_else(apart) {
                self.labels.push(PlacedLabel {
                    left,
                    right: left + width,
                    row,
                    text,
                    leader_x: Some(x),
                });
            }
        }
        Ok(())
    }

    /// Adds the labels of bars of the first row that did not fit into them, where there is room.
    pub(super) fn add_bars(
        &mut self,
        bars: &[PlacedBar<'_>],
        span: Span,
        font: Font,
    ) -> Result<(), FigureError> {
        for placed in bars {
            if placed.is_labelled || placed.bar.label.is_empty() || placed.row > 0 {
                continue;
            }
            let width = font.claim(&placed.bar.label)?;
            let left = (placed.left + placed.right - width) / 2.0;
            let is_inside = left >= span.left && left + width <= span.right;
            if is_inside && self.is_free(left, left + width, 0, None) {
                let text = placed.bar.label.clone();
                self.labels.push(PlacedLabel {
                    left,
                    right: left + width,
                    row: 0,
                    text,
                    leader_x: None,
                });
            }
        }
        Ok(())
    }
}
