//! Every measured time is explained to the nanosecond.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use tetrarch_core::Span;
use tetrarch_sim::explain::{Explanation, explain};
use tetrarch_sim::scenario::Scenario;

fn scenarios() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/paper");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 13);
    files
}

fn assert_whole(name: &str, explanation: &Explanation) {
    for s in &explanation.story {
        println!(
            "{} {:?} {} {:?}",
            s.at,
            s.since_detection.map(|s| s.to_string()),
            s.text,
            s.reached
        );
    }
    for breakdown in &explanation.breakdowns {
        println!(
            "{name} {:?} {:?} {}",
            breakdown.server, breakdown.metric, breakdown.measured
        );
        for part in &breakdown.parts {
            println!(
                "  {} {} [{}]",
                part.span(),
                part.text(&explanation.group),
                part.explanation()
            );
        }
    }
    for breakdown in &explanation.breakdowns {
        assert_eq!(breakdown.sum(), breakdown.measured, "{name}");
        assert_eq!(breakdown.unexplained(), Span::ZERO, "{name}");
    }
}

#[test]
fn every_time_of_the_paper_is_explained() {
    for file in scenarios() {
        let scenario = Scenario::load(&file).unwrap();
        let explanation = explain(&scenario).unwrap();
        assert!(!explanation.breakdowns.is_empty());
        assert_whole(&file.display().to_string(), &explanation);
    }
}
