//! What the runs gave: each time, the lab's own times, and published, simulated and measured side by side.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use tetrarch_core::{ServerId, Span, Time};
use tetrarch_report::published;
use tetrarch_report::{Figure, Metric as Column};
use tetrarch_sim::parameters::Parameters;
use tetrarch_sim::run::{Run, run_with};
use tetrarch_sim::scenario::{FaultAction, Metric, Scenario};
use tetrarch_sim::trace::{Entry, Line};
use tetrarch_sim::world::WorldEvent;

use super::lab_times::Changed;
use super::{Done, LiveError, lab_times, nodes};
use crate::group::Group;
use crate::outage::median;

/// How far a measured time may be from that of the simulator with the lab's own times: so many seconds, or
/// this share, whichever is more.
const TOLERANCE_S: f64 = 0.5;
const TOLERANCE_SHARE: f64 = 0.05;

const METRICS: [(Metric, Column); 3] = [
    (Metric::Function, Column::Function),
    (Metric::Target, Column::Target),
    (Metric::Disconnection, Column::Disconnection),
];

/// Prints the times of one run.
pub(super) fn print(done: &Done, group: &Group) {
    for (server, times) in group.servers.iter().zip(&done.measured) {
        if times.struck.is_none() {
            continue;
        }
        let cell = |metric| {
            times
                .get(metric)
                .map_or("-".to_owned(), |span| format!("{:.2}", span.as_secs_f64()))
        };
        println!(
            "{:18} run {:2} {:6}: function {:>6}, target {:>7}, disconnection {:>6}",
            done.name,
            done.run,
            server.name.to_string(),
            cell(Metric::Function),
            cell(Metric::Target),
            cell(Metric::Disconnection),
        );
    }
}

/// All runs so far, and what the lab's own times were in them.
pub(super) struct Report<'a> {
    done: &'a [Done],
    parameters: Parameters,
    changed: Vec<Changed>,
}

impl<'a> Report<'a> {
    pub(super) fn new(done: &'a [Done], servers: &Path) -> Result<Self, LiveError> {
        let mut samples: lab_times::Samples = Vec::new();
        for one in done {
            let from = one.lines.first().map_or(Time::ZERO, |line| line.at);
            let to = one.lines.last().map_or(Time::ZERO, |line| line.at);
            let mut told = Vec::new();
            for (server, name) in ServerId::all(one.scenario.group.len()).zip(&one.scenario.group) {
                let mut all = nodes::told(servers, name, server, from)?;
                all.jobs.retain(|job| job.end <= to);
                all.starts.retain(|&at| at <= to);
                told.push(all);
            }
            for (key, spans) in lab_times::samples(&told, &one.lines) {
                match samples.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, all)) => all.extend(spans),
                    None => samples.push((key, spans)),
                }
            }
        }
        let (parameters, changed) = lab_times::parameters(&samples);
        Ok(Self {
            done,
            parameters,
            changed,
        })
    }

    /// Writes all files.
    pub(super) fn write(&self, folder: &Path, group: &Group) -> Result<(), LiveError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let put = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).map_err(at(&path))
        };
        put("times.csv", self.times(group))?;
        put("timing.toml", self.timing())?;
        put("table.md", self.table(group)?)?;
        for one in self.done {
            put(
                &format!("{}.events", one.name),
                events(&one.lines, &one.scenario),
            )?;
        }
        Ok(())
    }

    fn times(&self, group: &Group) -> String {
        let mut text = "scenario,run,server,metric,measured_s\n".to_owned();
        for one in self.done {
            for (server, times) in group.servers.iter().zip(&one.measured) {
                for (metric, column) in METRICS {
                    if let Some(span) = times.get(metric) {
                        let _ = writeln!(
                            text,
                            "{},{},{},{},{:.3}",
                            one.name,
                            one.run,
                            server.name,
                            column.name(),
                            span.as_secs_f64()
                        );
                    }
                }
            }
        }
        text
    }

    fn timing(&self) -> String {
        let mut text =
            "# What the lab's machines took, as medians; everything else is the paper's.\n\
            # Measured by `lab live`.\n\n\
            base = \"paper\"\n\n"
                .to_owned();
        for Changed {
            parameter,
            text: value,
            count,
        } in &self.changed
        {
            let of = count.map_or("the lab has no file server".to_owned(), |count| {
                format!("of {count}")
            });
            let _ = writeln!(text, "{} = \"{value}\" # {of}", parameter.key);
        }
        text
    }

    fn table(&self, group: &Group) -> Result<String, LiveError> {
        let mut text = "| trouble | server | time | published | simulated, the paper's machines | simulated, the \
            lab's machines | measured | runs | apart |\n|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
        let mut order = String::new();
        let mut names: Vec<&str> = Vec::new();
        for one in self.done {
            if names.contains(&one.name.as_str()) {
                continue;
            }
            names.push(&one.name);
            let seed = one.scenario.seed;
            let paper = run_with(&one.scenario, &one.scenario.parameters, seed)?;
            let lab = run_with(&one.scenario, &self.parameters, seed)?;
            for (place, server) in group.servers.iter().enumerate() {
                for (metric, column) in METRICS {
                    let name = server.name.to_string();
                    let measured = self.measured(&one.name, place, metric);
                    let get = |run: &Run| run.measured[place].get(metric).map(Span::as_secs_f64);
                    let published = published(&one.scenario, &name, column);
                    row(
                        &mut text,
                        [&trouble(&one.scenario), &name, column.name()],
                        [published, get(&paper), get(&lab)],
                        &measured,
                    );
                }
            }
            for run in self.done.iter().filter(|run| run.name == one.name) {
                let (simulated, live) = (
                    events(&lab.lines, &one.scenario),
                    events(&run.lines, &one.scenario),
                );
                let told = difference(&simulated, &live, &one.scenario.group);
                let told = told.unwrap_or_else(|| "the same events".to_owned());
                let _ = writeln!(order, "- {}, run {}: {told}", one.name, run.run);
            }
        }
        let _ = write!(
            text,
            "\nApart: measured less simulated with the lab's own times (timing.toml), in seconds; within \
             {TOLERANCE_S} s or {:.0} % unless it says otherwise.\n\n\
             Each server's events, live and simulated with the lab's times:\n\n{order}",
            TOLERANCE_SHARE * 100.0
        );
        Ok(text)
    }

    /// What the runs of a scenario gave, in seconds.
    fn measured(&self, name: &str, place: usize, metric: Metric) -> Vec<f64> {
        let runs = self.done.iter().filter(|one| one.name == name);
        let times = runs.filter_map(|one| one.measured[place].get(metric));
        times.map(Span::as_secs_f64).collect()
    }
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> LiveError {
    let path = path.to_owned();
    move |source| LiveError::Path { path, source }
}

fn row(text: &mut String, names: [&str; 3], known: [Option<f64>; 3], measured: &[f64]) {
    let [_, _, lab] = known;
    let middle = median(measured);
    if lab.is_none() && middle.is_none() {
        return;
    }
    let cell = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.1}"));
    let apart = match (lab, middle) {
        (Some(lab), Some(middle)) => {
            let apart = middle - lab;
            let is_near = apart.abs() <= TOLERANCE_S.max(TOLERANCE_SHARE * lab);
            format!("{apart:+.2}{}", if is_near { "" } else { " too far" })
        }
        _ => "one of them has none".to_owned(),
    };
    let [trouble, server, metric] = names;
    let [published, paper, lab] = known.map(cell);
    let _ = writeln!(
        text,
        "| {trouble} | {server} | {metric} | {published} | {paper} | {lab} | {} | {} | {apart} |",
        cell(middle),
        measured.len(),
    );
}

/// The scenario's troubles as the paper names them, or its name.
fn trouble(scenario: &Scenario) -> String {
    let names: Vec<&str> = scenario
        .faults
        .iter()
        .filter_map(|fault| match fault.action {
            FaultAction::Trouble { trouble, .. } => Some(trouble.name()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        scenario.name.clone()
    } else {
        names.join("+")
    }
}

fn published(scenario: &Scenario, server: &str, metric: Column) -> Option<f64> {
    let name = trouble(scenario);
    let figure = if name.contains('+') {
        Figure::Fig7
    } else {
        Figure::Fig6
    };
    published::find(figure, &name, server, metric)
}

/// The events of a run as lines of text: seconds after the first fault, server, event.
pub(super) fn events(lines: &[Line], scenario: &Scenario) -> String {
    let is_fault = |line: &&Line| {
        matches!(
            line.entry,
            Entry::World(WorldEvent::Trouble(_) | WorldEvent::PowerLost | WorldEvent::Fault(_))
        )
    };
    let mut text = String::new();
    let Some(begin) = lines.iter().find(is_fault).map(|line| line.at) else {
        return text;
    };
    for line in lines.iter().filter(|line| line.at >= begin) {
        let server = &scenario.group[line.server.index()];
        if let Entry::Note(event) = line.entry {
            let after_s = line.at.since(begin).as_secs_f64();
            let _ = writeln!(text, "{after_s:9.3} {server:6} {event:?}");
        }
    }
    text
}

/// What `server` noted after the first fault, as far as that can be compared, from the text of its events.
///
/// A simulated server is gone the moment it is to restart, and a real one is not: what one notes on its way
/// down, which is all before its programs start again, is left out where they do. That a signal of the other
/// manager was missed says in which part of its cycle each was.
fn noted<'a>(events: &'a str, server: &str) -> Vec<&'a str> {
    let mut noted: Vec<&str> = events
        .lines()
        .filter_map(|line| {
            let (at, told) = line.trim_start().split_once(' ')?;
            let (name, event) = told.trim_start().split_once(' ')?;
            let is_its = at.parse::<f64>().is_ok() && name == server;
            is_its.then(|| event.trim_start())
        })
        .filter(|event| !event.starts_with("SyncMissed"))
        .collect();
    if let Some(start) = noted.iter().rposition(|event| *event == "Managing") {
        noted.drain(..start);
    }
    noted
}

/// Those of the events that are about one target. Whether a manager that only corroborates has its own result before
/// the other's word is a matter of less than a millisecond, so its own results are left out.
fn about<'a>(noted: &[&'a str], one: &str) -> Vec<&'a str> {
    let mut about = noted.to_vec();
    about.retain(|event| target(event) == one);
    if !about.iter().any(|event| event.starts_with("Tried")) {
        about.retain(|event| !event.starts_with("Detected") && !event.starts_with("Confirmed"));
    }
    about
}

/// The first difference between what each server noted of each target in two runs after the first fault; none when
/// it noted the same in the same order.
///
/// A server watches two others, each by a management program with a cycle of its own. When both are in trouble at
/// once, a millisecond decides of which it hears first.
pub(super) fn difference(simulated: &str, live: &str, servers: &[String]) -> Option<String> {
    servers.iter().find_map(|server| {
        let (simulated, live) = (noted(simulated, server), noted(live, server));
        let mut targets: Vec<&str> = simulated.iter().chain(&live).map(|e| target(e)).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
            .into_iter()
            .find_map(|one| difference_of(server, &about(&simulated, one), &about(&live, one)))
    })
}

fn difference_of(server: &str, simulated: &[&str], live: &[&str]) -> Option<String> {
    let same = simulated.iter().zip(live).take_while(|(a, b)| a == b);
    let place = same.count();
    if place == simulated.len().max(live.len()) {
        return None;
    }
    let event = |all: &[&str]| all.get(place).map_or("nothing", |event| event).to_owned();
    Some(format!(
        "event {} of {server}: simulated {}, live {}",
        place + 1,
        event(simulated),
        event(live)
    ))
}

/// Whom an event is about, in the words of its text: its target or the function; nobody's own name when it is about
/// the server itself.
fn target(event: &str) -> &str {
    let after = |key| event.split_once(key).map(|(_, rest)| rest);
    let named = after("target: ").or_else(|| after("function: "));
    named.map_or("", |rest| {
        rest.split([',', ' ', '}']).next().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tetrarch_sim::scenario::load_timing;

    #[test]
    fn each_servers_own_order_is_compared() {
        let servers = ["mail", "web"].map(str::to_owned);
        let one = "    1.000 mail   Stopped\n    2.000 web    Served { function: S1 }\n";
        let other = "    5.0 web Served { function: S1 }\n 5.5 web SyncMissed { target: S1 }\n 6.0 mail Stopped\n";
        assert_eq!(difference(one, other, &servers), None);
        let told = difference(one, "1.0 mail Stopped", &servers).unwrap();
        assert_eq!(
            told,
            "event 1 of web: simulated Served { function: S1 }, live nothing"
        );
        // Of two targets that are in trouble at once, either may be heard of first.
        let first = "1.0 web Tried { target: S1 }\n1.0 web Tried { target: S3 }\n1.1 web Returned { target: S1 }\n";
        let then = "1.0 web Tried { target: S3 }\n1.0 web Tried { target: S1 }\n1.1 web Returned { target: S1 }\n";
        let late = "1.0 web Tried { target: S3 }\n1.0 web Returned { target: S1 }\n1.1 web Tried { target: S1 }\n";
        assert_eq!(difference(first, then, &servers), None);
        assert!(difference(first, late, &servers).is_some());
        // What a server says while it goes down is left out.
        let up = "9.0 web Managing\n";
        let down = "8.0 web OwnAddressDropped\n9.0 web Managing\n";
        assert_eq!(difference(up, down, &servers), None);
        assert!(difference(up, "8.0 web OwnAddressDropped", &servers).is_some());
    }

    #[test]
    fn a_cell_that_is_too_far_says_so() {
        let told = |lab, measured: &[f64]| {
            let mut text = String::new();
            row(
                &mut text,
                ["S1t", "web", "target"],
                [Some(3.2), Some(3.2), lab],
                measured,
            );
            text
        };
        assert_eq!(
            told(Some(10.0), &[10.2, 10.4, 10.9]),
            "| S1t | web | target | 3.2 | 3.2 | 10.0 | 10.4 | 3 | +0.40 |\n"
        );
        assert!(told(Some(10.0), &[10.6]).contains("+0.60 too far"));
        assert!(told(None, &[1.0]).contains("one of them has none"));
        assert_eq!(told(None, &[]), "");
    }

    /// The committed events of live runs are those of the simulator with the lab's own times.
    #[test]
    fn live_and_simulated_events_have_one_order() {
        assert!(compared("paper", "paper") >= 4);
        assert!(compared("pairs", "paper") >= 3);
        assert!(compared("group", "group") >= 2);
    }

    /// How many runs of a series of `results/live/` were compared with the simulator's of a folder of scenarios.
    fn compared(series: &str, scenarios: &str) -> usize {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let live = root.join("results/live").join(series);
        let parameters = load_timing(live.join("timing.toml")).unwrap();
        let mut compared = 0;
        for entry in fs::read_dir(&live).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_none_or(|extension| extension != "events")
            {
                continue;
            }
            let name = path.file_stem().unwrap().to_str().unwrap();
            let scenario = root.join(format!("scenarios/{scenarios}/{name}.toml"));
            let scenario = Scenario::load(scenario).unwrap();
            let run = run_with(&scenario, &parameters, scenario.seed).unwrap();
            let simulated = events(&run.lines, &scenario);
            let told = difference(
                &simulated,
                &fs::read_to_string(&path).unwrap(),
                &scenario.group,
            );
            assert_eq!(told, None, "{name}");
            compared += 1;
        }
        compared
    }
}
