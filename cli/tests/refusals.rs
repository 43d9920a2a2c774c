//! Bad input: one helpful line, exit code 2, nothing half-written.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use common::{arg, refusal, tetrarch, texts};
use proptest::prelude::*;

const SCENARIO: &str = r#"name = "a"
purpose = "b"
group = ["mail", "web", "ftp"]
duration = "60s"
[[fault]]
at = "6s"
trouble = "S1t"
server = "web"
"#;

#[test]
fn bad_scenarios_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    let group = r#"["mail", "web", "ftp"]"#;
    for (from, to, place) in [
        (
            "name =",
            "nmae =",
            ":1:1: unknown field `nmae`, expected one of `name`, ",
        ),
        ("\"60s\"", "\"60 parsecs\"", ":4:12: duration is"),
        ("\"60s\"", "\"-60s\"", ":4:12: duration is"),
        ("\"60s\"", "\"9999999999d\"", ":4:12: duration is"),
        (group, "[]", ":3:9: group is"),
        (group, r#"["a", "b", "a"]"#, ":3:20: "),
        (
            group,
            r#"["a","c","e","g","i","k","m","o","q"]"#,
            ":3:9: group is",
        ),
        ("server = \"web\"", "server = \"www\"", ":8:10: server is"),
        ("at = \"6s\"", "at = \"61s\"", ":6:6: at is"),
        (
            "[[fault]]",
            "timing = \"none.toml\"\n[[fault]]",
            ":5:10: the timing file",
        ),
    ] {
        assert!(SCENARIO.contains(from), "{from}");
        fs::write(&file, SCENARIO.replacen(from, to, 1)).unwrap();
        for command in [
            &["simulate", arg(&file)][..],
            &["scenarios", arg(folder.path())],
        ] {
            let line = refusal(command);
            let wanted = format!("error: {}{place}", file.display());
            assert!(line.starts_with(&wanted), "{line}\n{wanted}");
        }
    }
}

#[test]
fn timing_files_in_a_circle_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
    fs::write(&a, "base = \"b.toml\"\n").unwrap();
    fs::write(&b, "base = \"a.toml\"\n").unwrap();
    assert!(refusal(&["timing", arg(&a)]).contains("the timing files form a circle"));
}

#[test]
fn garbage_folders_and_missing_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.toml");
    fs::write(&garbage, [0xff, 0x00, 0xfe, b'\n', 0x80]).unwrap();
    let missing = folder.path().join("missing");
    let (garbage, missing, folder) = (arg(&garbage), arg(&missing), arg(folder.path()));
    for path in [garbage, missing, folder] {
        for command in [
            &["simulate", path][..],
            &["timing", path],
            &["data", "from-toml", path, "--out", "/nonexistent/never"],
            &["data", "check", path],
        ] {
            let line = refusal(command);
            assert!(line.starts_with(&format!("error: {path}")), "{line}");
        }
    }
    for command in [
        &["scenarios", missing][..],
        &["check", "--results", missing],
        &["check", "--results", garbage],
        &["check", "--scenarios", missing],
    ] {
        assert!(
            refusal(command).contains("cannot read this folder"),
            "{command:?}"
        );
    }
}

#[test]
fn what_never_ends_is_not_read_to_its_end() {
    for command in [
        &["simulate", "/dev/zero"][..],
        &["data", "show", "/dev/zero"],
        &[
            "data",
            "from-toml",
            "/dev/zero",
            "--out",
            "/nonexistent/never",
        ],
    ] {
        let line = refusal(command);
        assert!(
            line.starts_with("error: /dev/zero: is too large; "),
            "{line}"
        );
    }
}

#[test]
fn bad_management_data_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let good = "10.0.0.101\na\n10.0.0.1\n52:54:00:00:00:01\nhttpd\nab\n/vm/a.xml\n";
    let file = folder.path().join("a.dat");
    for (from, to, place) in [
        (
            "10.0.0.1\n",
            "10.0.0\n",
            ":3: address of the target: expected",
        ),
        ("httpd\n", "\n", ":5: expected the service daemons"),
        ("/vm/a.xml\n", "", ":7: expected the address or definition"),
        ("/vm/a.xml\n", "/vm/a.xml\nmore\n", ":8: expected the end"),
    ] {
        fs::write(&file, good.replacen(from, to, 1)).unwrap();
        let line = refusal(&["data", "check", arg(&file)]);
        assert!(
            line.starts_with(&format!("error: {}{place}", file.display())),
            "{line}"
        );
    }
    fs::write(&file, good).unwrap();
    fs::write(
        folder.path().join("b.dat"),
        good.replace("101", "102").replace("\na\n", "\nb\n"),
    )
    .unwrap();
    let line = refusal(&["data", "check", arg(folder.path())]);
    assert!(
        line.contains("b.dat:3: expected a value of its own"),
        "{line}"
    );
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(refusal(&["data", "check", arg(&empty)]).contains("has no .dat file"));
}

#[test]
fn a_bad_group_file_is_refused_with_line_and_column_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (toml, out) = (folder.path().join("g.toml"), folder.path().join("out"));
    let server = "[[server]]\nhost = \"a\"\nvip = \"10.0.0.101\"\naddress = \"10.0.0.1\"\n\
                  mac = \"52:54:00:00:00:01\"\nservices = [\"httpd\"]\nvirtual_name = \"ab\"\n\
                  virtual_server = \"/vm/a.xml\"\n";
    for (text, place) in [
        (server.replace("mac", "mca"), ":5:1: "),
        (server.replace("10.0.0.101", "10.0"), ":3:7: "),
        (server.replace("\"httpd\"", "\"ht tpd\""), ":6:12: "),
        (server.replace("[\"httpd\"]", "[]"), ":6:12: "),
        (server.replace("[\"httpd\"]", "7"), ":6:12: "),
        (server.to_owned(), ":1:1: expected 2 to 8 members, found 1"),
        (server.repeat(2), ":11:7: expected a value of its own"),
        ("=".to_owned(), ":1:1: "),
    ] {
        fs::write(&toml, text).unwrap();
        let line = refusal(&["data", "from-toml", arg(&toml), "--out", arg(&out)]);
        assert!(
            line.starts_with(&format!("error: {}{place}", toml.display())),
            "{line}"
        );
        assert!(!out.exists());
    }
}

#[test]
fn wrong_usage_is_refused() {
    let scenario = "scenarios/paper/s1t.toml";
    for args in [
        &[][..],
        &["bogus"],
        &["simulate"],
        &["simulate", scenario, "--runs", "0"],
        &["simulate", scenario, "--groups", "-1"],
        &["simulate", scenario, "--runs", "2", "--groups", "2"],
        &["simulate", scenario, "--runs", "2", "--trace", "-"],
        &["simulate", scenario, "--threads", "0"],
        &["simulate", scenario, "--duration", "5"],
        &["simulate", scenario, "--duration", "-5s"],
        &["reproduce", "--format", "xml"],
        &["check", "--tolerance", "-1"],
        &["check", "--tolerance", "NaN"],
        &["check", "--tolerance", "0.1", "--update"],
        &["completions", "tcl"],
    ] {
        let (out, err) = texts(args, 2);
        assert!(out.is_empty() && !err.is_empty(), "{args:?}");
    }
    assert!(
        refusal(&["simulate", scenario, scenario, "--trace", "-"]).contains("expected one FILE")
    );
    let line = refusal(&["simulate", scenario, "--duration", "5s"]);
    assert!(line.contains("the fault of line"), "{line}");
    assert!(refusal(&["simulate", scenario, "--duration", "0s"]).contains("more than 0s"));
    assert!(refusal(&["simulate", scenario, "--duration", "400d"]).contains("at most 366d"));
}

#[test]
fn an_unwritable_place_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let inside = file.join("inside");
    let scenario = "scenarios/paper/s1t.toml";
    for args in [
        &["reproduce", "--out", arg(&file)][..],
        &["reproduce", "--out", arg(&inside)],
        &["reproduce", "--out", "/proc/nowhere"],
        &["man", "--out", arg(&file)],
        &["simulate", scenario, "--trace", arg(folder.path())],
        &["simulate", scenario, "--trace", arg(&inside)],
        &["check", "--junit", arg(folder.path())],
        &["check", "--update", "--results", arg(&file)],
    ] {
        let (_, err) = texts(args, 2);
        assert!(
            err.starts_with("error: ") && err.matches('\n').count() == 1,
            "{args:?} {err}"
        );
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(names(folder.path()), ["file"]);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for args in [
        &["simulate", "scenarios/paper/s2t.toml", "--trace", "-"][..],
        &["reproduce", "--format", "csv", "-q"],
        &["timing"],
        &["completions", "bash"],
    ] {
        let mut child = tetrarch(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?} {err}");
        assert_eq!(err, "", "{args:?}");
    }
}

proptest! {
    // Each case is a process, so there are few of them; the libraries' parsers have tests of their own.
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_bytes_give_an_answer_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        fs::write(&file, &bytes).unwrap();
        let out = folder.path().join("out");
        refusal(&["simulate", arg(&file)]);
        refusal(&["data", "from-toml", arg(&file), "--out", arg(&out)]);
        refusal(&["data", "check", arg(&file)]);
        prop_assert!(!out.exists());
    }
}
