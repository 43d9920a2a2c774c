//! Comparing cells and text.

use std::collections::BTreeMap;
use std::fmt;

use similar::{ChangeTag, TextDiff as Differ};

use crate::cells::{Cell, Key, millis, seconds, three_decimals};

/// How far a number may move without being listed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// Not at all: equal to the millisecond that is printed.
    Exact,
    /// At most this many seconds either way.
    Seconds(f64),
}

/// Which number of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The paper's number; always compared exactly, because nothing should ever move it.
    Published,
    /// The run's number.
    Simulated,
}

/// A number that moved, appeared or vanished within a cell that both sides have.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The cell.
    pub key: Key,
    /// Which of its numbers.
    pub column: Column,
    /// The old number in seconds, if there was one.
    pub from_s: Option<f64>,
    /// The new number in seconds, if there is one.
    pub to_s: Option<f64>,
}

/// What changed between two sets of cells; each list in the order of the cells' names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellsDiff {
    /// Cells on both sides whose numbers differ by more than the tolerance.
    pub moved: Vec<Moved>,
    /// Cells that only the old side has.
    pub missing: Vec<Key>,
    /// Cells that only the new side has.
    pub added: Vec<Key>,
    /// How many cells both sides have with the same numbers, within the tolerance.
    pub unchanged: usize,
}

impl Moved {
    /// New less old in seconds, at the printed millisecond; none when either is missing.
    #[must_use]
    pub fn delta_s(&self) -> Option<f64> {
        Some(seconds(millis(self.to_s?) - millis(self.from_s?)))
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: Option<f64>| {
            value.map_or_else(
                || "nothing".to_owned(),
                |s| three_decimals(millis(s)) + " s",
            )
        };
        let published = if self.column == Column::Published {
            " (published)"
        } else {
            ""
        };
        write!(
            f,
            "{}{published}: {} -> {}",
            self.key,
            text(self.from_s),
            text(self.to_s)
        )?;
        if let Some(delta_s) = self.delta_s() {
            let sign = if delta_s > 0.0 { "+" } else { "" };
            write!(f, " ({sign}{} s)", three_decimals(millis(delta_s)))?;
        }
        Ok(())
    }
}

impl CellsDiff {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.missing.is_empty() && self.added.is_empty()
    }
}

/// One line for each change; nothing when nothing changed.
impl fmt::Display for CellsDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for moved in &self.moved {
            writeln!(f, "moved: {moved}")?;
        }
        for key in &self.missing {
            writeln!(f, "missing: {key}")?;
        }
        for key in &self.added {
            writeln!(f, "added: {key}")?;
        }
        Ok(())
    }
}

/// Whether the two numbers count as the same.
fn same(from_s: Option<f64>, to_s: Option<f64>, tolerance: Tolerance) -> bool {
    let (from_s, to_s) = match (from_s, to_s) {
        (None, None) => return true,
        (Some(from_s), Some(to_s)) => (from_s, to_s),
        _ => return false,
    };
    // Values that are not numbers would round to zero below; they are never the same as anything.
    if !from_s.is_finite() || !to_s.is_finite() {
        return false;
    }
    let delta_ms = (millis(to_s) - millis(from_s)).abs();
    match tolerance {
        Tolerance::Exact => delta_ms == 0,
        Tolerance::Seconds(limit_s) => seconds(delta_ms) <= limit_s + 1e-9,
    }
}

/// Compares two sets of cells by name, whatever their order; of cells with the same name the last counts.
#[must_use]
pub fn compare_cells(old: &[Cell], new: &[Cell], tolerance: Tolerance) -> CellsDiff {
    let by_key = |cells: &[Cell]| {
        cells
            .iter()
            .map(|cell| (cell.key(), cell.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    let (old, new) = (by_key(old), by_key(new));
    let mut diff = CellsDiff::default();
    for (key, from) in &old {
        let Some(to) = new.get(key) else {
            diff.missing.push(key.clone());
            continue;
        };
        let before = diff.moved.len();
        let columns = [
            (
                Column::Published,
                from.published_s,
                to.published_s,
                Tolerance::Exact,
            ),
            (
                Column::Simulated,
                from.simulated_s,
                to.simulated_s,
                tolerance,
            ),
        ];
        for (column, from_s, to_s, tolerance) in columns {
            if !same(from_s, to_s, tolerance) {
                diff.moved.push(Moved {
                    key: key.clone(),
                    column,
                    from_s,
                    to_s,
                });
            }
        }
        diff.unchanged += usize::from(diff.moved.len() == before);
    }
    diff.added = new
        .into_keys()
        .filter(|key| !old.contains_key(key))
        .collect();
    diff
}

/// What changed between two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextDiff {
    /// The first line of the old text that is not the same in the new, counted from 1.
    pub first_line: usize,
    /// How many lines only the old text has.
    pub removed: usize,
    /// How many lines only the new text has.
    pub added: usize,
    /// The changes with three lines of context, in the unified form.
    pub unified: String,
}

/// Compares two texts byte for byte; none when they are the same.
///
/// `name` is the file's name in the difference.
#[must_use]
pub fn compare_text(name: &str, old: &str, new: &str) -> Option<TextDiff> {
    if old == new {
        return None;
    }
    let diff = Differ::from_lines(old, new);
    let count = |tag| {
        diff.iter_all_changes()
            .filter(|change| change.tag() == tag)
            .count()
    };
    let equal = diff
        .iter_all_changes()
        .take_while(|change| change.tag() == ChangeTag::Equal)
        .count();
    Some(TextDiff {
        first_line: equal + 1,
        removed: count(ChangeTag::Delete),
        added: count(ChangeTag::Insert),
        unified: diff
            .unified_diff()
            .header(&format!("{name} (old)"), &format!("{name} (new)"))
            .to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::{Figure, Metric};
    use proptest::prelude::*;

    fn cell(trouble: &str, simulated_s: Option<f64>) -> Cell {
        Cell::with_published(Figure::Fig6, trouble, "web", Metric::Target, simulated_s)
    }

    #[test]
    fn lists_what_moved_is_missing_and_was_added() {
        let old = [
            cell("S1t", Some(3.2)),
            cell("S2t", Some(63.0)),
            cell("N1t", Some(53.0)),
        ];
        let new = [
            cell("N2t", Some(150.0)),
            cell("S2t", Some(63.25)),
            cell("S1t", Some(3.2)),
        ];
        let diff = compare_cells(&old, &new, Tolerance::Exact);
        let expected = "moved: fig6 S2t web target: 63.000 s -> 63.250 s (+0.250 s)\n\
                        missing: fig6 N1t web target\nadded: fig6 N2t web target\n";
        assert_eq!(diff.to_string(), expected);
        assert_eq!((diff.unchanged, diff.moved[0].delta_s()), (1, Some(0.25)));
        assert!(!diff.is_empty());
    }

    #[test]
    fn tolerance_is_inclusive_and_exact_means_the_printed_millisecond() {
        let moved = |to, tolerance| {
            !compare_cells(
                &[cell("S2t", Some(63.0))],
                &[cell("S2t", Some(to))],
                tolerance,
            )
            .is_empty()
        };
        assert!(!moved(63.1, Tolerance::Seconds(0.1)));
        assert!(moved(63.101, Tolerance::Seconds(0.1)));
        assert!(moved(62.899, Tolerance::Seconds(0.1)));
        assert!(!moved(63.0004, Tolerance::Exact));
        assert!(moved(63.001, Tolerance::Exact));
        assert!(moved(f64::NAN, Tolerance::Seconds(1e6)));
    }

    #[test]
    fn a_number_that_vanishes_or_a_published_one_that_moves_is_listed() {
        let from = cell("S2t", Some(63.0));
        let diff = compare_cells(
            std::slice::from_ref(&from),
            &[cell("S2t", None)],
            Tolerance::Seconds(1e6),
        );
        assert_eq!(
            diff.to_string(),
            "moved: fig6 S2t web target: 63.000 s -> nothing\n"
        );
        let forged = Cell {
            published_s: Some(63.4),
            ..from.clone()
        };
        let diff = compare_cells(&[from], &[forged], Tolerance::Seconds(1e6));
        assert_eq!(
            diff.to_string(),
            "moved: fig6 S2t web target (published): 63.300 s -> 63.400 s (+0.100 s)\n"
        );
    }

    #[test]
    fn texts_differ_from_a_line_on() {
        assert_eq!(compare_text("a", "x\n", "x\n"), None);
        let diff = compare_text("a.trace", "1\n2\n3\n", "1\ntwo\n3\n4\n").unwrap();
        assert_eq!((diff.first_line, diff.removed, diff.added), (2, 1, 2));
        assert!(
            diff.unified
                .starts_with("--- a.trace (old)\n+++ a.trace (new)\n@@"),
            "{}",
            diff.unified
        );
        assert!(diff.unified.contains("-2\n+two\n"));
    }

    #[test]
    fn line_ends_and_a_missing_last_one_are_differences() {
        assert!(compare_text("a", "x\n", "x\r\n").is_some());
        assert!(compare_text("a", "x\n", "x").is_some());
        assert_eq!(
            compare_text("a", "", "x\n").map(|diff| diff.first_line),
            Some(1)
        );
    }

    proptest! {
        #[test]
        fn a_text_equals_itself_only(old in "[ab\r\n]{0,12}", new in "[ab\r\n]{0,12}") {
            let diff = compare_text("t", &old, &new);
            prop_assert_eq!(diff.is_none(), old == new);
            prop_assert!(diff.is_none_or(|diff| diff.removed + diff.added > 0));
        }
    }
}
