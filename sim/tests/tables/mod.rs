//! The generated tables of the documents, as Markdown.
#![allow(unreachable_pub)]

mod costs;
mod partitions;

use std::fmt::Write;
use std::path::Path;

use tetrarch_core::{Span, Time};
use tetrarch_sim::parameters::{Parameters, Source, TABLE, UnitKind, Value};
use tetrarch_sim::reproduce::{Table, simulate};
use tetrarch_sim::run::run_with;
use tetrarch_sim::scenario::{Metric, Scenario};
use tetrarch_sim::sensitivity::{Change, Row, sensitivity};

use crate::experiments::{FIG6, FIG7, Published, simulated_s};

pub use costs::costs;
pub use partitions::partitions;

pub fn figure_6() -> String {
    figure(Table::Fig6, &FIG6)
}

pub fn figure_7() -> String {
    figure(Table::Fig7, &FIG7)
}

fn figure(table: Table, published: &[Published]) -> String {
    let all = simulate(table, &Parameters::paper()).unwrap();
    let mut text = String::from(
        "| trouble | server | time | published, s | simulated, s | error, s |\n\
         |---|---|---|--:|--:|--:|\n",
    );
    let mut total = 0.0;
    let mut worst = 0.0_f64;
    for cell in published {
        let (trouble, server, metric, published_s) = *cell;
        let found = simulated_s(&all, *cell).unwrap();
        let error = found - published_s;
        let trouble = match table {
            Table::Fig6 => trouble.name().to_owned(),
            _ => format!("{0} + {0}", trouble.name()),
        };
        let metric = metric.name();
        writeln!(
            text,
            "| {trouble} | {server} | {metric} | {published_s:.1} | {found:.2} | {error:+.2} |"
        )
        .unwrap();
        total += error.abs();
        worst = worst.max(error.abs());
    }
    let mean = total / published.len() as f64;
    writeln!(
        text,
        "\nMean absolute error {mean:.3} s, largest {worst:.2} s."
    )
    .unwrap();
    text
}

/// The parameters from these sources, with their values in the paper's system.
pub fn parameters(sources: &[Source]) -> String {
    let mut text =
        String::from("| key | value | source | meaning | evidence |\n|---|--:|---|---|---|\n");
    for row in TABLE.iter().filter(|row| sources.contains(&row.source)) {
        let (key, value, source) = (row.key, row.paper(), row.source);
        let (meaning, evidence) = (row.meaning, row.evidence);
        writeln!(
            text,
            "| `{key}` | {value} | {source} | {meaning} | {evidence} |"
        )
        .unwrap();
    }
    text
}

/// A time of an experiment as whole nanoseconds; a disconnection as the instant at which the
/// function is back, which unlike the clients' mean moves smoothly.
fn time_ns(cell: &Published, paired: bool, parameters: &Parameters) -> i64 {
    let (trouble, server, metric, _) = *cell;
    let name = trouble.name().to_ascii_lowercase();
    let file = if paired {
        format!("pair-{name}-{name}.toml")
    } else {
        format!("{name}.toml")
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/paper");
    let scenario = Scenario::load(folder.join(file)).unwrap();
    let place = scenario
        .group
        .iter()
        .position(|name| name == server)
        .unwrap();
    let run = run_with(&scenario, parameters, 1).unwrap();
    let span = match metric {
        Metric::Disconnection => run.outages[place][0].to.unwrap() - Time::ZERO,
        _ => run.measured[place].get(metric).unwrap(),
    };
    i64::try_from(span.as_nanos()).unwrap()
}

/// How often each duration counts in a time, found by making it a millisecond longer.
fn terms(cell: &Published, paired: bool) -> Vec<(&'static str, f64, f64)> {
    const STEP_NS: i64 = 1_000_000;
    let nominal = time_ns(cell, paired, &Parameters::paper());
    let mut terms = Vec::new();
    for row in TABLE.iter().filter(|row| row.unit == UnitKind::Duration) {
        let mut parameters = Parameters::paper();
        let value = row.paper().amount();
        let longer = Span::from_nanos(value + STEP_NS.unsigned_abs());
        row.set(&mut parameters, Value::Duration(longer)).unwrap();
        parameters.validate().unwrap();
        let times = (time_ns(cell, paired, &parameters) - nominal) as f64 / STEP_NS as f64;
        if times != 0.0 {
            terms.push((row.key, times, value as f64 / 1e9));
        }
    }
    terms
}

/// For each published time the parameters that it consists of.
pub fn decomposition() -> String {
    let mut text = String::from(
        "| trouble | server | time | simulated, s | consists of |\n|---|---|---|--:|---|\n",
    );
    // Both servers of a simulated pair are alike, so FTP stands for mail too.
    let pairs = FIG7.iter().filter(|cell| cell.1 == "ftp");
    let all = FIG6
        .iter()
        .map(|cell| (cell, false))
        .chain(pairs.map(|cell| (cell, true)));
    for (cell, paired) in all {
        let (trouble, server, metric, _) = *cell;
        let table = if paired { Table::Fig7 } else { Table::Fig6 };
        let simulated = simulate(table, &Parameters::paper()).unwrap();
        let simulated = simulated_s(&simulated, *cell).unwrap();
        let mut sum = 0.0;
        let mut shown = String::new();
        for (key, times, value) in terms(cell, paired) {
            sum += times * value;
            let sign = if times < 0.0 { "-" } else { "+" };
            let times = times.abs();
            let times = if times == 1.0 {
                String::new()
            } else {
                format!("{times} × ")
            };
            write!(shown, " {sign} {times}`{key}`").unwrap();
        }
        let rest = simulated - sum;
        match metric {
            // What is left of a disconnection is the instant of the trouble, taken off, and the
            // clients' wait.
            Metric::Disconnection => write!(
                shown,
                " - 6 s (the trouble) + {:.3} s (the clients' mean wait)",
                rest + 6.0
            )
            .unwrap(),
            _ if rest.abs() > 1e-6 => write!(shown, " + {rest:.0} s (the trouble)").unwrap(),
            _ => {}
        }
        let (trouble, server, shown) = match (paired, shown.trim_start_matches(" + ")) {
            (false, shown) => (trouble.name().to_owned(), server, shown),
            (true, shown) => (format!("{0} + {0}", trouble.name()), "mail, ftp", shown),
        };
        let metric = metric.name();
        writeln!(
            text,
            "| {trouble} | {server} | {metric} | {simulated:.4} | {shown} |"
        )
        .unwrap();
    }
    text
}

/// How the published times move when each parameter moves by a tenth.
pub fn sensitivity_tables() -> String {
    let rows = sensitivity(10).unwrap();
    let of = |table: Table, server: &str| -> Vec<&Row> {
        rows.iter()
            .filter(|row| row.cell.table == table && row.cell.server == server)
            .collect()
    };
    let (mail, ftp) = (of(Table::Fig7, "mail"), of(Table::Fig7, "ftp"));
    let same = mail
        .iter()
        .zip(&ftp)
        .all(|(mail, ftp)| (&mail.down, &mail.up) == (&ftp.down, &ftp.up));
    assert!(same, "the table shows one of two servers that are alike");
    let mut text = String::from("Fig. 6, the web server:\n\n");
    text += &sensitivity_table(&of(Table::Fig6, "web"), 11);
    text += "\nFig. 7, the same trouble in mail and FTP at once; both move alike:\n\n";
    text += &sensitivity_table(&ftp, 6);
    let still: Vec<String> = rows
        .chunks(23)
        .filter(|rows| rows.iter().all(is_still))
        .map(|rows| format!("`{}`", rows[0].parameter))
        .collect();
    writeln!(text, "\nNo published time moves with {}.", still.join(", ")).unwrap();
    text
}

fn is_still(row: &Row) -> bool {
    row.down == Change::Moved(0) && row.up == Change::Moved(0)
}

fn sensitivity_table(rows: &[&Row], columns: usize) -> String {
    let mut text = String::from("| parameter, -10 % / +10 % |");
    for row in &rows[..columns] {
        let (trouble, metric) = (row.cell.trouble.name(), row.cell.metric.name());
        write!(text, " {trouble} {metric} |").unwrap();
    }
    text += "\n|---|";
    text += &"--:|".repeat(columns);
    text.push('\n');
    for rows in rows.chunks(columns) {
        if rows.iter().all(|row| is_still(row)) {
            continue;
        }
        write!(text, "| `{}` |", rows[0].parameter).unwrap();
        for row in rows {
            match is_still(row) {
                true => text += " |",
                false => write!(text, " {} / {} |", shown(&row.down), shown(&row.up)).unwrap(),
            }
        }
        text.push('\n');
    }
    text
}

/// Seconds with a sign; movements below a tenth of a millisecond with their power of ten.
fn shown(change: &Change) -> String {
    match change {
        Change::Moved(0) => "0".to_owned(),
        Change::Moved(ns) if ns.abs() < 1_000_000 => format!("{:+} µs", ns / 1_000),
        Change::Moved(ns) => format!("{:+.3}", *ns as f64 / 1e9),
        Change::Gone => "gone".to_owned(),
        Change::Refused(error) => format!("refused: {error}"),
    }
}
