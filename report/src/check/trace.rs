//! Comparing traces line by line, with a tolerance for the times that lines begin with.

use std::fmt;

use super::Tolerance;

/// The first line of a trace that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineDiff {
    /// The line, counted from 1.
    pub line: usize,
    /// What it was; none when the old trace ended before it.
    pub was: Option<String>,
    /// What it is; none when the new trace ends before it.
    pub is: Option<String>,
}

impl fmt::Display for LineDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |line: &Option<String>| {
            line.as_ref()
                .map_or_else(|| "the end".to_owned(), |line| format!("`{}`", words(line)))
        };
        write!(
            f,
            "line {}: {} -> {}",
            self.line,
            text(&self.was),
            text(&self.is)
        )
    }
}

/// The line with single blanks: columns mean nothing once it stands alone.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first line in which two traces differ; none when they are the same.
///
/// Each line may begin with a time in seconds. With a tolerance the times of two lines may differ by as much, if
/// the rest is the same. Events in another order are a difference even then.
#[must_use]
pub fn compare_trace(old: &str, new: &str, tolerance: Tolerance) -> Option<LineDiff> {
    let (mut old, mut new) = (old.lines(), new.lines());
    for line in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (Some(was), Some(is)) if same(was, is, tolerance) => {}
            (was, is) => {
                return Some(LineDiff {
                    line,
                    was: was.map(str::to_owned),
                    is: is.map(str::to_owned),
                });
            }
        }
    }
    None
}

fn same(was: &str, is: &str, tolerance: Tolerance) -> bool {
    let Tolerance::Seconds(limit_s) = tolerance else {
        return was == is;
    };
    let timed = |line: &str| {
        let (time, rest) = line.trim_start().split_once(' ')?;
        Some((time.parse::<f64>().ok()?, rest.to_owned()))
    };
    match (timed(was), timed(is)) {
        (Some((from_s, was)), Some((to_s, is))) => {
            // The slack is less than the nanosecond to which traces are printed.
            was == is && (to_s - from_s).abs() <= limit_s + 1e-10
        }
        _ => was == is,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: &str = "   1.000000000 web  note A\n  12.500000000 mail run  B\n";

    fn diff(new: &str, tolerance: Tolerance) -> Option<String> {
        compare_trace(OLD, new, tolerance).map(|diff| diff.to_string())
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(diff(OLD, Tolerance::Exact), None);
        let late = OLD.replace("12.500000000", "12.500000001");
        assert_eq!(
            diff(&late, Tolerance::Exact).unwrap(),
            "line 2: `12.500000000 mail run B` -> `12.500000001 mail run B`"
        );
        assert_eq!(
            diff("   1.000000000 web  note A\n", Tolerance::Exact).unwrap(),
            "line 2: `12.500000000 mail run B` -> the end"
        );
        let longer = format!("{OLD}  13.0 web note C\n");
        assert_eq!(
            diff(&longer, Tolerance::Seconds(1e9)).unwrap(),
            "line 3: the end -> `13.0 web note C`"
        );
    }

    #[test]
    fn a_tolerance_is_for_times_alone() {
        let late = OLD.replace("12.5", "12.6");
        assert_eq!(diff(&late, Tolerance::Seconds(0.1)), None);
        assert!(diff(&late, Tolerance::Seconds(0.099)).is_some());
        let other = OLD.replace("run", "send");
        assert!(diff(&other, Tolerance::Seconds(1e9)).is_some());
        assert!(diff("x\n", Tolerance::Seconds(1e9)).is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_the_same_as_itself(text in "(?s).{0,60}") {
            prop_assert_eq!(compare_trace(&text, &text, Tolerance::Exact), None);
            prop_assert_eq!(compare_trace(&text, &text, Tolerance::Seconds(0.0)), None);
        }
    }
}
