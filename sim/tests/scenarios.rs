//! Every scenario file of the project does what it says, and breaks no invariant.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use tetrarch_sim::run::run;
use tetrarch_sim::scenario::Scenario;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_scenario_meets_its_expectations_and_breaks_no_invariant() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let files = files(&folder);
    assert!(
        files.len() > 25,
        "only {} scenario files were found",
        files.len()
    );
    let mut complaints = Vec::new();
    for file in files {
        let scenario = Scenario::load(&file).unwrap();
        let run = run(&scenario).unwrap();
        for unmet in &run.unmet {
            let found = unmet.found.named(&scenario.group);
            complaints.push(format!("{}:{}: {found}", file.display(), unmet.expect.line));
        }
        for violation in &run.violations {
            complaints.push(format!("{}: {violation:?}", file.display()));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
