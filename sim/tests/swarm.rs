//! Random rings and random faults: nothing breaks, and when all is repaired everything comes back.
//!
//! The paper's protocol does not survive cut links, so links stay whole while safety is checked; that
//! everything comes back after a repair is demanded after cuts and losses too.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tetrarch_sim::run::{Run, run};
use tetrarch_sim::scenario::Scenario;

/// Faults strike during the first 400 s, all is repaired at 1000 s, and 2000 s more pass.
fn scenario(seed: u64, cut_links: bool) -> String {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let size = dice.random_range(2..=8);
    let group: Vec<String> = (1..=size).map(|number| format!("s{number}")).collect();
    let mut faults = Vec::new();
    for _ in 0..dice.random_range(1..=4) {
        let at = dice.random_range(1000..400_000_u64);
        let server = &group[dice.random_range(0..size)];
        let other = &group[dice.random_range(0..size)];
        let fault = match dice.random_range(0..if cut_links { 10 } else { 8 }) {
            kind @ 0..4 => {
                let trouble = ["S1t", "S2t", "N1t", "N2t"][kind];
                format!("trouble = \"{trouble}\"\nserver = \"{server}\"")
            }
            4 => format!("fault = \"crash\"\nserver = \"{server}\""),
            5 => format!("fault = \"agent-stop\"\nserver = \"{server}\""),
            8 if server != other => {
                format!("fault = \"cut\"\nfrom = \"{server}\"\nto = \"{other}\"")
            }
            9 => format!("fault = \"loss\"\npercent = {}", dice.random_range(1..30)),
            _ => format!("fault = \"destroy\"\nserver = \"{server}\""),
        };
        faults.push((at, fault));
    }
    faults.push((1_000_000, "fault = \"heal\"".to_owned()));
    for server in &group {
        faults.push((
            1_000_000,
            format!("fault = \"repair\"\nserver = \"{server}\""),
        ));
        faults.push((
            1_000_000,
            format!("fault = \"agent-start\"\nserver = \"{server}\""),
        ));
    }
    let mut text = format!(
        "name = \"seed {seed}\"\npurpose = \"random\"\nseed = {seed}\ngroup = {group:?}\n\
         duration = \"3000s\"\n"
    );
    for (at, fault) in faults {
        write!(text, "[[fault]]\nat = \"{at}ms\"\n{fault}\n").unwrap();
    }
    for server in &group {
        write!(
            text,
            "[[expect]]\nserved = \"{server}\"\nby = \"{server}\"\n"
        )
        .unwrap();
    }
    write!(text, "[[expect]]\nmembers = {group:?}\n").unwrap();
    text
}

fn run_seed(seed: u64, cut_links: bool) -> (String, Run) {
    let text = scenario(seed, cut_links);
    let scenario = Scenario::parse(&text, "random", Path::new(".")).unwrap();
    (text, run(&scenario).unwrap())
}

#[test]
fn with_whole_links_no_invariant_breaks_and_everything_comes_back() {
    for seed in 0..250 {
        let (text, run) = run_seed(seed, false);
        assert!(run.violations.is_empty(), "{:?}\n{text}", run.violations);
        assert!(run.unmet.is_empty(), "{:?}\n{text}", run.unmet);
    }
}

#[test]
fn after_cuts_and_losses_everything_comes_back() {
    for seed in 0..250 {
        let (text, run) = run_seed(seed, true);
        assert!(run.unmet.is_empty(), "{:?}\n{text}", run.unmet);
    }
}
