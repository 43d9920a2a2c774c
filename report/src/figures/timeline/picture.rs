//! The timeline as a scene.

use super::layout::{Above, PlacedBar, Span, place_bars};
use super::{BarKind, Chart, Lane};
use crate::figures::FigureError;
use crate::figures::palette::{DIM, GRID, Hatch, INK, WHITE, ink_on};
use crate::figures::scene::{Anchor, Area, Font, Scene, Shape, tick_step, tick_text};

const MARGIN: f64 = 24.0;
const WIDTH: f64 = 1400.0;
/// The widest that the lanes' labels may be; longer ones are cut.
const GUTTER_MAX: f64 = 260.0;
const LABEL_ROW: f64 = 17.0;
const BAR_ROW: f64 = 26.0;
const BAR: f64 = 22.0;
const LANE_GAP: f64 = 16.0;
const LEGEND_ROW: f64 = 24.0;

const TITLE: Font = Font::bold(20.0, INK);
const NOTE: Font = Font::new(13.0, DIM);
const LANE: Font = Font::bold(13.0, INK);
const LABEL: Font = Font::new(12.0, INK);
const TICK: Font = Font::new(12.0, DIM);

/// A lane with everything in its place.
struct Laid<'a> {
    lane: &'a Lane,
    bars: Vec<PlacedBar<'a>>,
    rows: usize,
    above: Above,
}

impl Laid<'_> {
    fn height(&self) -> f64 {
        LABEL_ROW * self.above.rows() as f64 + BAR_ROW * self.rows as f64 + LANE_GAP
    }
}

/// The picture of a chart that has been checked.
pub(super) fn scene(chart: &Chart) -> Result<Scene, FigureError> {
    let (span, lanes) = lay_out(chart)?;
    let legend = legend_places(&chart.kinds(), WIDTH - 2.0 * MARGIN)?;
    let legend_rows = legend.last().map_or(0, |place| place.2 + 1);
    let head = if chart.subtitle.is_empty() {
        36.0
    } else {
        58.0
    };
    let top = MARGIN + head;
    let bottom = top + 8.0 + lanes.iter().map(Laid::height).sum::<f64>();
    let legend_top = bottom + 56.0;
    let mut scene = Scene::new(
        WIDTH,
        legend_top + LEGEND_ROW * legend_rows as f64 + MARGIN - 8.0,
    );
    let room = WIDTH - 2.0 * MARGIN;
    scene.text(
        MARGIN,
        MARGIN + 18.0,
        Anchor::Start,
        TITLE,
        &TITLE.fit(&chart.title, room)?,
    );
    scene.text(
        MARGIN,
        MARGIN + 41.0,
        Anchor::Start,
        NOTE,
        &NOTE.fit(&chart.subtitle, room)?,
    );
    axis(&mut scene, span, top, bottom);
    let mut y = top + 8.0;
    for (index, laid) in lanes.iter().enumerate() {
        if index > 0 {
            scene.line(
                (MARGIN, y - LANE_GAP / 2.0),
                (span.right, y - LANE_GAP / 2.0),
                GRID,
            );
        }
        draw_lane(&mut scene, laid, span, y)?;
        y += laid.height();
    }
    draw_legend(&mut scene, &legend, legend_top);
    Ok(scene)
}

/// Every lane with its bars and labels in their places, and the plot's extent beside the lanes' own labels.
fn lay_out(chart: &Chart) -> Result<(Span, Vec<Laid<'_>>), FigureError> {
    let mut gutter = 0.0_f64;
    for lane in &chart.lanes {
        gutter = gutter.max(LANE.claim(&lane.label)?);
    }
    let left = MARGIN + gutter.min(GUTTER_MAX) + 14.0;
    let span = Span {
        left,
        right: WIDTH - MARGIN - 12.0,
        end_s: chart.end_s,
    };
    let mut lanes = Vec::new();
    for lane in &chart.lanes {
        let (bars, rows) = place_bars(lane, span, LABEL)?;
        let mut above = Above::default();
        above.add_marks(lane, span, LABEL)?;
        above.add_bars(&bars, span, LABEL)?;
        lanes.push(Laid {
            lane,
            bars,
            rows,
            above,
        });
    }
    Ok((span, lanes))
}

fn axis(scene: &mut Scene, span: Span, top: f64, bottom: f64) {
    let step = tick_step(span.end_s, 12.0);
    let mut tick = 0_u32;
    while f64::from(tick) * step <= span.end_s * (1.0 + 1e-9) {
        let at_s = f64::from(tick) * step;
        let x = span.x(at_s);
        scene.line((x, top), (x, bottom + 5.0), GRID);
        scene.text(
            x,
            bottom + 20.0,
            Anchor::Middle,
            TICK,
            &tick_text(at_s, step),
        );
        tick += 1;
    }
    scene.line((span.left, bottom), (span.right, bottom), INK);
    scene.text(
        (span.left + span.right) / 2.0,
        bottom + 39.0,
        Anchor::Middle,
        TICK,
        "time (s)",
    );
}

fn draw_lane(scene: &mut Scene, laid: &Laid<'_>, span: Span, top: f64) -> Result<(), FigureError> {
    let bars_top = top + LABEL_ROW * laid.above.rows() as f64;
    let bars_bottom = bars_top + BAR_ROW * laid.rows as f64 - (BAR_ROW - BAR);
    let middle = (bars_top + bars_bottom) / 2.0 + 4.5;
    let label = LANE.fit(&laid.lane.label, GUTTER_MAX)?;
    scene.text(span.left - 12.0, middle, Anchor::End, LANE, &label);
    for placed in &laid.bars {
        let y = bars_top + BAR_ROW * placed.row as f64;
        let (colour, hatch) = placed.bar.kind.look();
        // The narrowest bars have no border, which would leave nothing of their colour.
        let border = (placed.right - placed.left >= 5.0).then_some(INK);
        scene.fill(
            Area::new(placed.left, y, placed.right, y + BAR),
            colour,
            hatch,
            border,
        );
    }
    // Lines before labels: where a line must cross a label, the label's ground covers it.
    draw_leaders(scene, &laid.above, bars_top, bars_bottom);
    for placed in laid.bars.iter().filter(|placed| placed.is_labelled) {
        bar_label(scene, placed, bars_top + BAR_ROW * placed.row as f64)?;
    }
    for label in &laid.above.labels {
        let y = bars_top - LABEL_ROW * label.row as f64;
        scene.fill(
            Area::new(label.left, y - 16.0, label.right, y - 7.0),
            WHITE,
            Hatch::None,
            None,
        );
        // A label left of its line ends at it, however wide it turns out.
        let is_left = label.leader_x.is_some_and(|x| x >= label.right);
        let (x, anchor) = if is_left {
            (label.right, Anchor::End)
        } else {
            (label.left, Anchor::Start)
        };
        scene.text(x, y - 7.0, anchor, LABEL, &label.text);
    }
    Ok(())
}

/// The lines of the marks, from their labels through the bars.
fn draw_leaders(scene: &mut Scene, above: &Above, bars_top: f64, bars_bottom: f64) {
    for label in &above.labels {
        let (Some(x), row) = (label.leader_x, label.row) else {
            continue;
        };
        scene.line(
            (x, bars_top - LABEL_ROW * (row + 1) as f64 + 3.0),
            (x, bars_bottom),
            INK,
        );
        let points = [
            (x - 4.0, bars_top - 6.0),
            (x + 4.0, bars_top - 6.0),
            (x, bars_top),
        ];
        scene.shapes.push(Shape::Triangle {
            points,
            colour: INK,
        });
    }
}

/// A label in its bar, on a plain ground that keeps hatches and the lines of marks out of it.
fn bar_label(scene: &mut Scene, placed: &PlacedBar<'_>, top: f64) -> Result<(), FigureError> {
    let (colour, _) = placed.bar.kind.look();
    let middle = (placed.left + placed.right) / 2.0;
    let half = LABEL.claim(&placed.bar.label)? / 2.0 + 2.0;
    let ground = Area::new(middle - half, top + 3.0, middle + half, top + BAR - 3.0);
    scene.fill(ground, colour, Hatch::None, None);
    let font = Font::new(LABEL.size, ink_on(colour));
    scene.text(middle, top + 15.5, Anchor::Middle, font, &placed.bar.label);
    Ok(())
}

fn draw_legend(scene: &mut Scene, places: &[(BarKind, f64, usize)], top: f64) {
    for (kind, x, row) in places {
        let y = top + LEGEND_ROW * *row as f64;
        let (colour, hatch) = kind.look();
        scene.fill(
            Area::new(MARGIN + x, y, MARGIN + x + 26.0, y + 15.0),
            colour,
            hatch,
            Some(INK),
        );
        scene.text(
            MARGIN + x + 33.0,
            y + 12.0,
            Anchor::Start,
            LABEL,
            kind.name(),
        );
    }
}

/// Where each kind stands in the legend: its left side and its row.
fn legend_places(kinds: &[BarKind], room: f64) -> Result<Vec<(BarKind, f64, usize)>, FigureError> {
    let (mut x, mut row) = (0.0, 0);
    let mut places = Vec::new();
    for &kind in kinds {
        let width = 33.0 + LABEL.claim(kind.name())? + 22.0;
        if x + width > room {
            (x, row) = (0.0, row + 1);
        }
        places.push((kind, x, row));
        x += width;
    }
    Ok(places)
}
