//! `lab drill`: breaks, watches and mends in turn, and writes down what clients lost.

mod aftermath;
mod judge;
mod plan;
pub(crate) mod table;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use crate::access::Depth;
use crate::act::{self, ActError};
use crate::clock::Clock;
use crate::csv;
use crate::group::{Function, Group, GroupError};
use crate::live::LiveError;
use crate::outage::{Outage, outages};
use crate::probe::{self, Plan, ProbeError, Watch};
use aftermath::Aftermath;
use judge::judge;
use plan::{Drill, PlanError};
use table::Row;

/// Breaks something, watches what clients see, mends it, and writes down the outages
///
/// Each run waits until the function is served by its own server, breaks what the drill says, holds
/// that, mends everything, and goes on watching until the own server serves again; where agents manage, until
/// they call the whole group well. One line of the CSV file is one run. A table of the medians ends it, and
/// where agents manage how many interruptions they tell of in their records.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    lab drill --runs 5 --out results/live/k2.csv      all drills of lab/drills/faults.toml\n  \
    lab drill 'power cut' 'clean reboot' --runs 20\n  \
    lab drill --random 100 --every 200ms --hold 4s --calm 1s --strict    any drill on any server\n  \
    lab drill --list")]
pub(crate) struct Arguments {
    /// The drills to run, by name [default: all]
    names: Vec<String>,
    /// The file with the drills
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/drills/faults.toml"))]
    file: PathBuf,
    /// How often each drill is run
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// Instead of each drill in turn, so many that are drawn, each on a server that is drawn; all functions are
    /// watched, and each has its line
    #[arg(long, value_name = "N", conflicts_with = "runs")]
    random: Option<u32>,
    /// Where the draws of `--random` start from
    #[arg(long, default_value_t = 1, requires = "random")]
    seed: u64,
    /// Ends with exit code 1 when a function was not at its own server again in the end, an address had two
    /// holders at any time, or clients saw an interruption that no server tells of
    #[arg(long)]
    strict: bool,
    /// The time between two accesses
    #[arg(long, default_value = "10ms", value_parser = humantime::parse_duration)]
    every: Duration,
    /// How long everything stays broken, instead of what the file says
    #[arg(long, value_parser = humantime::parse_duration)]
    hold: Option<Duration>,
    /// For how long the own servers must have answered every access before something is broken, and after it is
    /// mended
    #[arg(long, default_value = "3s", value_parser = humantime::parse_duration)]
    calm: Duration,
    /// How far each access goes
    #[arg(long, value_enum, default_value = "greet")]
    depth: Depth,
    /// The CSV file, one line for each run
    #[arg(long)]
    out: Option<PathBuf>,
    /// Keeps every access of every run in folders under this one
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Only names the drills
    #[arg(long)]
    list: bool,
    /// The longest wait for the own server to serve again after all is mended
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
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

/// Why a drill could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DrillError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Act(#[from] ActError),
    #[error("{function} is not served by its own server; `lab status` says what is wrong")]
    NotHome { function: Function },
    #[error(transparent)]
    Records(#[from] LiveError),
    #[error("{0} times a function was not at its own server again, or its address had two holders")]
    NotWell(usize),
    #[error("{0} interruptions that no server tells of")]
    Untold(usize),
}

/// The longest wait for calm before something is broken.
const CALM_WAIT_MAX: Duration = Duration::from_secs(120);
/// The longest an access may take in all.
const ACCESS_MAX: Duration = Duration::from_secs(5);
/// Faults come at instants that are spread over this, since most managers look once a second.
const PHASE_S: f64 = 1.0;

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), DrillError> {
    let drills = plan::read(&arguments.file, &arguments.names)?;
    if arguments.list {
        for drill in drills {
            println!("{:26} lab fault {}", drill.name, drill.fault);
        }
        return Ok(());
    }
    let group = Group::read(&arguments.group)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ProbeError::Watch)?;
    let (mut rows, mut aftermath) = (Vec::new(), Aftermath::default());
    for (number, drill, watched) in series(arguments, &drills, &group) {
        let run = one(arguments, &group, &drill, number, &watched, &mut aftermath);
        let new = runtime.block_on(run)?;
        for row in &new {
            println!("{row}");
        }
        rows.extend(new);
        // Written each time, so that an interrupted series keeps what it has.
        if let Some(path) = &arguments.out {
            write(path, &rows).map_err(|source| DrillError::Write {
                path: path.clone(),
                source,
            })?;
        }
    }
    table::print(&rows);
    aftermath.print();
    if !arguments.strict {
        return Ok(());
    }
    match rows.iter().filter(|row| !row.is_well()).count() {
        0 if aftermath.untold == 0 => Ok(()),
        0 => Err(DrillError::Untold(aftermath.untold)),
        bad => Err(DrillError::NotWell(bad)),
    }
}

/// Each run in turn: its number, what is done, and the functions that are watched.
fn series(
    arguments: &Arguments,
    drills: &[Drill],
    group: &Group,
) -> Vec<(u32, Drill, Vec<Function>)> {
    let Some(count) = arguments.random else {
        let all =
            (1..=arguments.runs).flat_map(|number| drills.iter().map(move |one| (number, one)));
        return all
            .map(|(number, drill)| (number, drill.clone(), vec![drill.function]))
            .collect();
    };
    let functions = group.functions();
    let mut dice = ChaCha8Rng::seed_from_u64(arguments.seed);
    let drawn = (1..=count).filter_map(|number| {
        let drill = drills.choose(&mut dice)?;
        let function = *functions.choose(&mut dice)?;
        Some((number, drill.on(function), functions.clone()))
    });
    drawn.collect()
}

fn write(path: &Path, rows: &[Row]) -> io::Result<()> {
    let mut file = csv::create(path, table::HEADER)?;
    for row in rows {
        writeln!(file, "{}", row.csv())?;
    }
    file.flush()
}

async fn one(
    arguments: &Arguments,
    group: &Group,
    drill: &Drill,
    number: u32,
    watched: &[Function],
    aftermath: &mut Aftermath,
) -> Result<Vec<Row>, DrillError> {
    let names: Vec<String> = watched.iter().map(Function::to_string).collect();
    let servers = group.select(&names)?;
    let plan = Plan {
        servers,
        every: arguments.every,
        depth: arguments.depth,
        connect_max: Duration::from_millis(900),
        total_max: ACCESS_MAX,
        ask_every: Duration::from_millis(20),
    };
    let clock = Clock::new();
    let mut watch = Watch::begin(group, &plan, clock)
        .await
        .map_err(ProbeError::Watch)?;
    let away = watch.home(watched, arguments.calm, CALM_WAIT_MAX).await;
    if let Some(&function) = away.first() {
        return Err(DrillError::NotHome { function });
    }
    sleep(phase(number)).await;
    let broken_s = clock.now_s();
    act::run(&arguments.lab, drill.fault_arguments()).await?;
    let hold = arguments.hold;
    sleep(hold.unwrap_or(Duration::from_secs(drill.hold_s))).await;
    let mended_s = clock.now_s();
    act::run(&arguments.lab, vec!["heal".to_owned()]).await?;
    let settle = (arguments.calm, arguments.settle_max);
    let away = aftermath::settle(&arguments.lab, group, drill, &mut watch, watched, settle).await;
    let seen = watch.end().await?;
    if let Some(folder) = &arguments.keep {
        let name = format!("{}-{number}", drill.name.replace(' ', "-"));
        probe::write(&folder.join(name), group, &seen)?;
    }
    let times = (broken_s, mended_s);
    let judge = |&function| {
        let row = judge(group, drill, number, function, times, &seen);
        // Who served once and is away again is not at home.
        let home_s = row.home_s.filter(|_| !away.contains(&function));
        Row { home_s, ..row }
    };
    let rows = watched.iter().map(judge).collect();
    if group.is_managed_by_agents() {
        let lost = watched
            .iter()
            .flat_map(|&function| outages(function, &seen.accesses));
        let lost: Vec<Outage> = lost.filter(|outage| outage.begin_s >= broken_s).collect();
        aftermath.explain(&arguments.servers, group, clock, broken_s, &lost)?;
    }
    Ok(rows)
}

/// Instants evenly spread over the phase, in an order in which neighbours are far apart.
fn phase(number: u32) -> Duration {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    Duration::from_secs_f64((f64::from(number) * GOLDEN).fract() * PHASE_S)
}
