//! The thread that writes a journal, so that nobody ever waits for its disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tetrarch_core::ServerId;
use tetrarch_core::data::HostName;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tracing::warn;

use super::{JournalError, Room, What, Writer};
use crate::driver::Noted;
use crate::happened::{Happened, Kind};

/// How many entries may wait for the disk.
const WAITING_MAX: usize = 1024;

/// The journal of a running agent.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
    waiting: SyncSender<Waiting>,
    last: watch::Receiver<u64>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug)]
struct Waiting {
    unix_ms: u64,
    at_s: f64,
    what: What,
}

/// How much has happened since the agent's start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events of each kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Events that are in no journal.
    pub missed: u64,
}

impl Journal {
    /// Opens the journal in `folder` and starts its thread, which ends with the last copy of this value.
    /// With `has_hook` the hook is told of everything from the first such start on.
    ///
    /// # Errors
    ///
    /// When the folder or a file in it cannot be used.
    pub fn begin(folder: &Path, room: Room, has_hook: bool) -> Result<Self, JournalError> {
        let writer = Writer::open(folder, room)?;
        if has_hook && super::delivered(folder)?.is_none() {
            super::set_delivered(folder, writer.last())?;
        }
        let (waiting, entries) = sync_channel(WAITING_MAX);
        let (last, watched) = watch::channel(writer.last());
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || keep(writer, &entries, &last))
            .map_err(super::at(folder))?;
        Ok(Self {
            folder: folder.to_owned(),
            waiting,
            last: watched,
            counts: Arc::default(),
        })
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number of the last entry that is on the disk, as it grows.
    #[must_use]
    pub fn last(&self) -> watch::Receiver<u64> {
        self.last.clone()
    }

    /// How much has happened since the agent's start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let counts = self.counts.lock();
        counts.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the events of one life of the server `me` of `ring`, until it ends.
    pub async fn follow(
        self,
        mut events: broadcast::Receiver<Noted>,
        me: ServerId,
        ring: Vec<HostName>,
    ) {
        let (mut missed, mut at_s) = (0, 0.0);
        loop {
            match events.recv().await {
                Ok(noted) => {
                    let happened = Happened::new(&noted.event, me, &ring);
                    at_s = noted.at.as_secs_f64();
                    if missed > 0 && self.add(at_s, What::Missed(missed)) {
                        missed = 0;
                    }
                    self.count(happened.kind);
                    if !self.add(at_s, What::Event(happened)) {
                        missed += 1;
                        self.count_missed(1);
                    }
                }
                Err(RecvError::Lagged(events)) => {
                    missed += events;
                    self.count_missed(events);
                }
                Err(RecvError::Closed) => break,
            }
        }
        if missed > 0 && !self.add(at_s, What::Missed(missed)) {
            warn!(missed, "the journal does not say that events are missing");
        }
    }

    /// Hands an entry over; false when too many wait.
    fn add(&self, at_s: f64, what: What) -> bool {
        let unix_ms = unix_ms();
        let waiting = Waiting {
            unix_ms,
            at_s,
            what,
        };
        self.waiting.try_send(waiting).is_ok()
    }

    fn count(&self, kind: Kind) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.kinds.entry(kind).or_default() += 1;
    }

    fn count_missed(&self, events: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.missed += events;
    }
}

/// The calendar's time; 0 for a calendar before 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "it is for people who read the journal"
)]
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

fn keep(mut writer: Writer, entries: &Receiver<Waiting>, last: &watch::Sender<u64>) {
    let mut missed = 0;
    for entry in entries {
        let Waiting {
            unix_ms,
            at_s,
            what,
        } = entry;
        if missed > 0 && writer.append(unix_ms, at_s, What::Missed(missed)).is_ok() {
            missed = 0;
        }
        match writer.append(unix_ms, at_s, what) {
            Ok(number) => {
                last.send_replace(number);
            }
            Err(why) => {
                missed += 1;
                warn!(%why, "an event is not in the journal");
            }
        }
    }
}
