//! Pictures as SVG and PNG: bar charts of cells, and timelines of a run.
//!
//! Every picture is laid out once as a list of shapes and then painted, so that SVG and PNG show the same. The
//! font travels with the crate: no font, no library and no network of the machine has a part in the result.

mod bars;
mod paint;
mod palette;
mod scene;
pub mod timeline;

use thiserror::Error;

use crate::cells::{Cell, Figure, WriteError};

/// The form of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// Vectors, for the web and for print.
    Svg,
    /// Pixels, two for each unit of the SVG.
    Png,
}

/// Why a picture cannot be drawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FigureError {
    /// There is nothing to draw.
    #[error("there is nothing to draw: {0}")]
    Empty(String),
    /// Cells with values that cannot be printed.
    #[error(transparent)]
    Cells(#[from] WriteError),
    /// A timeline that ends before it begins, or at no number.
    #[error("a timeline must end after 0 s and within 1e9 s, not at {0} s")]
    End(f64),
    /// A bar outside its timeline, or one that ends before it begins.
    #[error(
        "lane `{lane}`: a bar from {start_s} s to {end_s} s does not fit a timeline from 0 s to {limit_s} s"
    )]
    Bar {
        /// The lane.
        lane: String,
        /// Where the bar begins, in seconds.
        start_s: f64,
        /// Where it ends, in seconds.
        end_s: f64,
        /// Where the timeline ends, in seconds.
        limit_s: f64,
    },
    /// A mark outside its timeline.
    #[error("lane `{lane}`: a mark at {at_s} s does not fit a timeline from 0 s to {limit_s} s")]
    Mark {
        /// The lane.
        lane: String,
        /// Where the mark is, in seconds.
        at_s: f64,
        /// Where the timeline ends, in seconds.
        limit_s: f64,
    },
    /// A terminal too narrow for a timeline.
    #[error("a timeline of this group needs {needed} columns, there are {width}")]
    Narrow {
        /// Columns that there are.
        width: usize,
        /// Columns that are needed.
        needed: usize,
    },
    /// A picture larger than any viewer takes.
    #[error("the picture would be {width} x {height} units, more than {limit} either way")]
    Large {
        /// Its width in units of the SVG.
        width: f64,
        /// Its height in units of the SVG.
        height: f64,
        /// The most that is drawn.
        limit: f64,
    },
    /// The drawing library refuses.
    #[error("cannot draw: {0}")]
    Draw(String),
}

impl Image {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Svg, Self::Png];

    /// How the name of such a file ends, without the dot.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }
}

/// Draws the cells of one figure as bars, published beside simulated, one panel for each metric.
///
/// The other figures' cells are passed over. The same cells give the same bytes.
///
/// # Errors
///
/// No cell of that figure, or a value that could not be printed either.
pub fn bar_chart(figure: Figure, cells: &[Cell], image: Image) -> Result<Vec<u8>, FigureError> {
    paint::paint(&bars::scene(figure, cells)?, image)
}

#[cfg(test)]
mod tests;
