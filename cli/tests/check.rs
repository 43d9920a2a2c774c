//! `check`: what is the same, what moved, and how it is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use common::{arg, texts};

/// Fresh results of the scenarios of the paper, in a folder that may be spoilt.
fn results() -> (tempfile::TempDir, PathBuf) {
    // Pictures take long to draw without optimisation, so one set is copied for each test.
    static FRESH: OnceLock<tempfile::TempDir> = OnceLock::new();
    let fresh = FRESH.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (_, err) = check(folder.path(), &["--update"], 0);
        assert!(err.contains("brought up to date"), "{err}");
        folder
    });
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    copy(fresh.path(), &results);
    (folder, results)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn check(results: &Path, extra: &[&str], code: i32) -> (String, String) {
    let args = [
        "check",
        "--scenarios",
        "scenarios/paper",
        "--results",
        arg(results),
    ];
    texts(&[&args[..], extra].concat(), code)
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn the_committed_results_are_those_of_this_program() {
    let (out, _) = texts(&["check"], 0);
    assert!(out.ends_with(" checked, 0 not as they were\n"), "{out}");
}

#[test]
fn what_was_just_written_is_the_same() {
    let (_folder, results) = results();
    let (out, _) = check(&results, &[], 0);
    assert!(out.ends_with("checked, 0 not as they were\n"), "{out}");
    let before = fs::metadata(results.join("fig6.csv"))
        .unwrap()
        .modified()
        .unwrap();
    check(&results, &["--update"], 0);
    let after = fs::metadata(results.join("fig6.csv"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(before, after, "a file that is right is left alone");
}

#[test]
fn a_cell_that_moved_is_named_with_the_event_that_moved_it() {
    let (_folder, results) = results();
    replace(
        &results.join("fig6.csv"),
        "S2t,web,function,9.3,9.300,0.000",
        "S2t,web,function,9.3,9.400,0.100",
    );
    // The event in the log of S2t, which is the second experiment.
    replace(&results.join("fig6.events"), "20.450600000", "20.550600000");
    let (out, _) = check(&results, &[], 1);
    let moved = "  moved: fig6 S2t web function: 9.400 s -> 9.300 s (-0.100 s)\n    by ";
    assert!(out.contains(moved), "{out}");
    let event =
        "`20.550600000 mail note VirtualServerStarted { function: S2 }` -> `20.450600000 mail";
    assert!(out.contains(event), "{out}");
    // Within the tolerance, nothing moved.
    check(&results, &["--tolerance", "0.1"], 0);
    check(&results, &["--tolerance", "0.099"], 1);
    let (out, _) = check(&results, &["--update"], 0);
    assert!(
        out.contains(moved),
        "an update shows what it changes: {out}"
    );
    check(&results, &[], 0);
}

#[test]
fn missing_spoilt_and_left_over_files_are_told_and_updated() {
    let (_folder, results) = results();
    fs::remove_file(results.join("pairs.csv")).unwrap();
    fs::write(results.join("fig7.csv"), [0xff, 0xfe]).unwrap();
    let traces = results.join("traces");
    fs::rename(traces.join("s1t.trace"), traces.join("gone.trace")).unwrap();
    replace(
        &traces.join("n1t.trace"),
        "world Trouble(N1t)",
        "world Trouble(N2t)",
    );
    replace(&results.join("fig6.svg"), "<svg", "<!-- --><svg");
    let (out, _) = check(&results, &["--format", "csv"], 1);
    let failures = out
        .lines()
        .filter(|line| !line.ends_with(',') && line.contains("results"));
    let files: Vec<&str> = failures
        .filter_map(|line| line.split(',').nth(1)?.rsplit('/').next())
        .collect();
    assert_eq!(
        files,
        [
            "fig6.svg",
            "fig6.png",
            "fig7.csv",
            "pairs.csv",
            "n1t.trace",
            "s1t.trace",
            "gone.trace"
        ]
    );
    check(&results, &["--update"], 0);
    assert!(!traces.join("gone.trace").exists());
    check(&results, &[], 0);
}

#[test]
fn ci_services_are_told() {
    let (folder, results) = results();
    let junit = folder.path().join("check.xml");
    replace(
        &results.join("traces/s2t.trace"),
        "world Restarting",
        "world Resting",
    );
    let (out, _) = check(&results, &["--github", "--junit", arg(&junit)], 1);
    assert!(out.contains("::error file="), "{out}");
    assert!(out.contains("s2t.trace,line="), "{out}");
    let xml = fs::read_to_string(&junit).unwrap();
    assert!(
        xml.contains("failures=\"1\"") && xml.contains("world Resting"),
        "{xml}"
    );
}

#[test]
fn an_expectation_that_is_not_met_cannot_be_updated_away() {
    let (folder, _) = results();
    let scenarios = folder.path().join("scenarios");
    fs::create_dir(&scenarios).unwrap();
    let text = fs::read_to_string(common::root().join("scenarios/paper/s1t.toml")).unwrap();
    let scenario = scenarios.join("s1t.toml");
    let narrow = text.replace("at_most = \"3.5s\"", "at_most = \"3s\"");
    assert_ne!(narrow, text);
    fs::write(&scenario, narrow).unwrap();
    let results = folder.path().join("results");
    fs::remove_dir_all(results.join("traces")).unwrap();
    let args = [
        "check",
        "--scenarios",
        arg(&scenarios),
        "--results",
        arg(&results),
    ];
    let (out, _) = texts(&[&args[..], &["--update"]].concat(), 1);
    assert!(
        out.contains("expected a target time of web of at least"),
        "{out}"
    );
    texts(&args, 1);
}
