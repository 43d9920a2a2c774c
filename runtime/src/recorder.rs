//! Keeps what a node is told in files, a file for each of its lives, without ever waiting for a disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tetrarch_core::{Config, Deadline, Input, Output, Time};
use tetrarch_record::{WriteError, Writer};
use thiserror::Error;
use tracing::warn;

/// The version of the software that records of live nodes name.
pub const SOFTWARE: &str = concat!("tetrarch-runtime ", env!("CARGO_PKG_VERSION"));

/// How many bytes may wait for the disk: minutes of a busy node.
const WAITING_BYTES_MAX: usize = 128 << 10;

/// How long what a node is told may wait for more to be written with it.
pub const GATHER_MAX: Duration = Duration::from_secs(1);

/// Where records are kept and how much room they take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSettings {
    /// The folder.
    pub folder: PathBuf,
    /// The longest record of one life in bytes; what comes after that is not recorded.
    pub bytes_max: u64,
    /// The most records in the folder; the oldest go first.
    pub files_max: usize,
}

/// A record that cannot be begun.
#[derive(Debug, Error)]
pub enum RecorderError {
    /// The folder, or the file in it.
    #[error("{}: cannot keep a record here: {source}", path.display())]
    Path {
        /// The folder or file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The header.
    #[error(transparent)]
    Header(#[from] WriteError),
}

/// Writes the record of one life.
///
/// The frames go to a thread of their own. A disk that gives no answer therefore ends the record, with
/// a warning, and not the management. Each frame is handed over before the node takes its input. The thread
/// writes what came within [`GATHER_MAX`] at once, and what led to an event without delay.
#[derive(Debug)]
pub struct Recorder {
    writer: Option<Writer<Sink>>,
    /// Whether the step that is under way has noted something.
    has_noted: bool,
}

/// Hands each write over to the thread. Its end is the end of the record.
#[derive(Debug)]
struct Sink {
    waiting: Arc<Waiting>,
    bytes_left: u64,
}

/// What waits for the disk.
#[derive(Debug, Default)]
struct Waiting {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// Whether the thread sleeps until something comes, however long that takes.
    is_idle: bool,
    /// Whether what waits is to be written without delay.
    is_urgent: bool,
    is_over: bool,
    has_failed: bool,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The value is whole whoever panicked while it was held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        if state.has_failed {
            return Err(io::Error::other("the disk has failed"));
        }
        if state.bytes.len() + bytes.len() > WAITING_BYTES_MAX {
            return Err(io::Error::other("the disk does not keep up"));
        }
        state.bytes.extend_from_slice(bytes);
        if state.is_idle {
            self.changed.notify_one();
        }
        Ok(())
    }

    fn hurry(&self) {
        self.lock().is_urgent = true;
        self.changed.notify_one();
    }

    fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_one();
    }

    /// What is to be written next, in `bytes`, and whether that is the end of the record.
    fn next(&self, bytes: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        loop {
            let gathered = self.changed.wait_timeout_while(state, GATHER_MAX, |state| {
                !state.is_urgent && !state.is_over && state.bytes.len() < WAITING_BYTES_MAX / 2
            });
            state = gathered.unwrap_or_else(PoisonError::into_inner).0;
            state.is_urgent = false;
            if state.is_over || !state.bytes.is_empty() {
                std::mem::swap(&mut state.bytes, bytes);
                return state.is_over;
            }
            // Nothing came for a while, so there is no more waking up until something does.
            state.is_idle = true;
            let waited = self
                .changed
                .wait_while(state, |state| state.bytes.is_empty() && !state.is_over);
            state = waited.unwrap_or_else(PoisonError::into_inner);
            state.is_idle = false;
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.waiting.end();
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len() as u64;
        self.bytes_left = self
            .bytes_left
            .checked_sub(length)
            .ok_or_else(|| io::Error::other("the record has reached its greatest length"))?;
        self.waiting.add(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Recorder {
    /// Begins the record of a life of the node with `config` on the server `name`, as
    /// `<name>-<n>.rec` with the next free number, and removes the oldest records of this server that
    /// are too many. The thread that comes with it ends when all of the record is in the file.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read or the file cannot be made.
    pub fn begin(
        settings: &RecordSettings,
        name: &str,
        config: &Config,
    ) -> Result<(Self, thread::JoinHandle<()>), RecorderError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| RecorderError::Path { path, source }
        };
        let folder = &settings.folder;
        fs::create_dir_all(folder).map_err(at(folder))?;
        let mut lives = lives(folder, name).map_err(at(folder))?;
        let number = lives.last().map_or(1, |last| last.saturating_add(1));
        let path = folder.join(format!("{name}-{number}.rec"));
        let mut options = OpenOptions::new();
        // Records tell who serves what; that is nobody's business but the operator's.
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&path).map_err(at(&path))?;
        lives.push(number);
        let surplus = lives.len().saturating_sub(settings.files_max.max(1));
        for number in &lives[..surplus] {
            let old = folder.join(format!("{name}-{number}.rec"));
            fs::remove_file(&old).map_err(at(&old))?;
        }
        let waiting = Arc::<Waiting>::default();
        let sink = Sink {
            waiting: Arc::clone(&waiting),
            bytes_left: settings.bytes_max,
        };
        let thread = thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || keep(file, &waiting))
            .map_err(at(&path))?;
        let writer = Some(Writer::new(sink, config, SOFTWARE)?);
        let recorder = Self {
            writer,
            has_noted: false,
        };
        Ok((recorder, thread))
    }

    pub(crate) fn input(&mut self, now: Time, input: &Input) {
        if let Some(writer) = &mut self.writer
            && let Err(why) = writer.input(now, input)
        {
            warn!(%why, "the record of this life ends here");
            self.writer = None;
        }
    }

    pub(crate) fn output(&mut self, output: &Output) {
        self.has_noted |= matches!(output, Output::Note(_));
        if let Some(writer) = &mut self.writer {
            writer.output(output);
        }
    }

    pub(crate) fn decided(&mut self, deadline: Option<Deadline>) {
        if let Some(writer) = &mut self.writer {
            writer.decided(deadline);
            // Whoever asks what led to an event finds it in the record, also when this server dies next.
            if std::mem::take(&mut self.has_noted) {
                writer.sink().waiting.hurry();
            }
        }
    }

    /// Ends the record.
    pub(crate) fn finish(mut self) {
        if let Some(writer) = self.writer.take()
            && let Err(why) = writer.finish()
        {
            warn!(%why, "the record of this life has no end");
        }
    }
}

/// The records of the server `name` in `folder`, the newest first.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn records(folder: &Path, name: &str) -> io::Result<Vec<PathBuf>> {
    let numbers = lives(folder, name)?.into_iter().rev();
    let path = |number: u32| folder.join(format!("{name}-{number}.rec"));
    Ok(numbers.map(path).collect())
}

/// The numbers of the records of `name`, the oldest first.
fn lives(folder: &Path, name: &str) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.file_name();
        let number: Option<u32> = file
            .to_str()
            .and_then(|file| file.strip_prefix(name)?.strip_prefix('-'))
            .and_then(|rest| rest.strip_suffix(".rec")?.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn keep(mut file: File, waiting: &Waiting) {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let is_over = waiting.next(&mut bytes);
        if let Err(why) = file.write_all(&bytes) {
            warn!(%why, "cannot write the record");
            waiting.lock().has_failed = true;
            return;
        }
        if is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until the file has this length, however long that takes on a busy machine.
    fn until_length(path: &Path, expected: u64) {
        for _ in 0..6000 {
            if fs::metadata(path).unwrap().len() == expected {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the file has not {expected} bytes");
    }

    fn begin(folder: &Path) -> (Arc<Waiting>, PathBuf, thread::JoinHandle<()>) {
        let path = folder.join("a.rec");
        let file = File::create(&path).unwrap();
        let waiting = Arc::<Waiting>::default();
        let kept = Arc::clone(&waiting);
        (waiting, path, thread::spawn(move || keep(file, &kept)))
    }

    #[test]
    fn what_waits_is_written_by_itself_and_all_of_it_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let (waiting, path, thread) = begin(folder.path());
        for n in 1..=3 {
            waiting.add(b"four").unwrap();
            until_length(&path, 4 * n);
        }
        // In haste, and then both at once, the end without a wait.
        waiting.add(b"four").unwrap();
        waiting.hurry();
        until_length(&path, 16);
        waiting.add(b"four").unwrap();
        waiting.add(b"four").unwrap();
        waiting.end();
        thread.join().unwrap();
        until_length(&path, 24);
    }

    #[test]
    fn a_disk_that_is_full_ends_the_record_and_nothing_else() {
        let (waiting, kept) = (Arc::<Waiting>::default(), File::options());
        let full = kept.clone().write(true).open("/dev/full").unwrap();
        let on_thread = Arc::clone(&waiting);
        let thread = thread::spawn(move || keep(full, &on_thread));
        waiting.add(b"four").unwrap();
        waiting.hurry();
        thread.join().unwrap();
        assert!(waiting.add(b"four").is_err());
        assert_eq!(waiting.lock().bytes.len(), 0);
    }

    #[test]
    fn a_disk_that_hangs_takes_no_more_than_its_room() {
        let waiting = Waiting::default();
        let taken = (0..10_000).filter(|_| waiting.add(&[0; 100]).is_ok());
        assert_eq!(taken.count(), WAITING_BYTES_MAX / 100);
    }
}
