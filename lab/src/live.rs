//! `lab live`: the simulator's own scenarios, carried out on the lab's servers.
//!
//! The faults come from the scenario file, their times too, and what came of them is taken from the
//! servers' records and the clients by the same code that measures a simulated run. The lab's own times, such
//! as that of a resume, are taken from the same records; the simulator is then run with them.

mod lab_times;
pub(crate) mod nodes;
mod table;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tetrarch_core::{Event, ServerId, Time};
use tetrarch_record::ReadError;
use tetrarch_sim::measure::{Measured, measure};
use tetrarch_sim::scenario::{FaultAction, Scenario, ScenarioError};
use tetrarch_sim::trace::{Entry, Line};
use tetrarch_sim::world::{ClientHabit, Outage, WorldEvent};
use tokio::time::sleep;

use crate::access::Depth;
use crate::act::{self, ActError};
use crate::clock::Clock;
use crate::group::{Function, Group, GroupError};
use crate::outage::outages;
use crate::probe::{Plan, ProbeError, Seen, Watch};
use table::Report;

/// Carries out scenarios of the simulator on the lab's servers, and measures what it measures
///
/// Waits until everything is well, has all management programs start at one instant, and waits for the instant of
/// their cycle that the scenario's first fault has in the simulator. The times of function and target come from the servers' records, the disconnection
/// from a client. Then the simulator runs the same scenarios with the times that the lab's machines
/// needed, such as that of a resume.
///
/// Writes into the folder: times.csv (each run's times), timing.toml (the lab's own times, for scenarios),
/// table.md (published, simulated, measured), and for each scenario the events of its last run.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    lab up --agent target/release/tetrarch --profile paper\n  \
    lab live scenarios/paper/{s1t,s2t,n1t,n2t}.toml --out results/live/paper")]
pub(crate) struct Arguments {
    /// Scenario files with the lab's four servers
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How often each scenario is carried out
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// The folder for what was measured
    #[arg(long)]
    out: PathBuf,
    /// The longest wait for everything to be well
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration)]
    settle_max: Duration,
    /// The file that describes the group
    #[arg(long, hide = true, default_value = "/run/tetrarch-lab/group.toml")]
    group: PathBuf,
    /// The folder with the servers' disks
    #[arg(long, hide = true, default_value = "/var/lib/tetrarch-lab/servers")]
    servers: PathBuf,
    /// The program that breaks and mends
    #[arg(long, hide = true)]
    lab: PathBuf,
}

/// Why a scenario could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiveError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error("{path}: the group must be {lab}, as the lab's")]
    Group { path: PathBuf, lab: String },
    #[error(transparent)]
    Lab(#[from] GroupError),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error(transparent)]
    Act(#[from] ActError),
    #[error("{path}: {source}")]
    Record { path: PathBuf, source: ReadError },
    #[error("{path}: {source}")]
    Path { path: PathBuf, source: io::Error },
    #[error("the simulator refuses the scenario: {0}")]
    Simulate(#[from] tetrarch_core::ConfigError),
    #[error("{0} is not served by its own server; `lab status` says what is wrong")]
    NotHome(Function),
    #[error("no management programs are recorded in {0}; is the manager the agent?")]
    NoRecords(PathBuf),
}

/// One run of one scenario.
pub(crate) struct Done {
    pub(crate) name: String,
    pub(crate) run: u32,
    pub(crate) scenario: Scenario,
    /// What the nodes noted and began, and the scenario's faults, in order.
    pub(crate) lines: Vec<Line>,
    /// The times of each server in ring order.
    pub(crate) measured: Vec<Measured>,
}

/// The time between two accesses of a client.
const EVERY: Duration = Duration::from_millis(200);
/// The longest that an access may take in all.
const ACCESS_MAX: Duration = Duration::from_secs(5);
/// For how long everything must have been well.
const CALM: Duration = Duration::from_secs(12);

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), LiveError> {
    let group = Group::read(&arguments.group)?;
    let scenarios = arguments
        .files
        .iter()
        .map(|path| load(path, &group))
        .collect::<Result<Vec<_>, _>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ProbeError::Watch)?;
    let mut done = Vec::new();
    for run in 1..=arguments.runs {
        for (name, scenario) in &scenarios {
            let one = runtime.block_on(one(arguments, &group, name, scenario, run))?;
            table::print(&one, &group);
            done.push(one);
            // Written each time, so that an interrupted series keeps what it has.
            Report::new(&done, &arguments.servers)?.write(&arguments.out, &group)?;
        }
    }
    Ok(())
}

fn load(path: &Path, group: &Group) -> Result<(String, Scenario), LiveError> {
    let scenario = Scenario::load(path)?;
    let names: Vec<String> = group.servers.iter().map(|s| s.name.to_string()).collect();
    if scenario.group != names {
        return Err(LiveError::Group {
            path: path.to_owned(),
            lab: names.join(", "),
        });
    }
    for fault in &scenario.faults {
        act::commands(&fault.action, &scenario.group)?;
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok((name.into_owned(), scenario))
}

/// The servers that the scenario's faults strike, each once.
fn struck(scenario: &Scenario) -> Vec<ServerId> {
    let mut struck = Vec::new();
    for fault in &scenario.faults {
        for server in act::struck(&fault.action) {
            if !struck.contains(&server) {
                struck.push(server);
            }
        }
    }
    struck
}

/// Carries the scenario out once. It ends when all servers that were struck are well and at home again or given
/// up, or when what the scenario says has passed.
async fn one(
    arguments: &Arguments,
    group: &Group,
    name: &str,
    scenario: &Scenario,
    run: u32,
) -> Result<Done, LiveError> {
    let clock = Clock::new();
    let mut watch = watch(group, clock).await?;
    well(&mut watch, group, arguments.settle_max).await?;
    nodes::start_together(&arguments.servers, group).await?;
    well(&mut watch, group, arguments.settle_max).await?;
    let begin = nodes::cycle_start(&arguments.servers, scenario, clock).await?;
    let mut faults = Vec::new();
    for (place, fault) in (0..).zip(&scenario.faults) {
        let at = begin + fault.at.since(Time::ZERO);
        sleep(clock.until(at)).await;
        let struck_at = clock.boot();
        for command in act::commands(&fault.action, &scenario.group)? {
            act::run(&arguments.lab, command).await?;
        }
        faults.extend(world_lines(struck_at, place, &fault.action));
    }
    let end = begin + scenario.duration;
    loop {
        let lines = nodes::lines(&arguments.servers, group, begin)?;
        let noted = |event| lines.iter().any(|line| line.entry == Entry::Note(event));
        let mut struck = struck(scenario);
        struck.retain(|&target| !noted(Event::GivenUp { target }));
        let is_over = struck
            .iter()
            .all(|&target| noted(Event::Recovered { target }));
        if is_over || clock.boot() >= end {
            let struck = struck
                .iter()
                .map(|server| group.servers[server.index()].name);
            let struck: Vec<Function> = struck.collect();
            watch.home(&struck, CALM, clock.until(end)).await;
            break;
        }
        sleep(Duration::from_secs(2)).await;
    }
    act::run(&arguments.lab, vec!["heal".to_owned()]).await?;
    let seen = watch.end().await?;
    let mut lines = nodes::lines(&arguments.servers, group, begin)?;
    lines.extend(faults);
    lines.sort_by_key(|line| line.at);
    Ok(Done {
        name: name.to_owned(),
        run,
        measured: measure_all(scenario, group, &lines, &seen, clock),
        scenario: scenario.clone(),
        lines,
    })
}

/// Begins to watch the clients' accesses.
async fn watch(group: &Group, clock: Clock) -> Result<Watch, LiveError> {
    let plan = Plan {
        servers: group.servers.clone(),
        every: EVERY,
        depth: Depth::Greet,
        connect_max: Duration::from_millis(900),
        total_max: ACCESS_MAX,
        ask_every: Duration::from_millis(20),
    };
    let watch = Watch::begin(group, &plan, clock).await;
    Ok(watch.map_err(ProbeError::Watch)?)
}

/// Waits until each function has been served by its own server for a while.
async fn well(watch: &mut Watch, group: &Group, wait_max: Duration) -> Result<(), LiveError> {
    match watch.home(&group.functions(), CALM, wait_max).await[..] {
        [away, ..] => Err(LiveError::NotHome(away)),
        [] => Ok(()),
    }
}

/// A fault as the simulator notes it, with its place in the file.
fn world_lines(at: Time, place: u16, action: &FaultAction) -> Vec<Line> {
    let event = match action {
        FaultAction::Trouble { trouble, .. } => WorldEvent::Trouble(*trouble),
        _ => WorldEvent::Fault(place),
    };
    let line = |server| Line {
        at,
        server,
        entry: Entry::World(event),
    };
    act::struck(action).into_iter().map(line).collect()
}

fn measure_all(
    scenario: &Scenario,
    group: &Group,
    lines: &[Line],
    seen: &Seen,
    clock: Clock,
) -> Vec<Measured> {
    let habit = ClientHabit::new(&scenario.parameters);
    ServerId::all(group.servers.len())
        .map(|server| {
            let lost = outages(group.servers[server.index()].name, &seen.accesses);
            let lost: Vec<Outage> = lost
                .iter()
                .map(|outage| Outage {
                    from: clock.boot_of(outage.begin_s),
                    to: (!outage.after.is_empty())
                        .then(|| clock.boot_of(outage.begin_s + outage.length_s)),
                })
                .collect();
            measure(server, lines, &lost, &habit)
        })
        .collect()
}
