//! `lab mail`: is every letter that was accepted still there when mail is back at its own server?

mod verdict;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, interval, sleep};

use crate::access::letters::{self, Series};
use crate::access::{AccessError, Depth, Target};
use crate::act::{self, ActError};
use crate::clock::Clock;
use crate::csv;
use crate::group::{Function, Group, GroupError};
use crate::outage::{conflicts, outages};
use crate::probe::{Plan, ProbeError, Seen, Watch};
use verdict::{Letter, Verdict};

/// Delivers letters while the mail server is broken, and looks for each accepted one afterwards
///
/// Numbered letters go to the virtual IP address by SMTP all the time: before the mail server is broken, while its
/// virtual server serves, and while the function goes home. When mail has served itself again for a while they are
/// read by IMAP, from the same address. Ends with exit code 1 when one is missing that was accepted.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    lab mail                              the mail server is rebooted\n  \
    lab mail hang mail --every 50ms       S2t; the virtual server serves for longer\n  \
    lab mail --out /tmp/letters.csv       a line for each letter")]
pub(crate) struct Arguments {
    /// What is broken, as for `lab fault`
    #[arg(default_values = ["reboot", "mail"])]
    fault: Vec<String>,
    /// The time between two letters
    #[arg(long, default_value = "200ms", value_parser = humantime::parse_duration)]
    every: Duration,
    /// The longest wait for the virtual server to serve
    #[arg(long, default_value = "2m", value_parser = humantime::parse_duration)]
    away_max: Duration,
    /// The longest wait for the own server to serve again after that
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration)]
    home_max: Duration,
    /// The CSV file, one line for each letter
    #[arg(long)]
    out: Option<PathBuf>,
    /// The file that describes the group
    #[arg(long, hide = true, default_value = "/run/tetrarch-lab/group.toml")]
    group: PathBuf,
    /// The program that breaks and mends
    #[arg(long, hide = true)]
    lab: PathBuf,
}

/// Why the letters could not be counted, or do not add up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error(transparent)]
    Act(#[from] ActError),
    #[error("--every must be longer than nothing")]
    Zero,
    #[error("mail is not served by its own server {0}; `lab status` says what is wrong")]
    NotHome(&'static str),
    #[error("the mailbox cannot be read: {0}")]
    Read(AccessError),
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("{0} accepted letters are missing")]
    Missing(usize),
}

/// How long the own server must have answered every access before it is broken, and before the letters are read.
const CALM: Duration = Duration::from_secs(5);
/// The longest wait for that before it is broken.
const CALM_WAIT_MAX: Duration = Duration::from_secs(120);
/// Letters are delivered for so long before it is broken.
const BEFORE: Duration = Duration::from_secs(3);
/// The longest that the delivery of one letter may take.
const LETTER_MAX: Duration = Duration::from_secs(10);
/// So often the mailbox is read until nothing is missing, as an accepted letter may be on its way to it.
const READS: u32 = 10;

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), MailError> {
    let group = Group::read(&arguments.group)?;
    if arguments.every.is_zero() {
        return Err(MailError::Zero);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ProbeError::Watch)?;
    let (letters, read) = runtime.block_on(carry_out(arguments, &group))?;
    if let Some(path) = &arguments.out {
        write(path, &letters, &read).map_err(|source| MailError::Write {
            path: path.clone(),
            source,
        })?;
    }
    let verdict = Verdict::of(&letters, &read);
    print!("{verdict}");
    match verdict.missing.len() {
        0 => Ok(()),
        missing => Err(MailError::Missing(missing)),
    }
}

/// Breaks, waits and reads: gives all letters, and the numbers of those that are in the mailbox.
async fn carry_out(
    arguments: &Arguments,
    group: &Group,
) -> Result<(Vec<Letter>, Vec<u32>), MailError> {
    let servers = group.select(&[Function::Mail.to_string()])?;
    let plan = Plan {
        servers,
        every: Duration::from_millis(100),
        depth: Depth::Greet,
        connect_max: Duration::from_millis(900),
        total_max: Duration::from_secs(5),
        ask_every: Duration::from_millis(20),
    };
    let clock = Clock::new();
    let target = Target {
        function: Function::Mail,
        address: plan.servers[0].vip,
        depth: Depth::Full,
        connect_max: plan.connect_max,
        total_max: LETTER_MAX,
        // Mail asks nobody else.
        origin: std::net::SocketAddrV4::new(group.client, 0),
    };
    let watch = Watch::begin(group, &plan, clock).await;
    let mut watch = watch.map_err(ProbeError::Watch)?;
    let mail = [Function::Mail];
    if !watch.home(&mail, CALM, CALM_WAIT_MAX).await.is_empty() {
        return Err(MailError::NotHome("before anything is broken"));
    }
    // Letters of an earlier time are still in the mailbox.
    let series = Series(clock.now_s() as u64);
    let post = Post::begin(target, series, arguments.every, clock);
    sleep(BEFORE).await;
    let fault = [&["fault".to_owned()], &arguments.fault[..]].concat();
    act::run(&arguments.lab, fault).await?;
    if !away(&mut watch, arguments.away_max).await {
        println!("The virtual server has never served.");
    }
    let away = watch.home(&mail, CALM, arguments.home_max).await;
    let letters = post.end().await;
    report(&watch.end().await?);
    if !away.is_empty() {
        return Err(MailError::NotHome("again"));
    }
    let read = read(target, series, &letters).await?;
    Ok((letters, read))
}

/// Waits until the virtual server has answered; false when it does not within `wait_max`.
async fn away(watch: &mut Watch, wait_max: Duration) -> bool {
    let begin = Instant::now();
    let virtual_name = format!("{}b", Function::Mail);
    while begin.elapsed() < wait_max {
        let accesses = &watch.so_far().accesses;
        let is_it = |who: &String| *who == virtual_name;
        if accesses
            .iter()
            .rev()
            .any(|access| access.outcome.as_ref().is_ok_and(is_it))
        {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}

/// Reads the mailbox until nothing is missing, a few times at most.
async fn read(target: Target, series: Series, all: &[Letter]) -> Result<Vec<u32>, MailError> {
    let mut numbers = Vec::new();
    for _ in 0..READS {
        numbers = letters::read(target, series)
            .await
            .map_err(MailError::Read)?;
        if Verdict::of(all, &numbers).missing.is_empty() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    Ok(numbers)
}

/// What clients saw meanwhile.
fn report(seen: &Seen) {
    for outage in outages(Function::Mail, &seen.accesses) {
        println!(
            "away for {:.3} s, from {} to {}",
            outage.length_s, outage.before, outage.after
        );
    }
    for conflict in conflicts(Function::Mail, &seen.samples) {
        println!(
            "TWO HOLDERS for {:.3} s: {}",
            conflict.length_s,
            conflict.holders.join(", ")
        );
    }
}

/// Letters that are being delivered.
struct Post {
    stop: Arc<AtomicBool>,
    /// Each letter reports here; the channel ends when the last one has.
    letters: UnboundedReceiver<Letter>,
}

impl Post {
    fn begin(target: Target, series: Series, every: Duration, clock: Clock) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, letters) = unbounded_channel();
        let posting = post_all(target, series, every, clock, Arc::clone(&stop), sender);
        tokio::spawn(posting);
        Self { stop, letters }
    }

    /// Posts no more, waits for the letters under way, and gives all of them.
    async fn end(mut self) -> Vec<Letter> {
        self.stop.store(true, Ordering::Relaxed);
        let mut letters = Vec::new();
        while let Some(letter) = self.letters.recv().await {
            letters.push(letter);
        }
        letters.sort_by_key(|letter| letter.number);
        letters
    }
}

async fn post_all(
    target: Target,
    series: Series,
    every: Duration,
    clock: Clock,
    stop: Arc<AtomicBool>,
    sender: UnboundedSender<Letter>,
) {
    let mut ticks = interval(every);
    for number in 1.. {
        ticks.tick().await;
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let sender = sender.clone();
        tokio::spawn(async move {
            let at_s = clock.now_s();
            let outcome = letters::deliver(target, series, number).await;
            let outcome = outcome.map_err(|error| error.to_string());
            // Whoever counted has given up.
            let _ = sender.send(Letter {
                number,
                at_s,
                outcome,
            });
        });
    }
}

fn write(path: &Path, letters: &[Letter], read: &[u32]) -> io::Result<()> {
    let mut file = csv::create(path, "number,at_unix_s,accepted_by,why_not,times_read")?;
    for letter in letters {
        let (by, why) = match &letter.outcome {
            Ok(by) => (csv::field(by), String::new()),
            Err(why) => (String::new(), csv::field(why)),
        };
        let times = read
            .iter()
            .filter(|number| **number == letter.number)
            .count();
        let (number, at_s) = (letter.number, letter.at_s);
        writeln!(file, "{number},{at_s:.6},{by},{why},{times}")?;
    }
    file.flush()
}
