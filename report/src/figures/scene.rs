//! A picture as a list of shapes, in units of one SVG pixel, with text measured in the font that paints it.

use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

use super::FigureError;
use super::palette::{Hatch, Rgb};

/// The family's name; whoever shows the SVG without it falls back on the next.
pub(super) const FAMILY: &str = "Open Sans, DejaVu Sans, Verdana, Arial, sans-serif";

/// The font's ascent and descent together, in units of its em: 2189 and 600 of 2048.
///
/// The rasteriser takes a font's size by this height, SVG takes it by the em.
pub(super) const LINE_PER_EM: f64 = 2789.0 / 2048.0;

/// Room that a label claims beyond its width, for viewers that show the SVG in another font.
const WIDTH_MARGIN: f64 = 1.14;

/// Sides beyond which a picture is refused.
const SIDE_MAX: f64 = 16_000.0;

/// Which point of a text its place names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Font {
    /// The em in units.
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) colour: Rgb,
}

/// A rectangle: left, top, right, bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// One thing to paint; later ones cover earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Fill {
        area: Area,
        colour: Rgb,
        hatch: Hatch,
        border: Option<Rgb>,
    },
    Line {
        from: (f64, f64),
        to: (f64, f64),
        colour: Rgb,
    },
    Triangle {
        points: [(f64, f64); 3],
        colour: Rgb,
    },
    Text {
        x: f64,
        baseline: f64,
        anchor: Anchor,
        font: Font,
        text: String,
    },
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) shapes: Vec<Shape>,
}

impl Font {
    pub(super) const fn new(size: f64, colour: Rgb) -> Self {
        Self {
            size,
            bold: false,
            colour,
        }
    }

    pub(super) const fn bold(size: f64, colour: Rgb) -> Self {
        Self {
            size,
            bold: true,
            colour,
        }
    }

    /// The width of a text in units.
    pub(super) fn width(&self, text: &str) -> Result<f64, FigureError> {
        register()?;
        // Measured large and scaled down, because the library rounds to whole pixels.
        let style = if self.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        let font = FontDesc::new(FontFamily::Name(FAMILY), 1000.0 * LINE_PER_EM, style);
        let (width, _) = font
            .box_size(text)
            .map_err(|error| FigureError::Draw(error.to_string()))?;
        Ok(f64::from(width) / 1000.0 * self.size)
    }

    /// The width that a label claims when others must keep clear of it.
    pub(super) fn claim(&self, text: &str) -> Result<f64, FigureError> {
        Ok(self.width(text)? * WIDTH_MARGIN)
    }

    /// The text, cut and marked with an ellipsis if it claims more than `room`.
    pub(super) fn fit(&self, text: &str, room: f64) -> Result<String, FigureError> {
        if self.claim(text)? <= room {
            return Ok(text.to_owned());
        }
        let mut kept: Vec<char> = text.chars().collect();
        while kept.pop().is_some() {
            let shorter = kept.iter().collect::<String>().trim_end().to_owned() + "…";
            if self.claim(&shorter)? <= room {
                return Ok(shorter);
            }
        }
        Ok(String::new())
    }
}

impl Area {
    pub(super) const fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self {
            left,
            top,
            right,
            bottom,
        }
    }
}

impl Scene {
    pub(super) const fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            shapes: Vec::new(),
        }
    }

    pub(super) fn text(&mut self, x: f64, baseline: f64, anchor: Anchor, font: Font, text: &str) {
        // Control characters have no glyphs, and XML forbids most of them and these two.
        let is_bad = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
        let text: String = text
            .chars()
            .map(|c| if is_bad(c) { ' ' } else { c })
            .collect();
        if !text.trim().is_empty() {
            self.shapes.push(Shape::Text {
                x,
                baseline,
                anchor,
                font,
                text,
            });
        }
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: Rgb) {
        self.shapes.push(Shape::Line { from, to, colour });
    }

    pub(super) fn fill(&mut self, area: Area, colour: Rgb, hatch: Hatch, border: Option<Rgb>) {
        self.shapes.push(Shape::Fill {
            area,
            colour,
            hatch,
            border,
        });
    }

    /// The size in whole units.
    ///
    /// # Errors
    ///
    /// A side that is larger than viewers take.
    pub(super) fn size(&self) -> Result<(u32, u32), FigureError> {
        let (width, height) = (self.width.ceil(), self.height.ceil());
        if width > SIDE_MAX || height > SIDE_MAX {
            return Err(FigureError::Large {
                width,
                height,
                limit: SIDE_MAX,
            });
        }
        Ok((width as u32, height as u32))
    }
}

/// A step of 1, 2 or 5 times a power of ten, such that `most` of them reach at least to `end`.
pub(super) fn tick_step(end: f64, most: f64) -> f64 {
    let rough = (end / most).max(1e-6);
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps
        .into_iter()
        .find(|step| *step >= rough * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// A tick's value with the decimals that its step needs; large ones with an exponent, to stay short.
pub(super) fn tick_text(value: f64, step: f64) -> String {
    if value >= 1e6 {
        return format!("{value:e}");
    }
    let decimals = if step >= 1.0 {
        0
    } else {
        (-step.log10().floor()) as usize
    };
    format!("{value:.decimals$}")
}

/// Hands the fonts to the drawing library, which keeps them by name for the whole process.
pub(super) fn register() -> Result<(), FigureError> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        let regular = include_bytes!("../../fonts/OpenSans-Regular.ttf");
        let bold = include_bytes!("../../fonts/OpenSans-Bold.ttf");
        register_font(FAMILY, FontStyle::Normal, regular).is_ok()
            && register_font(FAMILY, FontStyle::Bold, bold).is_ok()
    });
    if *done {
        Ok(())
    } else {
        Err(FigureError::Draw(
            "the font in the program is damaged".to_owned(),
        ))
    }
}
