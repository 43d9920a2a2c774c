//! The scenarios: their expectations, the invariants, and their golden traces.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tetrarch_report::check::{Check, Tolerance, compare_trace};

use super::{Golden, MISSING, read};
use crate::error::CliError;
use crate::files::{files_under, scenario_files};
use crate::nominal::{self, Nominal};

/// Every scenario of a folder, checked.
pub(crate) struct Scenarios {
    /// Whether the scenarios' expectations are met and the invariants hold.
    pub(crate) checks: Vec<Check>,
    /// The golden traces.
    pub(crate) goldens: Vec<Golden>,
}

/// Runs every scenario under `folder` and compares its trace with that in `results`.
pub(crate) fn scenario_goldens(
    folder: &Path,
    results: &Path,
    tolerance: Tolerance,
) -> Result<Scenarios, CliError> {
    let traces = results.join("traces");
    let paths = scenario_files(folder)?;
    let done = paths
        .par_iter()
        .map(|path| check_one(path, &traces, folder, tolerance))
        .collect::<Result<Vec<_>, CliError>>()?;
    let (checks, mut goldens): (Vec<Check>, Vec<Golden>) = done.into_iter().unzip();
    if traces.is_dir() {
        let known: Vec<PathBuf> = goldens.iter().map(|golden| golden.path.clone()).collect();
        let found = files_under(&traces, "trace")?.into_iter();
        goldens.extend(found.filter(|path| !known.contains(path)).map(left_over));
    }
    Ok(Scenarios { checks, goldens })
}

fn check_one(
    path: &Path,
    traces: &Path,
    folder: &Path,
    tolerance: Tolerance,
) -> Result<(Check, Golden), CliError> {
    let nominal = Nominal::run(nominal::load(path, None)?)?;
    let problems: Vec<String> = nominal.problems().collect();
    let check = Check {
        name: format!("{}: expectations and invariants", nominal.file()),
        file: nominal.file().to_owned(),
        line: nominal.first_unmet_line(),
        failure: (!problems.is_empty()).then(|| problems.join("\n")),
    };
    let inner = path.strip_prefix(folder).unwrap_or(path);
    let golden = traces.join(inner).with_extension("trace");
    let text = nominal.trace();
    let (line, failure) = match read(&golden)? {
        None => (None, Some(MISSING.to_owned())),
        Some(old) => match compare_trace(&old, &text, tolerance) {
            None => (None, None),
            Some(diff) => (Some(diff.line), Some(format!("first difference: {diff}"))),
        },
    };
    let golden = Golden {
        check: Check {
            name: format!("{}: trace", nominal.file()),
            file: golden.display().to_string(),
            line,
            failure,
        },
        path: golden,
        bytes: Some(text.into_bytes()),
    };
    Ok((check, golden))
}

/// A trace that belongs to no scenario.
fn left_over(path: PathBuf) -> Golden {
    Golden {
        check: Check {
            name: format!("{}: left over", path.display()),
            file: path.display().to_string(),
            line: None,
            failure: Some("no scenario belongs to it; --update removes it".to_owned()),
        },
        path,
        bytes: None,
    }
}
