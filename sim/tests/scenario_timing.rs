//! Timing files, overrides, and their chains.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tetrarch_core::Span;
use tetrarch_sim::scenario::Scenario;
use tetrarch_sim::units::Ratio;

const GOOD: &str = "name = \"n\"\npurpose = \"p\"\ngroup = [\"a\", \"c\"]\nduration = \"9s\"\n";

/// A folder with the good scenario, `timing` in its line 5, and further files.
fn folder(timing: &str, files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.toml"), format!("{GOOD}{timing}\n")).unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn changes(timing: &str, files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(timing, files);
    let scenario = Scenario::load(folder.path().join("s.toml"));
    let parameters = scenario
        .unwrap_or_else(|error| panic!("{error}"))
        .parameters;
    let changes = parameters.changes();
    changes
        .map(|row| format!("{}={}", row.key, row.get(&parameters)))
        .collect()
}

/// The error with the folder's own name taken out.
fn refusal(timing: &str, files: &[(&str, &str)]) -> String {
    let folder = folder(timing, files);
    let error = Scenario::load(folder.path().join("s.toml")).expect_err(timing);
    let prefix = format!("{}/", folder.path().display());
    error.to_string().replace(&prefix, "")
}

#[test]
fn the_paper_is_the_default_and_has_a_name() {
    assert!(changes("", &[]).is_empty());
    assert!(changes("timing = \"paper\"", &[]).is_empty());
    assert!(changes("timing = { base = \"paper\" }", &[]).is_empty());
}

#[test]
fn overrides_are_put_on_top_of_their_base() {
    let inner = "sync_grace = \"9s\"\njoin_wait = \"8s\"\nresume_shared = 0.5\n";
    let outer = "base = \"inner.toml\"\njoin_wait = \"7s\"\n";
    let files = [("t/inner.toml", inner), ("t/outer.toml", outer)];
    assert_eq!(
        changes("timing = \"t/outer.toml\"", &files),
        ["resume_shared=0.5", "sync_grace=9s", "join_wait=7s"]
    );
    let table =
        "[timing]\nbase = \"t/outer.toml\"\nresume_shared = \"1\"\nlink_rate = \"1 kbit/s\"";
    assert_eq!(
        changes(table, &files),
        [
            "link_rate=1 kbit/s",
            "resume_shared=1",
            "sync_grace=9s",
            "join_wait=7s"
        ]
    );
}

#[test]
fn an_inline_table_needs_no_folder() {
    let text = format!("{GOOD}timing = {{ server_start = \"40.0001s\", resume_shared = 1 }}");
    let scenario = Scenario::parse(&text, "s", Path::new("/nowhere")).unwrap();
    assert_eq!(
        scenario.parameters.server_start,
        Span::from_nanos(40_000_100_000)
    );
    assert_eq!(scenario.parameters.resume_shared, Ratio::WHOLE);
}

#[test]
fn two_files_may_share_a_base_but_a_circle_is_named() {
    let files = [
        ("a.toml", "base = \"t/b.toml\""),
        ("t/b.toml", "\nbase = \"./../a.toml\""),
    ];
    assert_eq!(
        refusal("timing = \"a.toml\"", &files),
        "t/b.toml:2:8: the timing files form a circle, \"s.toml\" -> \"a.toml\" -> \
         \"t/b.toml\" -> \"t/./../a.toml\"; expected a chain that ends at \"paper\""
    );
    assert_eq!(
        refusal("timing = \"a.toml\"", &[("a.toml", "base = \"a.toml\"")]),
        "a.toml:1:8: the timing files form a circle, \"s.toml\" -> \"a.toml\" -> \"a.toml\"; \
         expected a chain that ends at \"paper\""
    );
}

#[test]
fn a_missing_file_is_reported_where_it_is_named() {
    assert_eq!(
        refusal("timing = \"none.toml\"", &[]),
        "s.toml:5:10: the timing file \"none.toml\" cannot be read (No such file or directory \
         (os error 2)) (named by \"s.toml\"); expected \"paper\" or a TOML file"
    );
    let error = refusal("timing = \"a.toml\"", &[("a.toml", "base = \"none\"")]);
    assert!(
        error.starts_with("a.toml:1:8: the timing file \"none\" "),
        "{error}"
    );
    assert!(
        error.contains("(named by \"s.toml\" -> \"a.toml\")"),
        "{error}"
    );
    let error = refusal("timing = \".\"", &[]);
    assert!(
        error.starts_with("s.toml:5:10: ") && error.contains("is a directory"),
        "{error}"
    );
}

#[test]
fn values_are_refused_in_the_file_that_holds_them() {
    let expected_keys = "a.toml:2:1: unknown key \"seed\" in a timing file; expected one of \
                         server_start, server_restart, ";
    let error = refusal("timing = \"a.toml\"", &[("a.toml", "\nseed = 1")]);
    assert!(
        error.starts_with(expected_keys) && error.ends_with(", base"),
        "{error}"
    );
    assert_eq!(
        refusal("timing = \"a.toml\"", &[("a.toml", "server_start = 44.3")]),
        "a.toml:1:16: server_start is 44.3; \
         expected a duration with its unit, such as \"44.3s\" or \"1m30s\""
    );
    assert_eq!(
        refusal("timing = { link_rate = \"1 Gb\" }", &[]),
        "s.toml:5:24: link_rate is \"1 Gb\"; \
         expected a rate such as \"1 Gbit/s\" or \"100 Mbit/s\", but it has an unknown unit"
    );
    assert_eq!(
        refusal("[timing]\ninter_monitoring = \"0s\"", &[]),
        "s.toml:6:20: inter_monitoring is 0s; expected more than 0s and at most 86400s"
    );
    for flaw in ["1.5", "-0.1", "1e-1", "inf", "true"] {
        let error = refusal(&format!("timing = {{ resume_shared = {flaw} }}"), &[]);
        assert!(
            error.starts_with("s.toml:5:28: resume_shared is "),
            "{error}"
        );
    }
    let error = refusal("timing = 3", &[]);
    assert!(
        error.starts_with("s.toml:5:10: timing is 3; expected \"paper\", "),
        "{error}"
    );
    assert!(refusal("timing = \"\"", &[]).starts_with("s.toml:5:10: timing is \"\"; "));
}

#[test]
fn a_contradiction_is_reported_at_the_value_that_was_set() {
    let files = [("a.toml", "server_start = \"60s\"")];
    let error = refusal("timing = \"a.toml\"", &files);
    assert!(
        error.starts_with("a.toml:1:16: server_restart is 56.4s; expected at least "),
        "{error}"
    );
    let table = "timing = { base = \"a.toml\", server_restart = \"50s\" }";
    let error = refusal(table, &files);
    assert!(
        error.starts_with("s.toml:5:46: server_restart is 50s; expected at least "),
        "{error}"
    );
    let table = "timing = { base = \"a.toml\", server_restart = \"60s\" }";
    assert_eq!(
        changes(table, &files),
        ["server_start=60s", "server_restart=60s"]
    );
}
