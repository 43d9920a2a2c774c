//! What the servers' nodes were told and decided, from the records on their disks.
//!
//! Agents count their instants from the machine's start, and all servers of the lab are on one machine: so
//! the records of all of them have one axis of time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tetrarch_core::{Action, Input, JobId, Outcome, Output, ServerId, Time};
use tetrarch_record::Replay;
use tetrarch_sim::scenario::Scenario;
use tetrarch_sim::trace::{Entry, Line};
use tokio::time::sleep;

use super::{LiveError, struck};
use crate::clock::Clock;
use crate::group::Group;

/// In this time every server's programs have ended once its flag file is gone.
const STANDSTILL: Duration = Duration::from_secs(3);

/// A job that a node had done, from its begin to its result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) begin: Time,
    pub(super) end: Time,
    pub(super) action: Action,
    pub(super) outcome: Outcome,
}

/// What the records of one server say from `from` on.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) lines: Vec<Line>,
    pub(super) jobs: Vec<Job>,
    /// When management programs started.
    pub(super) starts: Vec<Time>,
}

/// Reads the records of `server`, called `name`.
pub(super) fn told(
    servers: &Path,
    name: &str,
    server: ServerId,
    from: Time,
) -> Result<Told, LiveError> {
    let mut told = Told::default();
    for path in records(servers, name)? {
        let file = File::open(&path).map_err(|source| LiveError::Path {
            path: path.clone(),
            source,
        })?;
        read(file, server, from, &mut told).map_err(|source| LiveError::Record {
            path: path.clone(),
            source,
        })?;
    }
    Ok(told)
}

fn records(servers: &Path, name: &str) -> Result<Vec<PathBuf>, LiveError> {
    let folder = servers.join(name).join("root/var/lib/tetrarch/records");
    let entries = fs::read_dir(&folder).map_err(|source| LiveError::Path {
        path: folder.clone(),
        source,
    })?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "rec"))
        // One that has just been begun has no header yet.
        .filter(|path| path.metadata().is_ok_and(|about| about.len() > 0))
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(LiveError::NoRecords(folder));
    }
    Ok(paths)
}

fn read(
    file: File,
    server: ServerId,
    from: Time,
    told: &mut Told,
) -> Result<(), tetrarch_record::ReadError> {
    let mut replay = Replay::new(file)?;
    let mut open: BTreeMap<JobId, (Time, Action)> = BTreeMap::new();
    // A record that is being written may end in the middle of a frame; all before it counts.
    while let Some(step) = replay.next_step()? {
        let at = step.at;
        if let Input::Start { .. } = step.input {
            told.starts.push(at);
        }
        if let Input::Done { job, outcome } = step.input
            && let Some((begin, action)) = open.remove(&job)
            && begin >= from
        {
            told.jobs.push(Job {
                begin,
                end: at,
                action,
                outcome,
            });
        }
        for output in &step.outputs {
            let entry = match *output {
                Output::Note(event) => Entry::Note(event),
                Output::Run { job, action } => {
                    open.insert(job, (at, action));
                    Entry::Run(action)
                }
                _ => continue,
            };
            if at >= from {
                told.lines.push(Line { at, server, entry });
            }
        }
    }
    told.starts.retain(|&at| at >= from);
    Ok(())
}

/// What all nodes noted and began from `from` on, in order.
pub(crate) fn lines(servers: &Path, group: &Group, from: Time) -> Result<Vec<Line>, LiveError> {
    let mut lines = Vec::new();
    for (server, about) in ServerId::all(group.servers.len()).zip(&group.servers) {
        lines.extend(told(servers, &about.name.to_string(), server, from)?.lines);
    }
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}

/// Ends all servers' management programs by their flag files and starts them at one instant, as the simulator
/// does. Each has a cycle of its own from its start on, and a trouble of two servers at once would meet every
/// manager at another place of its cycle.
pub(super) async fn start_together(servers: &Path, group: &Group) -> Result<(), LiveError> {
    let names = group.servers.iter().map(|server| server.name.to_string());
    let folders = names.map(|name| servers.join(name).join("root/var/lib/tetrarch"));
    let flags: Vec<PathBuf> = folders.map(|folder| folder.join("managed")).collect();
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| LiveError::Path { path, source }
    };
    for flag in &flags {
        fs::remove_file(flag).map_err(failed(flag))?;
    }
    sleep(STANDSTILL).await;
    for flag in &flags {
        File::create(flag).map_err(failed(flag))?;
    }
    Ok(())
}

/// Waits for the start of a cycle of the manager P1 of the server that the scenario strikes first: the
/// simulator's cycles start at zero.
pub(super) async fn cycle_start(
    servers: &Path,
    scenario: &Scenario,
    clock: Clock,
) -> Result<Time, LiveError> {
    let size = scenario.group.len();
    let Some(target) = struck(scenario).first().copied() else {
        return Ok(clock.boot());
    };
    let manager = (target.index() + size - 1) % size;
    let begin = clock.boot();
    loop {
        sleep(Duration::from_millis(50)).await;
        let me = ServerId::new(manager).unwrap_or(target);
        let told = told(servers, &scenario.group[manager], me, begin)?;
        let started = told.lines.iter().find(
            |line| matches!(line.entry, Entry::Run(Action::ExamineNetwork { target: at }) if at == target),
        );
        if let Some(line) = started {
            return Ok(line.at);
        }
    }
}
