//! Results of checks for CI services: JUnit XML and GitHub annotations.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use thiserror::Error;

use super::compare::{CellsDiff, TextDiff};

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// The file it is about, relative to the repository.
    pub file: String,
    /// The line in it, counted from 1, where one line is meant.
    pub line: Option<usize>,
    /// What is wrong; none when all is well.
    pub failure: Option<String>,
}

/// Why JUnit XML cannot be written.
#[derive(Debug, Error)]
#[error("cannot write JUnit XML: {0}")]
pub struct JunitError(#[from] quick_junit::SerializeError);

impl Check {
    /// The check that the cells of `file` did not change.
    #[must_use]
    pub fn cells(name: &str, file: &str, diff: &CellsDiff) -> Self {
        let failure = (!diff.is_empty()).then(|| diff.to_string());
        Self {
            name: name.to_owned(),
            file: file.to_owned(),
            line: None,
            failure,
        }
    }

    /// The check that the text of `file` did not change.
    #[must_use]
    pub fn text(name: &str, file: &str, diff: Option<&TextDiff>) -> Self {
        Self {
            name: name.to_owned(),
            file: file.to_owned(),
            line: diff.map(|diff| diff.first_line),
            failure: diff.map(|diff| diff.unified.clone()),
        }
    }
}

/// The checks as JUnit XML, one suite called `suite`; characters that XML forbids are left out.
///
/// There are no times in it: the same checks give the same bytes.
///
/// # Errors
///
/// Only if the XML cannot be built.
pub fn junit(suite: &str, checks: &[Check]) -> Result<String, JunitError> {
    let mut cases = TestSuite::new(suite);
    for check in checks {
        let status = check
            .failure
            .as_ref()
            .map_or_else(TestCaseStatus::success, |failure| {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status
                    .set_message(failure.lines().next().unwrap_or_default())
                    .set_description(failure.as_str());
                status
            });
        let mut case = TestCase::new(check.name.as_str(), status);
        case.set_classname(check.file.as_str());
        cases.add_test_case(case);
    }
    let mut report = Report::new("tetrarch");
    report.add_test_suite(cases);
    Ok(report.to_string()?)
}

/// One `::error` line for each failed check, for the log of a GitHub workflow.
#[must_use]
pub fn github_annotations(checks: &[Check]) -> String {
    let annotation = |check: &Check| {
        let failure = check.failure.as_ref()?;
        let line = check
            .line
            .map_or_else(String::new, |line| format!(",line={line}"));
        let (file, title) = (property(&check.file), property(&check.name));
        Some(format!(
            "::error file={file}{line},title={title}::{}\n",
            message(failure.trim_end())
        ))
    };
    checks.iter().filter_map(annotation).collect()
}

/// Escapes what would end the message; the percent sign first, because it begins every escape.
fn message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes what would end a property.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::compare_text;
    use proptest::prelude::*;

    fn checks() -> Vec<Check> {
        let diff = compare_text("a.trace", "1\n2 <&> 100 %\n", "1\n3\n");
        vec![
            Check::cells("fig6", "results/fig6.csv", &CellsDiff::default()),
            Check::text("trace: a, b", "golden/a.trace", diff.as_ref()),
        ]
    }

    #[test]
    fn annotations_name_failures_only_and_escape() {
        let expected = "::error file=golden/a.trace,line=2,title=trace%3A a%2C b::--- a.trace (old)%0A\
                        +++ a.trace (new)%0A@@ -1,2 +1,2 @@%0A 1%0A-2 <&> 100 %25%0A+3\n";
        assert_eq!(github_annotations(&checks()), expected);
        assert_eq!(github_annotations(&checks()[..1]), "");
    }

    #[test]
    fn junit_counts_and_escapes_and_reads_back() {
        let xml = junit("results", &checks()).unwrap();
        assert!(
            xml.contains("<testsuite name=\"results\" tests=\"2\""),
            "{xml}"
        );
        assert!(
            xml.contains("failures=\"1\"") && xml.contains("2 &lt;&amp;&gt; 100 %"),
            "{xml}"
        );
        let read = Report::deserialize_from_str(&xml).unwrap();
        assert_eq!((read.tests, read.failures), (2, 1));
        assert_eq!(
            read.test_suites[0].test_cases[1].name.as_str(),
            "trace: a, b"
        );
        assert_eq!(junit("results", &checks()).unwrap(), xml);
    }

    proptest! {
        #[test]
        fn an_annotation_is_always_one_line(name in ".{0,20}", failure in "(?s).{1,40}") {
            let check = Check { name, file: "f".to_owned(), line: None, failure: Some(failure) };
            let text = github_annotations(&[check]);
            prop_assert_eq!(text.matches('\n').count(), 1);
            prop_assert!(!text.contains('\r'));
        }
    }
}
