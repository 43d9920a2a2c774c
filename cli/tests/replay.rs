//! `simulate --record` and `replay`: the same outputs, or which step differs, or what is damaged.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{arg, texts};
use tetrarch_core::{Config, Input, Members, Node, Outbox, Output, Span, Time};
use tetrarch_record::{Reader, Writer};

/// The records of a run in which the web server is restarted.
fn records() -> (tempfile::TempDir, impl Fn(&str) -> PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b");
    let scenario = "scenarios/paper/s2t.toml";
    let (printed, _) = texts(&["simulate", scenario, "--record", arg(&out)], 0);
    assert_eq!(texts(&["simulate", scenario], 0).0, printed);
    (folder, move |name: &str| out.join(name))
}

fn replay(file: &std::path::Path, extra: &[&str], code: i32) -> (String, String) {
    texts(&[&["replay", arg(file)], extra].concat(), code)
}

#[test]
fn every_life_has_its_record_and_replays() {
    let (_folder, record) = records();
    for name in ["mail-1", "web-1", "web-2", "ftp-1", "proxy-1"] {
        let file = record(&format!("{name}.rec"));
        let (out, err) = replay(&file, &[], 0);
        assert!(err.trim_end().ends_with("steps, as recorded"), "{err}");
        assert!(out.contains("Start { holding: "), "{out}");
    }
    let (out, _) = replay(&record("mail-1.rec"), &[], 0);
    for line in [
        "Detected { target: S2, trouble: Service }",
        "Served { function: S2 }",
        "S3: Sync { target: S2, ",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    let (csv, _) = replay(&record("mail-1.rec"), &["--format", "csv"], 0);
    assert!(csv.starts_with("step,at_s,kind,what\n1,0.000"), "{csv}");
    let (json, _) = replay(&record("mail-1.rec"), &["--format", "json", "--quiet"], 0);
    assert!(json.contains("\"kind\": \"input\""), "{json}");
}

#[test]
fn sentences_and_an_early_end_are_shorter() {
    let (_folder, record) = records();
    let extra = ["--explain", "--until", "13s"];
    let (out, err) = replay(&record("mail-1.rec"), &extra, 0);
    assert!(out.contains("S1 (P1) examines S2: the network is normal, the services fail"));
    assert!(
        !out.contains("S2b") && !out.contains("ExamineNetwork"),
        "{out}"
    );
    assert!(
        err.contains("as recorded, up to the time asked for"),
        "{err}"
    );
}

#[test]
fn records_are_not_written_over() {
    let (_folder, record) = records();
    let file = record("mail-1.rec");
    let before = fs::read(&file).unwrap();
    let folder = arg(file.parent().unwrap()).to_owned();
    let scenario = "scenarios/paper/n1t.toml";
    let (_, err) = texts(&["simulate", scenario, "--record", &folder], 2);
    assert!(
        err.contains("mail-1.rec: life 1 of S1: cannot write the record"),
        "{err}"
    );
    assert_eq!(fs::read(&file).unwrap(), before);
    let two = [scenario, "scenarios/paper/n2t.toml"];
    let (_, err) = texts(&["simulate", two[0], two[1], "--record", "x"], 2);
    assert!(err.contains("expected one FILE"), "{err}");
}

#[test]
fn changed_settings_end_where_they_matter() {
    let (_folder, record) = records();
    let same = ["--what-if", "judgement_max=30s", "--what-if", "job_max=1h"];
    let (_, err) = replay(&record("ftp-1.rec"), &same, 0);
    assert!(
        err.contains("steps, the same under the changed settings"),
        "{err}"
    );
    let (out, err) = replay(
        &record("mail-1.rec"),
        &["--what-if", "reexamination_wait=1s"],
        0,
    );
    assert!(
        err.contains("step 22 at 14.050 s is the first at which the changed settings matter"),
        "{err}"
    );
    assert!(out.contains("recorded: nothing is decided"), "{out}");
    assert!(
        out.trim_end()
            .ends_with("changed: ExamineServices { target: S2 }"),
        "{out}"
    );
    let until = ["--what-if", "reexamination_wait=1s", "--until", "14s"];
    let (out, err) = replay(&record("mail-1.rec"), &until, 0);
    assert!(
        !out.contains("changed: ") && err.contains("up to the time asked for"),
        "{err}"
    );
    for (wrong, expected) in [
        (
            "sync_grace",
            "expected a setting and its value, such as sync_grace=1s",
        ),
        ("server_start=1s", "expected one of inter_monitoring, "),
        ("sync_grace=1", "sync_grace=1"),
        ("sync_grace=0s", "sync_grace must be longer than zero"),
    ] {
        let (_, err) = replay(&record("ftp-1.rec"), &["--what-if", wrong], 2);
        assert!(err.contains(expected), "{err}");
    }
}

#[test]
fn torn_records_are_used_and_damaged_ones_refused() {
    let (_folder, record) = records();
    let file = record("mail-1.rec");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..2000]).unwrap();
    let (out, err) = replay(&file, &[], 0);
    assert!(out.contains("Detected { target: S2"), "{out}");
    assert!(err.contains("the record is torn at byte 19"), "{err}");

    let mut damaged = bytes.clone();
    damaged[2000] ^= 4;
    fs::write(&file, &damaged).unwrap();
    let (damaged_out, err) = replay(&file, &[], 2);
    assert!(
        err.contains("mail-1.rec: the record is damaged at byte 19"),
        "{err}"
    );
    assert_eq!(damaged_out, out, "what comes before the damage is the same");

    fs::write(&file, b"name = \"x\"").unwrap();
    let (out, err) = replay(&file, &[], 2);
    assert!(
        err.contains("expected a record, which begins with \"TETRAREC\""),
        "{err}"
    );
    assert_eq!(out, "");
    let (_, err) = replay(&record("none.rec"), &[], 2);
    assert!(err.contains("cannot read this record"), "{err}");
}

#[test]
fn a_step_that_differs_is_named() {
    let (_folder, record) = records();
    let file = record("mail-1.rec");
    let bytes = fs::read(&file).unwrap();
    // A record as a program would write it that is lost for words at the third step.
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    let config: Config = *reader.config();
    let mut writer = Writer::new(Vec::new(), &config, "tetrarch 9.9.9").unwrap();
    let (mut node, mut outbox) = (Node::new(config), Outbox::new());
    for number in 1.. {
        let Some(entry) = reader.next_entry().unwrap() else {
            break;
        };
        let Some(input) = entry.input else {
            break;
        };
        writer.input(entry.at, &input).unwrap();
        let mut step = node.step(entry.at, input, &mut outbox);
        let outputs: Vec<Output> = step.by_ref().collect();
        outputs
            .iter()
            .skip(usize::from(number == 3))
            .for_each(|output| writer.output(output));
        writer.decided(step.finish());
    }
    fs::write(&file, writer.finish().unwrap()).unwrap();
    let (out, err) = replay(&file, &[], 1);
    assert!(
        err.contains("mail-1.rec: step 3 at 0.000 s differs: "),
        "{err}"
    );
    assert!(
        err.contains("the record is of tetrarch 9.9.9, this is tetrarch "),
        "{err}"
    );
    assert!(!out.contains("\n4 "), "{out}");
}

#[test]
fn a_record_without_a_last_frame_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.rec");
    let (_folder, record) = records();
    let bytes = fs::read(record("web-1.rec")).unwrap();
    let reader = Reader::new(bytes.as_slice()).unwrap();
    let mut writer = Writer::new(Vec::new(), reader.config(), reader.software()).unwrap();
    let start = Input::Start {
        holding: true,
        serving: Members::NONE,
        silent: Span::MAX,
        left: Span::MAX,
    };
    writer.input(Time::ZERO, &start).unwrap();
    fs::write(&file, writer.sink()).unwrap();
    let (_, err) = replay(&file, &[], 0);
    assert!(err.contains("the record was not finished"), "{err}");
}
