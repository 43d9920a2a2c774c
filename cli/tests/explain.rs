//! `tetrarch explain` as people use it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{arg, refusal, root, run, texts};

fn printed(arguments: &[&str]) -> String {
    texts(arguments, 0).0
}

/// A folder for one test's files, empty at its start.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Compares with a committed file; `TETRARCH_BLESS=1` replaces it after a wanted change.
fn assert_committed(path: &Path, text: &str) {
    if std::env::var_os("TETRARCH_BLESS").is_some() {
        fs::write(path, text).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap();
    let mut lines = committed.lines().zip(text.lines());
    if let Some((was, is)) = lines.find(|(was, is)| was != is) {
        panic!("{}:\nwas {was}\nis  {is}", path.display());
    }
    assert_eq!(
        committed.lines().count(),
        text.lines().count(),
        "{}",
        path.display()
    );
}

#[test]
fn the_story_of_s2t_is_the_one_that_is_committed() {
    let golden = root().join("cli/tests/golden/explain-s2t.txt");
    assert_committed(&golden, &printed(&["explain", "scenarios/paper/s2t.toml"]));
}

#[test]
fn the_page_of_the_documentation_is_current() {
    let page = root().join("docs/decomposition.md");
    assert_committed(&page, &printed(&["explain", "--decomposition"]));
}

#[test]
fn every_published_cell_is_decomposed_without_a_remainder() {
    let csv = printed(&["explain", "--decomposition", "--format", "csv"]);
    let mut cells: Vec<(String, f64, u64)> = Vec::new();
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.splitn(9, ',').collect();
        let (cell, simulated_s) = (fields[..4].join(","), fields[5].parse().unwrap());
        let span: u64 = fields[7].parse().unwrap();
        assert!(
            !fields[8].contains("unexplained") && !fields[8].is_empty(),
            "{line}"
        );
        match cells.last_mut().filter(|last| last.0 == cell) {
            Some(last) => last.2 += span,
            None => cells.push((cell, simulated_s, span)),
        }
    }
    assert_eq!(cells.len(), 11 + 12);
    for (cell, simulated_s, span_ns) in cells {
        // The column has three decimals.
        assert!(
            (simulated_s - span_ns as f64 / 1e9).abs() <= 0.000_501,
            "{cell}"
        );
    }
}

#[test]
fn rows_for_programs_have_events_parts_and_bars() {
    let csv = printed(&["explain", "scenarios/paper/n2t.toml", "--format", "csv"]);
    let count = |row: &str| csv.lines().filter(|line| line.starts_with(row)).count();
    assert!(count("event,") > 15 && count("part,") > 15 && count("bar,") > 15);
    let function = csv
        .lines()
        .filter(|line| line.starts_with("part,mail,web,function,"));
    let spans = function.map(|line| line.split(',').nth(5).unwrap().parse::<u64>().unwrap());
    assert_eq!(spans.sum::<u64>(), 8_250_000_000);
    let json = printed(&["explain", "scenarios/paper/n2t.toml", "--format", "json"]);
    assert!(json.contains("\"parameters\": \"judgement_max\""));
}

#[test]
fn the_timeline_is_written_as_both_kinds_of_picture() {
    let out = folder("explain-out").join("new");
    printed(&["explain", "scenarios/paper/s1t.toml", "--out", arg(&out)]);
    let svg = fs::read_to_string(out.join("s1t.svg")).unwrap();
    assert!(svg.contains("<svg"));
    assert!(svg.contains("clients of web"));
    assert!(
        fs::read(out.join("s1t.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
}

#[test]
fn wrong_usage_is_told_in_one_line_and_leaves_with_2() {
    let folder = folder("explain-wrong");
    let file = folder.join("in-the-way");
    fs::write(&file, "not a folder").unwrap();
    let in_the_way = arg(&file);
    let cases: &[&[&str]] = &[
        &["explain", "scenarios/paper/none.toml"],
        &["explain", "scenarios/paper"],
        &["explain", in_the_way],
        &["explain", "scenarios/paper/s2t.toml", "--out", in_the_way],
    ];
    for case in cases {
        refusal(case);
    }
    for case in [&["explain"][..], &["explain", "a.toml", "--decomposition"]] {
        assert_eq!(run(case).status.code(), Some(2), "{case:?}");
    }
}
