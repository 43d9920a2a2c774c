//! The command `swarm`: what it prints, which exit code it ends with, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;

use common::{arg, refusal, run, texts};

/// Three quiet seeds.
const QUIET: &[&str] = &["swarm", "--seeds", "3", "--time", "5m", "-q"];

#[test]
fn quiet_seeds_are_fine_and_print_their_bound() {
    let (out, err) = texts(QUIET, 0);
    assert!(out.contains("progress after the repair:           3 of 3 seeds"));
    assert!(out.contains("bound: 3 rounds of: job_max"), "{out}");
    assert!(out.contains("known limits of paper"), "{out}");
    assert_eq!(err, "");
}

#[test]
fn any_number_of_threads_prints_the_same_bytes() {
    for format in ["table", "csv", "json"] {
        let with = |threads| {
            let args = ["swarm", "--seeds", "30", "--time", "1h", "-q"];
            let more = [
                "--bound-percent",
                "1",
                "--format",
                format,
                "--threads",
                threads,
            ];
            run(&[&args[..], &more[..]].concat())
        };
        let one = with("1");
        assert!(!one.stdout.is_empty());
        for threads in ["2", "5"] {
            let other = with(threads);
            assert_eq!(one.stdout, other.stdout, "{format} {threads}");
            assert_eq!(one.status, other.status, "{format} {threads}");
        }
    }
}

#[test]
fn a_failure_is_shrunk_to_a_file_that_fails_and_ends_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let out_dir = folder.path().join("found");
    // No group is well again within a hundredth of the bound when a server has to start.
    let args = ["swarm", "--seeds", "20", "--time", "1h", "-q"];
    let more = ["--bound-percent", "1", "--out", arg(&out_dir)];
    let (out, _) = texts(&[&args[..], &more[..]].concat(), 1);
    let version = env!("CARGO_PKG_VERSION");
    assert!(out.contains(&format!("of tetrarch {version}: ")), "{out}");
    assert!(out.contains("explained by: tetrarch explain "), "{out}");
    let files: Vec<_> = fs::read_dir(&out_dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| arg(path).ends_with("no-progress.toml"))
        .collect();
    assert!(!files.is_empty(), "{out}");
    for file in files {
        texts(&["simulate", arg(&file)], 1);
        run(&["explain", arg(&file)]);
    }
}

#[test]
fn the_line_that_runs_a_failing_seed_again_does() {
    let args = [
        "swarm",
        "--seeds",
        "20",
        "--time",
        "1h",
        "--bound-percent",
        "1",
        "-q",
    ];
    let sure = [
        "--timings",
        "paper",
        "--safety",
        "guarded",
        "--format",
        "csv",
    ];
    let (table, told) = texts(&[&args[..], &sure[..]].concat(), 1);
    let again = told
        .lines()
        .find_map(|line| line.split_once("again: tetrarch ").map(|(_, again)| again))
        .unwrap();
    assert!(again.contains(" --safety guarded"), "{again}");
    let mut words: Vec<&str> = again.split(' ').collect();
    let seed = words[words.iter().position(|word| *word == "--first").unwrap() + 1];
    words.extend(["--format", "csv", "-q"]);
    let (alone, _) = texts(&words, 1);
    let row = alone.lines().nth(1).unwrap();
    assert!(row.starts_with(&format!("{seed},")), "{row}");
    assert!(table.lines().any(|line| line == row), "{row}\n{table}");
}

#[test]
fn wrong_arguments_are_refused() {
    for (args, why) in [
        (&["--seeds", "1", "--time", "0s"][..], "the safety phase is"),
        (&["--seeds", "1", "--time", "101d"], "the safety phase is"),
        (&["--seeds", "1", "--fault-every", "10ms"], "between faults"),
        (&["--seeds", "1", "--fault-every", "1s"], "too many faults"),
        (
            &["--seeds", "2", "--first", "18446744073709551615"],
            "beyond the largest seed",
        ),
    ] {
        let line = refusal(&[&["swarm"], args].concat());
        assert!(line.contains(why), "{line}");
    }
    for args in [
        &["swarm"][..],
        &["swarm", "--seeds", "0"],
        &["swarm", "--seeds", "x"],
        &["swarm", "--seeds", "1", "--time", "soon"],
        &["swarm", "--seeds", "1", "--bound-percent", "0"],
        &["swarm", "--seeds", "1", "--threads", "0"],
    ] {
        let (out, err) = texts(args, 2);
        assert_eq!(out, "");
        assert!(err.contains("error:"), "{err}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_refused_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let line = refusal(&["swarm", "--seeds", "1", "--out", arg(&file)]);
    assert!(line.contains("cannot make this folder"), "{line}");
}
