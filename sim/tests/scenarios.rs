//! Every scenario file of the project does what it says, and breaks no invariant.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod files;

use tetrarch_sim::run::run;
use tetrarch_sim::scenario::Scenario;

#[test]
fn every_scenario_meets_its_expectations_and_breaks_no_invariant() {
    let mut complaints = Vec::new();
    for file in files::scenarios() {
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
