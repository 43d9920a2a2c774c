//! Hooks: a program of the site's own is told of every event in the journal, one after the other, in
//! order, each at least once.
//!
//! What it has taken is remembered over restarts and crashes of the agent. It is run again with what it
//! did not take, after a pause that doubles, for ever: nothing overtakes. A crash between its end and the
//! remembering tells it something twice, and the number says so.
//!
//! A hook that the last agent began may still run after a crash. It holds the lock of the file that it
//! reads, and the next one waits for that.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use thiserror::Error;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::disk::Disk;
use crate::journal::{self, Dropped, Entry, Journal, JournalError, What};
use crate::parts::command::{self, CommandError, Source};

/// Longest wait for the local disk.
const DISK_MAX: Duration = Duration::from_secs(10);

/// How often the end of an earlier agent's hook is looked for.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A program that is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The program.
    pub program: PathBuf,
    /// How long it may run; then it is killed, and has taken nothing.
    pub limit: Duration,
    /// The pause before it is run again with what it did not take, doubled each time.
    pub retry_min: Duration,
    /// The longest pause.
    pub retry_max: Duration,
}

/// Who tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Teller {
    /// What the site is called.
    pub site: String,
    /// The server.
    pub host: String,
}

/// What has become of notifications since the agent's start.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// How many the hook has taken.
    pub taken: AtomicU64,
    /// How often it has failed.
    pub failed: AtomicU64,
    /// The number of the last entry that it has taken, in this or an earlier life.
    pub last: AtomicU64,
}

/// What a hook reads.
#[derive(Debug, Serialize)]
struct Notice<'a> {
    site: &'a str,
    host: &'a str,
    text: String,
    #[serde(flatten)]
    what: Notified<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Notified<'a> {
    Dropped(&'a Dropped),
    #[serde(untagged)]
    Entry(&'a Entry),
}

#[derive(Debug, Error)]
enum NotTaken {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("it ended with {status}: {said}")]
    Refused {
        status: std::process::ExitStatus,
        said: String,
    },
    #[error("{}: {source}", path.display())]
    Input { path: PathBuf, source: io::Error },
    #[error("the local disk does not answer")]
    Disk,
}

impl Notified<'_> {
    const fn number(&self) -> u64 {
        match self {
            Self::Entry(entry) => entry.number,
            Self::Dropped(dropped) => dropped.last,
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Entry(Entry {
                what: What::Event(happened),
                ..
            }) => happened.kind.name(),
            Self::Entry(_) => "missed",
            Self::Dropped(_) => "dropped",
        }
    }

    fn server(&self) -> &str {
        match self {
            Self::Entry(Entry {
                what: What::Event(happened),
                ..
            }) => &happened.server,
            _ => "",
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Entry(entry) => match &entry.what {
                What::Event(happened) => happened.to_string(),
                What::Missed(events) => format!("{events} events came too fast to be kept"),
            },
            Self::Dropped(dropped) => {
                let kinds = dropped.kinds.iter();
                let kinds: Vec<String> = kinds
                    .map(|(kind, count)| format!("{count} {kind}"))
                    .collect();
                let (first, last) = (dropped.first, dropped.last);
                format!(
                    "entries {first} to {last} were dropped untold: {}",
                    kinds.join(", ")
                )
            }
        }
    }
}

/// Tells `hook` of everything in `journal` that it has not taken yet, and of what comes.
///
/// # Errors
///
/// When it cannot be found out what it has taken.
pub async fn deliver(
    journal: Journal,
    hook: Hook,
    teller: Teller,
    disk: Disk,
    deliveries: &Deliveries,
) -> Result<(), JournalError> {
    let mut grown = journal.last();
    let folder = journal.folder().to_owned();
    // The thread of the journal is not kept alive by who reads it.
    drop(journal);
    let mut after = journal::delivered(&folder)?.unwrap_or_else(|| *grown.borrow());
    deliveries.last.store(after, Ordering::Relaxed);
    loop {
        grown.mark_unchanged();
        let reading = folder.clone();
        let read = disk.call(DISK_MAX, move || journal::read_after(&reading, after));
        let batch = match read.await {
            Some(Ok(batch)) => batch,
            other => {
                warn!(?other, "the journal cannot be read");
                sleep(hook.retry_max).await;
                continue;
            }
        };
        let untold = missing(after, batch.dropped, &batch.entries);
        let notices = untold.iter().map(Notified::Dropped);
        let entries = batch.entries.iter().map(Notified::Entry);
        let number_before = after;
        for what in notices.chain(entries) {
            if what.number() <= after {
                continue;
            }
            after = what.number();
            until_taken(&hook, &teller, &folder, &disk, deliveries, what).await;
        }
        if after == number_before && grown.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// What lies between the entry `after` and the first of `entries`: as it was counted, or else uncounted.
fn missing(after: u64, counted: Option<Dropped>, entries: &[Entry]) -> Option<Dropped> {
    let first = entries.first()?.number;
    let is_gap = first > after.saturating_add(1);
    is_gap.then(|| {
        counted.unwrap_or_else(|| Dropped {
            first: after + 1,
            last: first - 1,
            kinds: std::collections::BTreeMap::new(),
        })
    })
}

/// Runs the hook until it takes `what`, and remembers that.
async fn until_taken(
    hook: &Hook,
    teller: &Teller,
    folder: &Path,
    disk: &Disk,
    deliveries: &Deliveries,
    what: Notified<'_>,
) {
    let (number, mut pause) = (what.number(), hook.retry_min);
    let environment = environment(teller, &what);
    let notice = Notice {
        site: &teller.site,
        host: &teller.host,
        text: what.text(),
        what,
    };
    let mut text = serde_json::to_vec(&notice).unwrap_or_default();
    text.push(b'\n');
    while let Err(why) = tell(hook, folder, disk, &environment, text.clone()).await {
        deliveries.failed.fetch_add(1, Ordering::Relaxed);
        warn!(%why, number, "the hook has not taken a notification");
        sleep(pause).await;
        pause = (pause * 2).min(hook.retry_max);
    }
    deliveries.taken.fetch_add(1, Ordering::Relaxed);
    deliveries.last.store(number, Ordering::Relaxed);
    let folder = folder.to_owned();
    let set = disk.call(DISK_MAX, move || journal::set_delivered(&folder, number));
    if !matches!(set.await, Some(Ok(()))) {
        warn!(number, "it is not remembered that the hook was told");
    }
}

fn environment(teller: &Teller, what: &Notified<'_>) -> [(&'static str, String); 6] {
    [
        ("TETRARCH_SITE", teller.site.clone()),
        ("TETRARCH_HOST", teller.host.clone()),
        ("TETRARCH_NUMBER", what.number().to_string()),
        ("TETRARCH_KIND", what.kind().to_owned()),
        ("TETRARCH_SERVER", what.server().to_owned()),
        ("TETRARCH_TEXT", what.text()),
    ]
}

async fn tell(
    hook: &Hook,
    folder: &Path,
    disk: &Disk,
    environment: &[(&str, String)],
    text: Vec<u8>,
) -> Result<(), NotTaken> {
    let path = folder.join("notice.json");
    let input = locked(&path, hook.limit, disk, text).await?;
    let none: &[&str] = &[];
    let source = Source::File(input);
    let ended = command::run_with(&hook.program, none, environment, source, hook.limit).await?;
    if ended.status.success() {
        return Ok(());
    }
    Err(NotTaken::Refused {
        status: ended.status,
        said: ended.first_line().to_owned(),
    })
}

/// The file at `path` with `text` in it, locked. Whoever holds it, for example the hook of an agent that
/// has crashed, is waited for as long as a hook may run.
async fn locked(
    path: &Path,
    limit: Duration,
    disk: &Disk,
    text: Vec<u8>,
) -> Result<File, NotTaken> {
    let refuse = |source| NotTaken::Input {
        path: path.to_owned(),
        source,
    };
    let opening = path.to_owned();
    let opened = disk.call(DISK_MAX, move || {
        let mut options = OpenOptions::new();
        // The earlier hook still reads what is in it, so it is emptied only under the lock.
        options.read(true).write(true).create(true).truncate(false);
        options.mode(0o600).open(&opening)
    });
    let mut file = opened.await.ok_or(NotTaken::Disk)?.map_err(refuse)?;
    let since = Instant::now();
    while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
        if since.elapsed() > limit {
            info!(%error, "an earlier hook does not end, the next one begins");
            break;
        }
        sleep(LOCK_PAUSE).await;
    }
    let filled = disk.call(DISK_MAX, move || {
        file.set_len(0)?;
        file.write_all(&text)?;
        file.rewind()?;
        Ok(file)
    });
    filled.await.ok_or(NotTaken::Disk)?.map_err(refuse)
}
