//! `lab probe`: watches the functions as a client sees them.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::access::{Depth, Target, access};
use crate::clock::Clock;
use crate::group::{Function, Group, GroupError, Server};
use crate::outage::{Access, Sample, conflicts, outages};
use crate::{csv, holders, origin};

/// Watches the functions as a client sees them
///
/// Each access is made at its time, whether or not earlier ones have ended, in the function's own
/// protocol. Beside that, every 20 ms, ARP asks who holds each address; more than one answer to one
/// question means two holders.
///
/// Ends with a table of the outages. Each begins with the first access that failed and ends with the
/// beginning of the next one that succeeded.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    lab probe --every 1s --for 5m                 as the paper's clients\n  \
    lab probe web --every 10ms --depth greet      how long exactly is web away?\n  \
    lab probe --every 1s --for 60s --out /tmp/p   keeps accesses.csv, outages.csv, holders.csv")]
pub(crate) struct Arguments {
    /// The functions to watch [default: all]
    functions: Vec<String>,
    /// The time between two accesses to a function
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration)]
    every: Duration,
    /// How long to watch
    #[arg(long = "for", default_value = "60s", value_parser = humantime::parse_duration)]
    duration: Duration,
    /// How far each access goes
    #[arg(long, value_enum, default_value = "full")]
    depth: Depth,
    /// A connection that takes longer has failed; below 1s, so that a lost packet counts as lost
    #[arg(long, default_value = "900ms", value_parser = humantime::parse_duration)]
    connect_max: Duration,
    /// An access that takes longer has failed
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    total_max: Duration,
    /// The time between two questions for each address
    #[arg(long, default_value = "20ms", value_parser = humantime::parse_duration)]
    ask_every: Duration,
    /// The folder for accesses.csv, outages.csv and holders.csv
    #[arg(long)]
    out: Option<PathBuf>,
    /// The file that describes the group
    #[arg(long, hide = true, default_value = "/run/tetrarch-lab/group.toml")]
    group: PathBuf,
}

/// Why watching was not possible.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error("{0} must be longer than nothing")]
    Zero(&'static str),
    #[error("cannot watch: {0}")]
    Watch(#[from] io::Error),
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("asking for the addresses ended early")]
    Asking,
}

/// What to watch, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The functions to be accessed.
    pub(crate) servers: Vec<Server>,
    pub(crate) every: Duration,
    pub(crate) depth: Depth,
    pub(crate) connect_max: Duration,
    pub(crate) total_max: Duration,
    pub(crate) ask_every: Duration,
}

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) accesses: Vec<Access>,
    /// Who held the addresses, of all functions, also those that were not accessed.
    pub(crate) samples: Vec<Sample>,
    /// The most that an access began after its time, in seconds: this machine's own slowness.
    pub(crate) late_s_max: f64,
}

/// A watch under way; its end gives what was seen.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    asking: std::thread::JoinHandle<io::Result<Vec<Sample>>>,
    /// Each access reports here; the channel ends when the last one has.
    accesses: UnboundedReceiver<(Access, f64)>,
    clock: Clock,
    seen: Seen,
}

/// Since when a function's own server has answered every access. Accesses count by when they began, so that one
/// that hangs for seconds does not lengthen it.
struct Calm {
    function: Function,
    /// The own server's name.
    own: String,
    /// The last access that it did not answer, and the last that it did.
    away_s: f64,
    home_s: f64,
}

impl Calm {
    fn new(function: Function, from_s: f64) -> Self {
        Self {
            function,
            own: function.to_string(),
            away_s: from_s,
            home_s: from_s,
        }
    }

    fn add(&mut self, access: &Access) {
        if access.function != self.function {
            return;
        }
        let last_s = if access.outcome.as_ref().ok() == Some(&self.own) {
            &mut self.home_s
        } else {
            &mut self.away_s
        };
        *last_s = last_s.max(access.at_s);
    }

    /// Negative while somebody else answers, or nobody.
    fn length_s(&self) -> f64 {
        self.home_s - self.away_s
    }
}

impl Watch {
    /// Begins to access and to ask.
    pub(crate) async fn begin(group: &Group, plan: &Plan, clock: Clock) -> io::Result<Self> {
        let origin = origin::serve(group.client).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, accesses) = unbounded_channel();
        for server in &plan.servers {
            let target = Target {
                function: server.name,
                address: server.vip,
                depth: plan.depth,
                connect_max: plan.connect_max,
                total_max: plan.total_max,
                origin,
            };
            tokio::spawn(keep_accessing(
                target,
                plan.every,
                clock,
                Arc::clone(&stop),
                sender.clone(),
            ));
        }
        let asking = {
            let (group, every, stop) = (group.clone(), plan.ask_every, Arc::clone(&stop));
            std::thread::spawn(move || holders::watch(&group, &group.servers, every, clock, &stop))
        };
        Ok(Self {
            stop,
            asking,
            accesses,
            clock,
            seen: Seen::default(),
        })
    }

    /// What has been seen of the accesses so far.
    pub(crate) fn so_far(&mut self) -> &Seen {
        while let Ok(access) = self.accesses.try_recv() {
            self.seen.add(access);
        }
        &self.seen
    }

    /// Waits until the own servers have answered every access to each of `functions` for `calm`, and gives those
    /// that they have not within `wait_max`. What began before the call is of the past.
    pub(crate) async fn home(
        &mut self,
        functions: &[Function],
        calm: Duration,
        wait_max: Duration,
    ) -> Vec<Function> {
        let (begin, from_s) = (Instant::now(), self.clock.now_s());
        let calms = functions.iter().map(|&f| Calm::new(f, from_s));
        let mut calms: Vec<Calm> = calms.collect();
        let mut looked_at = self.so_far().accesses.len();
        loop {
            let accesses = &self.so_far().accesses;
            for access in &accesses[looked_at..] {
                calms.iter_mut().for_each(|one| one.add(access));
            }
            looked_at = accesses.len();
            let is_restless = |one: &&Calm| one.length_s() < calm.as_secs_f64();
            let restless: Vec<Function> = calms
                .iter()
                .filter(is_restless)
                .map(|one| one.function)
                .collect();
            if restless.is_empty() || begin.elapsed() >= wait_max {
                return restless;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Begins no more accesses, waits for those under way, and gives everything.
    pub(crate) async fn end(mut self) -> Result<Seen, ProbeError> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(access) = self.accesses.recv().await {
            self.seen.add(access);
        }
        let asked = tokio::task::spawn_blocking(move || self.asking.join());
        let asked = asked.await.map_err(|_| ProbeError::Asking)?;
        self.seen.samples = asked.map_err(|_| ProbeError::Asking)??;
        Ok(self.seen)
    }
}

impl Seen {
    fn add(&mut self, (access, late_s): (Access, f64)) {
        self.late_s_max = self.late_s_max.max(late_s);
        self.accesses.push(access);
    }
}

async fn keep_accessing(
    target: Target,
    every: Duration,
    clock: Clock,
    stop: Arc<AtomicBool>,
    sender: UnboundedSender<(Access, f64)>,
) {
    let mut ticks = interval(every);
    // An access that this machine came too late for is left out, not made up for by a burst.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let due = ticks.tick().await;
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let sender = sender.clone();
        tokio::spawn(async move {
            let late_s = due.elapsed().as_secs_f64();
            let (at_s, begin) = (clock.now_s(), Instant::now());
            let outcome = access(target).await.map_err(|error| error.to_string());
            let access = Access {
                at_s,
                function: target.function,
                took_s: begin.elapsed().as_secs_f64(),
                outcome,
            };
            // Nobody listens any more when the watch itself was given up.
            let _ = sender.send((access, late_s));
        });
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), ProbeError> {
    let group = Group::read(&arguments.group)?;
    for (name, value) in [
        ("--every", arguments.every),
        ("--ask-every", arguments.ask_every),
    ] {
        if value.is_zero() {
            return Err(ProbeError::Zero(name));
        }
    }
    let plan = Plan {
        servers: group.select(&arguments.functions)?,
        every: arguments.every,
        depth: arguments.depth,
        connect_max: arguments.connect_max,
        total_max: arguments.total_max,
        ask_every: arguments.ask_every,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let seen = runtime.block_on(async {
        let watch = Watch::begin(&group, &plan, Clock::new()).await?;
        tokio::time::sleep(arguments.duration).await;
        watch.end().await
    })?;
    print(&plan, &group, &seen);
    if let Some(folder) = &arguments.out {
        write(folder, &group, &seen)?;
    }
    Ok(())
}

fn print(plan: &Plan, group: &Group, seen: &Seen) {
    for server in &plan.servers {
        let own: Vec<&Access> = of(server.name, &seen.accesses).collect();
        let failed = own.iter().filter(|a| a.outcome.is_err()).count();
        let who: BTreeSet<&str> = own
            .iter()
            .filter_map(|a| a.outcome.as_deref().ok())
            .collect();
        println!(
            "{:6} {:6} accesses, {failed:5} failed, answered by {}",
            server.name.to_string(),
            own.len(),
            if who.is_empty() {
                "nobody".to_owned()
            } else {
                who.into_iter().collect::<Vec<_>>().join(", ")
            }
        );
        for outage in outages(server.name, &seen.accesses) {
            println!(
                "       away for {:8.3} s from {:.3}, from {} to {}",
                outage.length_s,
                outage.begin_s,
                or_nobody(&outage.before),
                or_nobody(&outage.after),
            );
        }
    }
    for server in &group.servers {
        for conflict in conflicts(server.name, &seen.samples) {
            println!(
                "{:6} TWO HOLDERS for {:.3} s from {:.3}: {}",
                server.name.to_string(),
                conflict.length_s,
                conflict.begin_s,
                conflict.holders.join(", ")
            );
        }
    }
    println!("Accesses began at most {:.3} s late.", seen.late_s_max);
}

fn of(function: Function, accesses: &[Access]) -> impl Iterator<Item = &Access> {
    accesses.iter().filter(move |a| a.function == function)
}

fn or_nobody(name: &str) -> &str {
    if name.is_empty() { "nobody" } else { name }
}

/// Writes all that was seen into a folder.
pub(crate) fn write(folder: &Path, group: &Group, seen: &Seen) -> Result<(), ProbeError> {
    let attempt = |name: &str, write: &dyn Fn(&Path) -> io::Result<()>| {
        let path = folder.join(name);
        write(&path).map_err(|source| ProbeError::Write { path, source })
    };
    attempt("accesses.csv", &|path| write_accesses(path, seen))?;
    attempt("outages.csv", &|path| write_outages(path, group, seen))?;
    attempt("holders.csv", &|path| write_holders(path, seen))
}

fn write_accesses(path: &Path, seen: &Seen) -> io::Result<()> {
    let mut file = csv::create(path, "at_unix_s,function,outcome,who,took_s,why")?;
    let mut sorted: Vec<&Access> = seen.accesses.iter().collect();
    sorted.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    for a in sorted {
        let (outcome, who, why) = match &a.outcome {
            Ok(who) => ("ok", who.as_str(), ""),
            Err(why) => ("failed", "", why.as_str()),
        };
        let (who, why) = (csv::field(who), csv::field(why));
        let (at_s, function, took_s) = (a.at_s, a.function, a.took_s);
        writeln!(
            file,
            "{at_s:.6},{function},{outcome},{who},{took_s:.6},{why}"
        )?;
    }
    file.flush()
}

fn write_outages(path: &Path, group: &Group, seen: &Seen) -> io::Result<()> {
    let mut file = csv::create(path, "function,kind,begin_unix_s,length_s,before,after")?;
    for server in &group.servers {
        for o in outages(server.name, &seen.accesses) {
            let (before, after) = (csv::field(&o.before), csv::field(&o.after));
            let (name, begin_s, length_s) = (o.function, o.begin_s, o.length_s);
            writeln!(
                file,
                "{name},away,{begin_s:.6},{length_s:.6},{before},{after}"
            )?;
        }
        for c in conflicts(server.name, &seen.samples) {
            let (name, begin_s, length_s) = (c.function, c.begin_s, c.length_s);
            let holders = c.holders.join(" ");
            writeln!(
                file,
                "{name},two holders,{begin_s:.6},{length_s:.6},{holders},"
            )?;
        }
    }
    file.flush()
}

fn write_holders(path: &Path, seen: &Seen) -> io::Result<()> {
    let mut file = csv::create(path, "from_unix_s,function,holders")?;
    for s in &seen.samples {
        writeln!(file, "{:.6},{},{}", s.at_s, s.function, s.holders.join(" "))?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calm_lasts_from_the_last_access_that_another_answered_or_nobody() {
        let mut calm = Calm::new(Function::Web, 10.0);
        let mut see = |at_s, function, who: Option<&str>| {
            calm.add(&Access {
                at_s,
                function,
                took_s: 0.1,
                outcome: who.map(str::to_owned).ok_or("refused".to_owned()),
            });
            calm.length_s()
        };
        // Of the time before.
        assert_eq!(see(9.0, Function::Web, None), 0.0);
        assert_eq!(see(11.0, Function::Web, Some("web")), 1.0);
        assert_eq!(see(11.5, Function::Mail, None), 1.0);
        assert!(see(12.0, Function::Web, Some("webb")) < 0.0);
        assert_eq!(see(14.0, Function::Web, Some("web")), 2.0);
        // It hung, and ended last.
        assert_eq!(see(13.0, Function::Web, None), 1.0);
    }
}
