//! One number of the paper's figures beside the number a run gave for it.

mod read;
mod write;

use std::fmt;

use serde::Serialize;

use crate::published;

pub use read::{ReadError, from_csv};
pub use write::{WriteError, to_csv};
pub(crate) use write::{check, columns, line as csv_line};

/// The header line of the CSV form, without its line end.
pub const CSV_HEADER: &str = "figure,trouble,server,metric,published_s,simulated_s,error_s";

/// Seconds beyond which a value is refused: printing goes through whole milliseconds, and no run is that long.
pub const SECONDS_MAX: f64 = 1e9;

/// Which experiment a cell belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Figure {
    /// Fig. 6: trouble on one server.
    Fig6,
    /// Fig. 7: trouble on the mail and the FTP server at once; the paper gives some of the numbers.
    Fig7,
    /// Trouble on any two neighbours in the ring at once: predictions, the paper has no such experiment.
    #[serde(rename = "prediction (adjacent)")]
    Adjacent,
    /// Trouble on any two servers that are opposite in the ring at once. The trouble names the servers, as in
    /// `S2t@mail+N1t@ftp`; all are predictions but the combinations that Fig. 7 has.
    #[serde(rename = "prediction (opposite)")]
    Opposite,
}

/// What was measured, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Until the virtual server serves the function, by the managers' log.
    Function,
    /// Until the real server is normal again, by the managers' log.
    Target,
    /// For how long the client had no service.
    Disconnection,
}

impl Figure {
    /// Every figure, in order.
    pub const ALL: [Self; 4] = [Self::Fig6, Self::Fig7, Self::Adjacent, Self::Opposite];

    /// The name used in files: `fig6`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fig6 => "fig6",
            Self::Fig7 => "fig7",
            Self::Adjacent => "prediction (adjacent)",
            Self::Opposite => "prediction (opposite)",
        }
    }

    /// What it is about, as a heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Fig6 => "Fig. 6: trouble on one server",
            Self::Fig7 => "Fig. 7: trouble on two servers at once",
            Self::Adjacent => "Predictions: trouble on two neighbours at once",
            Self::Opposite => "Predictions: trouble on two opposite servers",
        }
    }

    /// The figure of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.name() == name)
    }
}

impl Metric {
    /// Every metric, in the paper's order.
    pub const ALL: [Self; 3] = [Self::Function, Self::Target, Self::Disconnection];

    /// The name used in files: `function`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Target => "target",
            Self::Disconnection => "disconnection",
        }
    }

    /// The metric of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One cell of a figure: what was published, and what a run gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The experiment.
    pub figure: Figure,
    /// The trouble, such as `S2t` or `S2t+S2t`.
    pub trouble: String,
    /// The server's function, such as `web`.
    pub server: String,
    /// What was measured.
    pub metric: Metric,
    /// The paper's number in seconds, one decimal; none where the paper gives none.
    pub published_s: Option<f64>,
    /// The run's number in seconds; none where the run gave none.
    pub simulated_s: Option<f64>,
}

/// What names a cell; no two cells of one table share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The experiment.
    pub figure: Figure,
    /// The trouble.
    pub trouble: String,
    /// The server's function.
    pub server: String,
    /// What was measured.
    pub metric: Metric,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}",
            self.figure, self.trouble, self.server, self.metric
        )
    }
}

impl Cell {
    /// A cell with the run's number, and the paper's where the paper has one.
    #[must_use]
    pub fn with_published(
        figure: Figure,
        trouble: &str,
        server: &str,
        metric: Metric,
        simulated_s: Option<f64>,
    ) -> Self {
        Self {
            figure,
            trouble: trouble.to_owned(),
            server: server.to_owned(),
            metric,
            published_s: published::find(figure, trouble, server, metric),
            simulated_s,
        }
    }

    /// What names this cell.
    #[must_use]
    pub fn key(&self) -> Key {
        Key {
            figure: self.figure,
            trouble: self.trouble.clone(),
            server: self.server.clone(),
            metric: self.metric,
        }
    }

    /// Simulated less published, in seconds; none when either is missing.
    ///
    /// Both are first rounded to the millisecond that is printed, so that the columns of a table always agree.
    #[must_use]
    pub fn error_s(&self) -> Option<f64> {
        let error_ms = millis(self.simulated_s?) - millis(self.published_s?);
        Some(seconds(error_ms))
    }
}

/// Seconds as whole milliseconds, to nearest; values are bounded by [`SECONDS_MAX`] before they are printed.
pub(crate) fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

/// Whole milliseconds as seconds.
pub(crate) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// Milliseconds printed as seconds with three decimals, with no negative zero.
pub(crate) fn three_decimals(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let size = millis.unsigned_abs();
    format!("{sign}{}.{:03}", size / 1000, size % 1000)
}

/// Seconds printed with one decimal, as the paper prints them.
pub(crate) fn one_decimal(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as i64;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Whether a value can be printed: a finite number of seconds that is not negative and below [`SECONDS_MAX`].
pub(crate) fn is_printable(seconds: f64) -> bool {
    (0.0..SECONDS_MAX).contains(&seconds)
}

#[cfg(test)]
mod tests;
