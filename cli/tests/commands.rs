//! What each command prints and writes when all is well.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;

use common::{arg, run, tetrarch, text, texts};

/// Every command, in the order of the help.
const COMMANDS: [&str; 13] = [
    "reproduce",
    "simulate",
    "explain",
    "replay",
    "check",
    "swarm",
    "verify",
    "timing",
    "data",
    "scenarios",
    "completions",
    "man",
    "order",
];

#[test]
fn reproduce_prints_both_figures_and_that_they_are_accurate() {
    let (out, err) = texts(&["reproduce"], 0);
    assert_eq!(err, "");
    for line in [
        "fig6: 11 of 11 inside, 0 not simulated",
        "fig7: 12 of 12 inside, 0 not simulated",
        "S2t      web     function               9.3",
        "fig7: 42 more cells have no published number",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    assert!(!out.contains("NOT OK"), "{out}");
    // The tables fit a terminal as narrow as most; the summary beneath is prose.
    let is_row = |line: &&str| line.contains(" inside") && !line.contains(": ");
    let rows: Vec<&str> = out.lines().filter(is_row).collect();
    assert_eq!(rows.len(), 23);
    assert!(rows.iter().all(|row| row.len() <= 80), "{out}");
    assert_eq!(texts(&["reproduce", "--quiet"], 0), (out, String::new()));
}

#[test]
fn reproduce_writes_the_tables_with_the_promised_columns() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b");
    texts(&["reproduce", "--out", arg(&out)], 0);
    let lines = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(out.join(name)).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    let header = "figure,trouble,server,metric,published_s,simulated_s,error_s";
    // Four troubles of one server; nine pairs of two servers; 6 pairs of servers with 16 pairs of troubles.
    for (name, cells) in [
        ("fig6.csv", 4 * 3),
        ("fig7.csv", 9 * 2 * 3),
        ("pairs.csv", 6 * 16 * 2 * 3),
    ] {
        let lines = lines(name);
        assert_eq!(lines[0], header, "{name}");
        assert_eq!(lines.len(), 1 + cells, "{name}");
    }
    assert!(
        lines("fig6.csv")
            .iter()
            .any(|line| line.starts_with("fig6,S1t,web,function,,,"))
    );
    assert!(
        lines("fig7.csv")
            .iter()
            .any(|line| line.starts_with("fig7,S2t+N1t,mail,function,,"))
    );
    let is_prediction = |line: &String| {
        line.starts_with("prediction (adjacent),") || line.starts_with("prediction (opposite),")
    };
    assert!(lines("pairs.csv")[1..].iter().all(is_prediction));
    for name in ["fig6", "fig7"] {
        let svg = fs::read_to_string(out.join(format!("{name}.svg"))).unwrap();
        assert!(svg.contains("<svg") && svg.contains("</svg>"));
        let png = fs::read(out.join(format!("{name}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
    }
}

#[test]
fn the_same_command_gives_the_same_bytes() {
    for args in [
        &["reproduce", "--format", "csv"][..],
        &["reproduce", "--format", "json"],
        &["simulate", "scenarios/paper/n2t.toml", "--trace", "-"],
        &["timing", "--format", "json"],
        &["scenarios", "scenarios/paper"],
    ] {
        assert_eq!(run(args).stdout, run(args).stdout, "{args:?}");
    }
    let repeated = |threads: &str| {
        let args = [
            "simulate",
            "scenarios/paper/s2t.toml",
            "--runs",
            "20",
            "--seed",
            "7",
        ];
        run(&[&args[..], &["--threads", threads]].concat()).stdout
    };
    assert_eq!(repeated("1"), repeated("3"));
}

#[test]
fn simulate_prints_times_and_expectations() {
    let (out, _) = texts(&["simulate", "scenarios/paper/s2t.toml"], 0);
    assert!(
        out.contains("3 of 3 expectations met, no invariant broken"),
        "{out}"
    );
    let (json, _) = texts(
        &["simulate", "scenarios/paper/s2t.toml", "--format", "json"],
        0,
    );
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read[0]["servers"][0]["server"], "web");
    assert_eq!(read[0]["expectations"], 3);
    let (csv, _) = texts(
        &["simulate", "scenarios/paper/s2t.toml", "--format", "csv"],
        0,
    );
    assert!(csv.starts_with("file,server,struck_at_s,"), "{csv}");
}

#[test]
fn an_unmet_expectation_is_named_and_gives_exit_code_1() {
    let args = ["simulate", "scenarios/paper/s2t.toml", "--duration", "10s"];
    let (out, _) = texts(&args, 1);
    assert!(
        out.contains("scenarios/paper/s2t.toml:24: expected a function time of web of at least 9s"),
        "{out}"
    );
    assert!(out.contains("0 of 3 expectations met"), "{out}");
    for extra in [&["--format", "csv"][..], &["--trace", "-"]] {
        let (_, err) = texts(&[&args[..], extra].concat(), 1);
        assert!(err.contains("found: no such time"), "{err}");
    }
}

#[test]
fn the_trace_goes_to_a_file_or_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s1t.trace");
    let scenario = "scenarios/paper/s1t.toml";
    texts(&["simulate", scenario, "--trace", arg(&file)], 0);
    let (out, _) = texts(&["simulate", scenario, "--trace", "-"], 0);
    assert_eq!(fs::read_to_string(file).unwrap(), out);
    assert!(out.contains("web      world Trouble(S1t)"), "{out}");
}

#[test]
fn fleets_and_repeats_print_one_line_each() {
    let (out, err) = texts(
        &[
            "simulate",
            "scenarios/paper/s2t.toml",
            "--groups",
            "40",
            "--format",
            "csv",
        ],
        0,
    );
    assert!(out.contains("s2t.toml,40,160,300.000,"), "{out}");
    assert!(err.contains("million events/s"), "{err}");
    let (out, err) = texts(
        &[
            "simulate",
            "scenarios/paper/s2t.toml",
            "--runs",
            "5",
            "--seed",
            "3",
            "--format",
            "json",
        ],
        0,
    );
    let read: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&read[0]["runs"], &read[0]["seed"]), (&5.into(), &3.into()));
    assert!(err.contains("seed 3"), "{err}");
}

#[test]
fn timing_prints_every_parameter_with_its_evidence() {
    let (out, _) = texts(&["timing"], 0);
    assert!(
        out.contains("server_start = \"44.3s\"  (Table 1)\n    From power-on"),
        "{out}"
    );
    assert_eq!(out.matches("(inferred)").count(), 5);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("slow.toml");
    fs::write(&file, "inter_monitoring = \"20s\"\n").unwrap();
    let (out, _) = texts(&["timing", arg(&file)], 0);
    assert!(out.contains("inter_monitoring = \"20s\"  (Table 1; 10s in the paper's system)"));
    let (out, _) = texts(&["timing", "--sensitivity", "--format", "csv"], 0);
    assert!(
        out.contains("server_start,fig6,N2t,web,target,155.300,-4.430,4.430"),
        "{out}"
    );
}

const GROUP: &str = r#"[[server]]
host = "server1"
vip = "172.21.14.201"
address = "172.21.14.1"
mac = "52:54:00:12:34:56"
services = ["postfix", "dovecot"]
virtual_name = "server1b"
virtual_server = "/vm/server1b.xml"

[[server]]
host = "server2"
vip = "172.21.14.202"
address = "172.21.14.2"
mac = "52:54:00:12:34:57"
services = ["httpd"]
virtual_name = "server2b"
virtual_server = "172.21.14.12"
"#;

#[test]
fn a_group_goes_from_toml_to_files_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (toml, data) = (folder.path().join("group.toml"), folder.path().join("data"));
    fs::write(&toml, GROUP).unwrap();
    texts(&["data", "from-toml", arg(&toml), "--out", arg(&data)], 0);
    assert_eq!(
        fs::read_to_string(data.join("server1.dat")).unwrap(),
        "172.21.14.201\nserver1\n172.21.14.1\n52:54:00:12:34:56\npostfix dovecot\nserver1b\n/vm/server1b.xml\n"
    );
    let (_, err) = texts(&["data", "check", arg(&data)], 0);
    assert!(
        err.contains("2 files are right, and make one group"),
        "{err}"
    );
    assert_eq!(texts(&["data", "to-toml", arg(&data)], 0).0, GROUP);
    let (out, _) = texts(
        &[
            "data",
            "show",
            arg(&data.join("server2.dat")),
            "--format",
            "csv",
        ],
        0,
    );
    assert!(
        out.contains(",5,service daemons of the target,httpd\n"),
        "{out}"
    );
}

#[test]
fn scenarios_are_listed_with_their_purposes() {
    let (out, _) = texts(&["scenarios"], 0);
    assert!(
        out.contains("scenarios/paper/s2t.toml: S2t on web\n    One server in trouble"),
        "{out}"
    );
    let (out, _) = texts(&["scenarios", "scenarios/paper", "--format", "json"], 0);
    let read: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(read.as_array().unwrap().len(), 13);
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let (bash, _) = texts(&["completions", "bash"], 0);
    let (man, _) = texts(&["man"], 0);
    let folder = tempfile::tempdir().unwrap();
    texts(&["man", "--out", arg(folder.path())], 0);
    for command in COMMANDS {
        assert!(bash.contains(command) && man.contains(command), "{command}");
        let page = folder.path().join(format!("tetrarch-{command}.1"));
        assert!(
            fs::read_to_string(page).unwrap().contains(".TH"),
            "{command}"
        );
    }
    assert!(folder.path().join("tetrarch-data-from-toml.1").is_file());
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let escapes = |output: &std::process::Output| text(&output.stdout).contains('\u{1b}');
    assert!(!escapes(&run(&["reproduce"])));
    assert!(!escapes(&run(&["reproduce", "--color", "never"])));
    assert!(escapes(&run(&["reproduce", "--color", "always"])));
    // NO_COLOR speaks about the default; whoever says `always` on the command line means it.
    let mut command = tetrarch(&["reproduce"]);
    assert!(!escapes(
        &command
            .env("NO_COLOR", "1")
            .env("CLICOLOR_FORCE", "0")
            .output()
            .unwrap()
    ));
    let mut forced = tetrarch(&["reproduce"]);
    assert!(escapes(
        &forced.env("CLICOLOR_FORCE", "1").output().unwrap()
    ));
    let mut both = tetrarch(&["reproduce"]);
    both.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert!(!escapes(&both.output().unwrap()));
}

#[test]
fn verify_tells_what_holds_and_what_does_not() {
    let (out, _) = texts(&["verify", "--ring", "2"], 0);
    assert!(out.contains("every property holds"), "{out}");
    let folder = tempfile::tempdir().unwrap();
    let out_folder = arg(folder.path());
    let cut = ["verify", "--ring", "2", "--faults", "1,cut"];
    let (out, _) = texts(&[&cut[..], &["--out", out_folder]].concat(), 1);
    assert!(
        out.contains("BROKEN: one-holder") && out.contains("FAULT: "),
        "{out}"
    );
    let file = folder.path().join("one-holder.toml");
    let (out, _) = texts(&["simulate", arg(&file)], 0);
    assert!(out.contains("1 of 1 expectations met"), "{out}");
    let (json, _) = texts(&[&cut[..], &["--format", "json"]].concat(), 1);
    assert!(json.contains("\"property\": \"one-holder\""), "{json}");
    texts(
        &[
            "verify",
            "--ring",
            "4",
            "--faults",
            "2,all",
            "--time-limit",
            "0",
        ],
        2,
    );
    for wrong in [
        ["--ring", "1"],
        ["--ring", "9"],
        ["--faults", "1,fire"],
        ["--threads", "0"],
        ["--threads", "1025"],
        ["--time-limit", "18446744073709551615"],
    ] {
        texts(&[&["verify"][..], &wrong].concat(), 2);
    }
}

#[test]
fn every_help_has_examples_that_fit_80_columns() {
    for command in COMMANDS {
        let help = |columns: &str| {
            let mut asked = tetrarch(&[command, "--help"]);
            text(&asked.env("COLUMNS", columns).output().unwrap().stdout)
        };
        let examples = |help: &str| help.find("Examples:").map(|at| help[at..].to_owned());
        let narrow = help("80");
        assert!(narrow.lines().all(|line| line.len() <= 80), "{narrow}");
        // What is broken at 80 columns stands on one line at 100.
        assert!(examples(&narrow).is_some(), "{command}");
        assert_eq!(examples(&narrow), examples(&help("100")), "{command}");
    }
    let (out, _) = texts(&["--help"], 0);
    assert!(out.contains("Examples:") && out.contains("Exit codes:"));
}
