//! Painting a scene with plotters, as SVG or PNG.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, RGBColor, ShapeStyle, TextStyle};
use plotters::{coord::Shift, drawing::DrawingArea, element::PathElement};

use super::palette::{Hatch, INK, Rgb};
use super::scene::{Anchor, Area, FAMILY, Font, LINE_PER_EM, Scene, Shape, register};
use super::{FigureError, Image};

/// Pixels of the PNG for each unit, so that small text stays sharp in print.
const PNG_SCALE: u32 = 2;
/// Units between two lines of a hatch.
const HATCH_STEP: i32 = 8;

/// Paints a scene.
///
/// # Errors
///
/// A scene that is too large, or whatever the drawing library refuses.
pub(super) fn paint(scene: &Scene, image: Image) -> Result<Vec<u8>, FigureError> {
    register()?;
    match image {
        Image::Svg => {
            let mut text = String::new();
            let brush = SVGBackend::with_string(&mut text, scene.size()?).into_drawing_area();
            Brush {
                area: brush,
                scale: 1,
                is_bitmap: false,
            }
            .all(scene)?;
            Ok(text.into_bytes())
        }
        Image::Png => {
            let (width, height) = scene.size()?;
            let size = (width * PNG_SCALE, height * PNG_SCALE);
            let mut pixels = vec![0; 3 * size.0 as usize * size.1 as usize];
            let brush = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
            Brush {
                area: brush,
                scale: PNG_SCALE,
                is_bitmap: true,
            }
            .all(scene)?;
            encode(&pixels, size)
        }
    }
}

/// Pixels as PNG.
fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, FigureError> {
    let failed = |error: png::EncodingError| FigureError::Draw(error.to_string());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// A drawing area with the scale of its pixels.
struct Brush<DB: DrawingBackend> {
    area: DrawingArea<DB, Shift>,
    scale: u32,
    is_bitmap: bool,
}

/// The drawing library's errors as text: their types differ between its backends.
fn failed(error: impl std::fmt::Display) -> FigureError {
    FigureError::Draw(error.to_string())
}

impl<DB: DrawingBackend> Brush<DB> {
    fn all(&self, scene: &Scene) -> Result<(), FigureError> {
        self.area.fill(&RGBColor(255, 255, 255)).map_err(failed)?;
        for shape in &scene.shapes {
            match shape {
                Shape::Fill {
                    area,
                    colour,
                    hatch,
                    border,
                } => self.fill(*area, *colour, *hatch, *border)?,
                Shape::Line { from, to, colour } => {
                    self.path(&[self.pixel(*from), self.pixel(*to)], *colour)?
                }
                Shape::Triangle { points, colour } => {
                    let points = points.map(|point| self.pixel(point)).to_vec();
                    self.area
                        .draw(&Polygon::new(points, self.style(*colour).filled()))
                        .map_err(failed)?;
                }
                Shape::Text {
                    x,
                    baseline,
                    anchor,
                    font,
                    text,
                } => self.text((*x, *baseline), *anchor, *font, text)?,
            }
        }
        self.area.present().map_err(failed)
    }

    fn pixel(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let scale = f64::from(self.scale);
        ((x * scale).round() as i32, (y * scale).round() as i32)
    }

    fn style(&self, (red, green, blue): Rgb) -> ShapeStyle {
        ShapeStyle::from(&RGBColor(red, green, blue)).stroke_width(self.scale)
    }

    fn path(&self, points: &[(i32, i32)], colour: Rgb) -> Result<(), FigureError> {
        self.area
            .draw(&PathElement::new(points.to_vec(), self.style(colour)))
            .map_err(failed)
    }

    fn fill(
        &self,
        area: Area,
        colour: Rgb,
        hatch: Hatch,
        border: Option<Rgb>,
    ) -> Result<(), FigureError> {
        let (left, top) = self.pixel((area.left, area.top));
        let (right, bottom) = self.pixel((area.right, area.bottom));
        let corners = [(left, top), (right, bottom)];
        self.area
            .draw(&Rectangle::new(corners, self.style(colour).filled()))
            .map_err(failed)?;
        let step = HATCH_STEP * self.scale as i32;
        for ((from, to), rises) in hatch_lines((right - left, bottom - top), step, hatch) {
            // Computed for lines that fall to the right; the others are their mirror image.
            let place = |(x, y): (i32, i32)| (left + x, if rises { bottom - y } else { top + y });
            self.path(&[place(from), place(to)], INK)?;
        }
        if let Some(border) = border {
            let outline = [
                (left, top),
                (right, top),
                (right, bottom),
                (left, bottom),
                (left, top),
            ];
            self.path(&outline, border)?;
        }
        Ok(())
    }

    fn text(
        &self,
        at: (f64, f64),
        anchor: Anchor,
        font: Font,
        text: &str,
    ) -> Result<(), FigureError> {
        let em = font.size * f64::from(self.scale);
        // The SVG backend divides the size by 1.24 and puts the baseline 0.76 em below the top. The rasteriser
        // takes the size as the line's height and puts the baseline half of it below the top.
        let (size, drop) = if self.is_bitmap {
            (em * LINE_PER_EM, em * LINE_PER_EM / 2.0)
        } else {
            (em * 1.24, em * 0.76)
        };
        let (x, baseline) = self.pixel(at);
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let (red, green, blue) = font.colour;
        let weight = if font.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let colour = RGBColor(red, green, blue);
        let style = TextStyle::from(FontDesc::new(FontFamily::Name(FAMILY), size, weight))
            .color(&colour)
            .pos(Pos::new(horizontal, VPos::Top));
        self.area
            .draw_text(text, &style, (x, baseline - drop.round() as i32))
            .map_err(failed)
    }
}

/// A line of a hatch, from and to, within a box that begins at the origin.
type HatchLine = ((i32, i32), (i32, i32));

/// The lines of a hatch in a box of that width and height, each with whether it is to be mirrored.
fn hatch_lines((width, height): (i32, i32), step: i32, hatch: Hatch) -> Vec<(HatchLine, bool)> {
    let directions: &[bool] = match hatch {
        Hatch::None => &[],
        Hatch::Rising => &[true],
        Hatch::Falling => &[false],
        Hatch::Crossed => &[true, false],
    };
    let mut lines = Vec::new();
    for &rises in directions {
        // A line that falls at 45 degrees meets y = 0 at x = start, which may be left of the box.
        let mut start = step / 2 - height;
        while start < width {
            let from_x = start.max(0);
            let to_x = (start + height).min(width);
            if to_x > from_x {
                lines.push((((from_x, from_x - start), (to_x, to_x - start)), rises));
            }
            start += step;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hatching_stays_within_its_box() {
        for (width, height) in [(3, 50), (50, 3), (40, 40), (0, 10), (10, 0)] {
            for (((x0, y0), (x1, y1)), _) in hatch_lines((width, height), 6, Hatch::Crossed) {
                for (x, y) in [(x0, y0), (x1, y1)] {
                    assert!(
                        (0..=width).contains(&x) && (0..=height).contains(&y),
                        "{width}x{height}: {x},{y}"
                    );
                }
                assert_eq!(x1 - x0, y1 - y0);
            }
        }
        assert!(hatch_lines((40, 40), 6, Hatch::None).is_empty());
    }
}
