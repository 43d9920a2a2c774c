use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::status::{ServerStatus, Target};

fn ring() -> Vec<String> {
    ["mail", "we\"b"].map(str::to_owned).into()
}

fn status() -> Status {
    let server = |place: usize| ServerStatus {
        server: place,
        member: true,
        p1: Some(1 - place),
        p2: None,
        host: Some(place),
        host_age_s: 1.0,
        maintenance: place == 1,
        away: false,
        served_here: place == 1,
        heard_age_s: Some(0.25),
        kind: None,
        event: None,
        event_age_s: None,
    };
    Status {
        me: 0,
        up_s: 12.5,
        managing: true,
        holds_own_address: true,
        frozen: true,
        finds_no_taker: false,
        targets: vec![Target {
            server: 1,
            priority: 1,
            recovering: true,
        }],
        servers: vec![server(0), server(1)],
        stale_results: 3,
    }
}

fn everything() -> String {
    let (ring, status) = (ring(), status());
    let mut counts = Counts::default();
    counts.kinds.insert(Kind::Served, 2);
    render(&Figures {
        ring: &ring,
        executer: "running",
        status: Some(&status),
        counts: &counts,
        notifications: Some(Notifications {
            taken: 5,
            failed: 1,
            pending: 2,
        }),
        certificate_end: Some(2_000_000_000),
    })
}

/// The name, the labels and the value of a line.
type Sample = (String, Vec<(String, String)>, f64);

/// The samples of a text, each with its labels, or why it is none. This reads the format as its
/// specification has it and not as it is written above.
fn parse(text: &str) -> Result<Vec<Sample>, String> {
    let (mut typed, mut samples) = (BTreeSet::new(), Vec::new());
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, _) = rest.split_once(' ').ok_or(line)?;
            if !typed.insert(name.to_owned()) {
                return Err(format!("a second {name}"));
            }
            name.clone_into(&mut family);
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let (name, rest) = line.split_at(line.find(['{', ' ']).ok_or(line)?);
        if name != family {
            return Err(format!("{name} among {family}"));
        }
        let mut labels = Vec::new();
        let mut rest = rest;
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            loop {
                let (label, value) = rest.split_once("=\"").ok_or(line)?;
                let mut text = String::new();
                let mut chars = value.char_indices();
                let end = loop {
                    match chars.next().ok_or(line)? {
                        (at, '"') => break at,
                        (_, '\\') => match chars.next().ok_or(line)?.1 {
                            'n' => text.push('\n'),
                            other => text.push(other),
                        },
                        (_, other) => text.push(other),
                    }
                };
                labels.push((label.to_owned(), text));
                rest = &value[end + 1..];
                match rest.split_at_checked(1).ok_or(line)? {
                    (",", more) => rest = more,
                    ("}", more) => break rest = more,
                    _ => return Err(line.to_owned()),
                }
            }
        }
        let value = rest.strip_prefix(' ').ok_or(line)?;
        let value = value.parse().map_err(|_| line.to_owned())?;
        samples.push((name.to_owned(), labels, value));
    }
    Ok(samples)
}

fn value(samples: &[Sample], name: &str, label: &str) -> Option<f64> {
    let is_it = |labels: &[(String, String)]| labels.iter().any(|(_, text)| text == label);
    let mut found = samples.iter();
    let found = found.find(|(one, labels, _)| one == name && (label.is_empty() || is_it(labels)));
    found.map(|(_, _, value)| *value)
}

#[test]
fn the_text_says_what_there_is() {
    let samples = parse(&everything()).unwrap();
    for (name, label, expected) in [
        ("tetrarch_build_info", env!("CARGO_PKG_VERSION"), 1.0),
        ("tetrarch_executer_phase", "running", 1.0),
        ("tetrarch_managing", "", 1.0),
        ("tetrarch_agent_uptime_seconds", "", 12.5),
        ("tetrarch_stale_results_total", "", 3.0),
        ("tetrarch_virtual_server_serving", "mail", 0.0),
        ("tetrarch_virtual_server_serving", "we\"b", 1.0),
        ("tetrarch_heard_age_seconds", "we\"b", 0.25),
        ("tetrarch_recovering", "we\"b", 1.0),
        ("tetrarch_events_total", "served", 2.0),
        ("tetrarch_events_total", "given-up", 0.0),
        ("tetrarch_notifications_pending", "", 2.0),
        ("tetrarch_notification_failures_total", "", 1.0),
    ] {
        assert_eq!(
            value(&samples, name, label),
            Some(expected),
            "{name} {label}"
        );
    }
}

#[test]
fn what_is_unknown_is_absent_and_not_zero() {
    let (ring, counts) = (ring(), Counts::default());
    let text = render(&Figures {
        ring: &ring,
        executer: "stopped",
        status: None,
        counts: &counts,
        notifications: None,
        certificate_end: None,
    });
    let samples = parse(&text).unwrap();
    assert_eq!(value(&samples, "tetrarch_managing", ""), Some(0.0));
    for absent in [
        "tetrarch_own_address_held",
        "tetrarch_member",
        "tetrarch_notifications_pending",
    ] {
        assert_eq!(value(&samples, absent, ""), None, "{absent}");
    }
}

/// Prometheus' own opinion, where its tool is installed; CI demands that.
#[test]
fn promtool_finds_nothing_to_remark() {
    let begun = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut tool = match begun {
        Ok(tool) => tool,
        Err(why) if std::env::var_os("TETRARCH_REQUIRE_REAL").is_none() => {
            // Standard error is where a test says that it has not tested.
            let _ = writeln!(std::io::stderr(), "skipped: promtool: {why}");
            return;
        }
        Err(why) => panic!("promtool: {why}"),
    };
    let mut input = tool.stdin.take().unwrap();
    input.write_all(everything().as_bytes()).unwrap();
    drop(input);
    let ended = tool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn the_dashboard_asks_for_metrics_that_there_are() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../packaging/grafana/tetrarch.json"
    );
    let dashboard: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let samples = parse(&everything()).unwrap();
    let known: BTreeSet<&str> = samples.iter().map(|(name, _, _)| name.as_str()).collect();
    let mut asked = BTreeSet::new();
    let mut open = vec![&dashboard];
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::Array(all) => open.extend(all),
            serde_json::Value::Object(map) => {
                open.extend(map.values());
                let query = map.get("expr").and_then(serde_json::Value::as_str);
                let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
                let words = query.unwrap_or_default().split(is_end);
                asked.extend(words.filter(|word| word.starts_with("tetrarch_")));
            }
            _ => {}
        }
    }
    let unknown: Vec<_> = asked.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(asked.len() >= 8, "{asked:?}");
}
