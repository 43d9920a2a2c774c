//! How near the simulated numbers are to the published ones.

use serde::Serialize;

use crate::cells::{Cell, Figure};

/// Slack for values that sit on a limit: their difference is a rounding of binary fractions, not of time.
const SLACK_S: f64 = 1e-9;

/// What one cell says about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Within the tolerance.
    Inside,
    /// Beyond the tolerance.
    Outside,
    /// The paper gives a number and the run gave none.
    NotSimulated,
    /// The paper gives no number to compare with.
    NotPublished,
}

impl Verdict {
    /// The word printed in a table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Outside => "OUTSIDE",
            Self::NotSimulated => "MISSING",
            Self::NotPublished => "-",
        }
    }

    /// Whether the cell speaks against the run.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Outside | Self::NotSimulated)
    }
}

/// How far a simulated number may be from the published one, in seconds.
///
/// Fig. 6: 0.3 s or 0.5 %, whichever is more. Two servers at once: 1.0 s or 2 %.
#[must_use]
pub fn tolerance_s(figure: Figure, published_s: f64) -> f64 {
    let (seconds, percent) = tolerance(figure);
    (published_s * percent / 100.0).max(seconds)
}

/// The tolerance in words, such as `0.3 s or 0.5 %`.
pub(crate) fn tolerance_text(figure: Figure) -> String {
    let (seconds, percent) = tolerance(figure);
    format!("{seconds:.1} s or {percent} %")
}

/// Seconds, and per cent of the published number.
const fn tolerance(figure: Figure) -> (f64, f64) {
    match figure {
        Figure::Fig6 => (0.3, 0.5),
        Figure::Fig7 | Figure::Adjacent | Figure::Opposite => (1.0, 2.0),
    }
}

/// The mean absolute error that a figure may have, in seconds.
#[must_use]
pub const fn mean_limit_s(figure: Figure) -> f64 {
    match figure {
        Figure::Fig6 => 0.15,
        Figure::Fig7 | Figure::Adjacent | Figure::Opposite => 0.5,
    }
}

/// What one cell says.
#[must_use]
pub fn verdict(cell: &Cell) -> Verdict {
    match (cell.published_s, cell.error_s()) {
        (None, _) => Verdict::NotPublished,
        (Some(_), None) => Verdict::NotSimulated,
        (Some(published_s), Some(error_s))
            if error_s.abs() <= tolerance_s(cell.figure, published_s) + SLACK_S =>
        {
            Verdict::Inside
        }
        // An error that is not a number compares as false above, and lands here.
        (Some(_), Some(_)) => Verdict::Outside,
    }
}

/// The accuracy of all cells of one figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// The figure.
    pub figure: Figure,
    /// Cells with both numbers.
    pub compared: usize,
    /// Cells beyond their tolerance.
    pub outside: usize,
    /// Cells that the paper has and the run has not.
    pub not_simulated: usize,
    /// Mean of the absolute errors in seconds; none when nothing was compared.
    pub mean_abs_error_s: Option<f64>,
    /// What that mean may be, in seconds.
    pub mean_limit_s: f64,
    /// The largest absolute error in seconds; none when nothing was compared.
    pub max_abs_error_s: Option<f64>,
    /// The cell that has it.
    pub max_at: Option<String>,
}

impl Accuracy {
    /// The accuracy of the cells of `figure`; the others are passed over.
    #[must_use]
    pub fn of(figure: Figure, cells: &[Cell]) -> Self {
        let cells: Vec<&Cell> = cells.iter().filter(|cell| cell.figure == figure).collect();
        let count = |wanted| cells.iter().filter(|cell| verdict(cell) == wanted).count();
        let errors: Vec<(f64, &Cell)> = cells
            .iter()
            .filter_map(|cell| Some((cell.error_s()?.abs(), *cell)))
            .collect();
        let sum: f64 = errors.iter().map(|(error, _)| error).sum();
        // The first of equals, so that the name does not depend on how a sort breaks ties.
        let max = errors
            .iter()
            .fold(None, |best: Option<&(f64, &Cell)>, next| match best {
                Some(best) if best.0 >= next.0 => Some(best),
                _ => Some(next),
            });
        Self {
            figure,
            compared: errors.len(),
            outside: count(Verdict::Outside),
            not_simulated: count(Verdict::NotSimulated),
            mean_abs_error_s: (!errors.is_empty()).then(|| sum / errors.len() as f64),
            mean_limit_s: mean_limit_s(figure),
            max_abs_error_s: max.map(|(error, _)| *error),
            max_at: max
                .map(|(_, cell)| format!("{} {} {}", cell.trouble, cell.server, cell.metric)),
        }
    }

    /// One summary for each figure that has cells, in order.
    #[must_use]
    pub fn of_each(cells: &[Cell]) -> Vec<Self> {
        let present = |figure: &Figure| cells.iter().any(|cell| cell.figure == *figure);
        Figure::ALL
            .into_iter()
            .filter(present)
            .map(|figure| Self::of(figure, cells))
            .collect()
    }

    /// Whether every cell is within its tolerance, none is missing, and the mean is within its limit.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let mean_ok = self
            .mean_abs_error_s
            .is_none_or(|mean| mean <= self.mean_limit_s + SLACK_S);
        self.outside == 0 && self.not_simulated == 0 && mean_ok
    }

    /// The summary in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let (Some(mean), Some(max), Some(at)) =
            (self.mean_abs_error_s, self.max_abs_error_s, &self.max_at)
        else {
            return format!(
                "{}: nothing to compare, {} not simulated",
                self.figure, self.not_simulated
            );
        };
        let word = if self.is_ok() { "ok" } else { "NOT OK" };
        format!(
            "{}: {} of {} inside, {} not simulated, mean absolute error {mean:.3} s (limit {:.2} s), max {max:.3} s \
             ({at}): {word}",
            self.figure,
            self.compared - self.outside,
            self.compared,
            self.not_simulated,
            self.mean_limit_s,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Metric;

    fn cell(trouble: &str, metric: Metric, simulated_s: Option<f64>) -> Cell {
        Cell::with_published(Figure::Fig6, trouble, "web", metric, simulated_s)
    }

    #[test]
    fn a_cell_on_its_tolerance_is_inside_and_a_millisecond_more_is_not() {
        assert_eq!(
            verdict(&cell("S2t", Metric::Function, Some(9.6))),
            Verdict::Inside
        );
        assert_eq!(
            verdict(&cell("S2t", Metric::Function, Some(9.601))),
            Verdict::Outside
        );
        assert_eq!(
            verdict(&cell("S2t", Metric::Function, Some(8.999))),
            Verdict::Outside
        );
        // 0.5 % of 154.8 s is 0.774 s.
        assert_eq!(
            verdict(&cell("N2t", Metric::Target, Some(155.574))),
            Verdict::Inside
        );
        assert_eq!(
            verdict(&cell("N2t", Metric::Target, Some(155.575))),
            Verdict::Outside
        );
        let pair = |s| {
            verdict(&Cell::with_published(
                Figure::Fig7,
                "S2t+S2t",
                "mail",
                Metric::Function,
                Some(s),
            ))
        };
        assert_eq!(
            (pair(12.0), pair(12.001)),
            (Verdict::Inside, Verdict::Outside)
        );
    }

    #[test]
    fn missing_numbers_have_their_own_verdicts() {
        assert_eq!(
            verdict(&cell("S2t", Metric::Function, None)),
            Verdict::NotSimulated
        );
        assert_eq!(
            verdict(&cell("S1t", Metric::Function, Some(1.0))),
            Verdict::NotPublished
        );
    }

    #[test]
    fn the_summary_counts_and_names_the_worst() {
        let cells = [
            cell("S2t", Metric::Function, Some(9.4)),
            cell("S2t", Metric::Target, Some(63.1)),
            cell("S1t", Metric::Function, None),
        ];
        let accuracy = Accuracy::of(Figure::Fig6, &cells);
        assert!((accuracy.mean_abs_error_s.unwrap() - 0.15).abs() < 1e-12);
        assert_eq!(accuracy.max_abs_error_s, Some(0.2));
        assert!(accuracy.is_ok());
        assert_eq!(
            accuracy.line(),
            "fig6: 2 of 2 inside, 0 not simulated, mean absolute error 0.150 s (limit 0.15 s), max 0.200 s \
             (S2t web target): ok"
        );
        assert_eq!(Accuracy::of_each(&cells), vec![accuracy]);
    }

    #[test]
    fn a_large_mean_or_a_missing_cell_is_not_ok() {
        let large = [
            cell("S2t", Metric::Function, Some(9.5)),
            cell("S2t", Metric::Target, Some(63.5)),
        ];
        let summary = Accuracy::of(Figure::Fig6, &large);
        assert_eq!(summary.outside, 0);
        assert!(!summary.is_ok());
        let missing = Accuracy::of(Figure::Fig6, &[cell("S2t", Metric::Function, None)]);
        assert!(!missing.is_ok());
        assert_eq!(missing.line(), "fig6: nothing to compare, 1 not simulated");
    }
}
