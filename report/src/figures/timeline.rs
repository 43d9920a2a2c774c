//! Timelines: who does what when, as a picture or as text.

mod layout;
mod picture;
mod text;

use super::palette::{self, Hatch, Rgb};
use super::{FigureError, Image, paint};
use crate::cells::SECONDS_MAX;

/// What a bar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BarKind {
    /// A manager examines its target.
    Examining,
    /// A manager waits.
    Waiting,
    /// A command runs.
    Command,
    /// A virtual server resumes.
    Resuming,
    /// A server serves.
    Serving,
    /// A server is down.
    Down,
    /// A server starts or restarts.
    Restarting,
    /// A virtual server is suspended.
    Suspending,
    /// Clients have no service.
    Outage,
}

impl BarKind {
    /// Every kind, in the order of the legend.
    pub const ALL: [Self; 9] = [
        Self::Examining,
        Self::Waiting,
        Self::Command,
        Self::Resuming,
        Self::Serving,
        Self::Down,
        Self::Restarting,
        Self::Suspending,
        Self::Outage,
    ];

    /// The word in the legend.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Examining => "examining",
            Self::Waiting => "waiting",
            Self::Command => "command",
            Self::Resuming => "resuming",
            Self::Serving => "serving",
            Self::Down => "down",
            Self::Restarting => "restarting",
            Self::Suspending => "suspending",
            Self::Outage => "outage",
        }
    }

    /// The character in a terminal.
    #[must_use]
    pub const fn symbol(self) -> char {
        match self {
            Self::Examining => '?',
            Self::Waiting => '.',
            Self::Command => '!',
            Self::Resuming => '>',
            Self::Serving => '=',
            Self::Down => 'x',
            Self::Restarting => '~',
            Self::Suspending => '<',
            Self::Outage => '#',
        }
    }

    const fn look(self) -> (Rgb, Hatch) {
        match self {
            Self::Examining => (palette::SKY_BLUE, Hatch::None),
            Self::Waiting => (palette::PALE, Hatch::None),
            Self::Command => (palette::YELLOW, Hatch::None),
            Self::Resuming => (palette::REDDISH_PURPLE, Hatch::None),
            Self::Serving => (palette::BLUISH_GREEN, Hatch::None),
            Self::Down => (palette::DIM, Hatch::None),
            Self::Restarting => (palette::ORANGE, Hatch::Rising),
            Self::Suspending => (palette::REDDISH_PURPLE, Hatch::Falling),
            Self::Outage => (palette::VERMILLION, Hatch::Crossed),
        }
    }
}

/// Something that lasts.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Its beginning in seconds.
    pub start_s: f64,
    /// Its end in seconds, not before its beginning.
    pub end_s: f64,
    /// What it stands for.
    pub kind: BarKind,
    /// A word on it, shown where it fits; may be empty.
    pub label: String,
}

/// Something that happens at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// When, in seconds.
    pub at_s: f64,
    /// What.
    pub label: String,
}

/// One row: a server, a job, or the client. Bars that overlap in time are drawn one below the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Whose row it is.
    pub label: String,
    /// Its bars, in any order.
    pub bars: Vec<Bar>,
    /// Its marks, in any order.
    pub marks: Vec<Mark>,
}

/// A timeline from zero to `end_s`.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// The first line above it.
    pub title: String,
    /// The second line; may be empty.
    pub subtitle: String,
    /// Its end in seconds.
    pub end_s: f64,
    /// Its rows from top to bottom.
    pub lanes: Vec<Lane>,
}

impl Chart {
    /// Draws the timeline. The same data give the same bytes.
    ///
    /// A bar is never narrower than it takes to be seen. A bar's label stands in it or above it, or is left out
    /// where there is no room; every mark's label is shown, and no two labels overlap.
    ///
    /// # Errors
    ///
    /// No lanes, an end that is not a positive number, bars or marks outside the chart, or a picture that
    /// would be too large.
    pub fn render(&self, image: Image) -> Result<Vec<u8>, FigureError> {
        self.check()?;
        paint::paint(&picture::scene(self)?, image)
    }

    /// The timeline as text, at most `width_columns` wide except for marks and the title.
    ///
    /// Each bar takes at least one column, short ones on top of long ones. The marks are listed beneath.
    ///
    /// # Errors
    ///
    /// As [`render`](Self::render), and a width that leaves too few columns beside the lanes' labels.
    pub fn render_text(&self, width_columns: usize) -> Result<String, FigureError> {
        self.check()?;
        text::render(self, width_columns)
    }

    /// The kinds that occur, in the order of the legend.
    fn kinds(&self) -> Vec<BarKind> {
        let occurs = |kind: &BarKind| {
            self.lanes
                .iter()
                .flat_map(|lane| &lane.bars)
                .any(|bar| bar.kind == *kind)
        };
        BarKind::ALL.into_iter().filter(occurs).collect()
    }

    fn check(&self) -> Result<(), FigureError> {
        let limit_s = self.end_s;
        if !(limit_s > 0.0 && limit_s <= SECONDS_MAX) {
            return Err(FigureError::End(limit_s));
        }
        if self.lanes.is_empty() {
            return Err(FigureError::Empty("the timeline has no lanes".to_owned()));
        }
        for lane in &self.lanes {
            for &Bar { start_s, end_s, .. } in &lane.bars {
                // Written so that a value that is not a number fails.
                if !(0.0 <= start_s && start_s <= end_s && end_s <= limit_s) {
                    return Err(FigureError::Bar {
                        lane: lane.label.clone(),
                        start_s,
                        end_s,
                        limit_s,
                    });
                }
            }
            for &Mark { at_s, .. } in &lane.marks {
                if !(0.0..=limit_s).contains(&at_s) {
                    return Err(FigureError::Mark {
                        lane: lane.label.clone(),
                        at_s,
                        limit_s,
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
