//! Keeps what a node is told in files, a file for each of its lives, without ever waiting for a disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use tetrarch_core::{Config, Deadline, Input, Output, Time};
use tetrarch_record::{WriteError, Writer};
use thiserror::Error;
use tracing::warn;

/// The version of the software that records of live nodes name.
pub const SOFTWARE: &str = concat!("tetrarch-runtime ", env!("CARGO_PKG_VERSION"));

/// How many frames may wait for the disk: minutes of a busy node.
const FRAMES_MAX: usize = 4096;

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
/// a warning, and not the management. Each frame is handed over before the node takes its input.
#[derive(Debug)]
pub struct Recorder {
    writer: Option<Writer<Sink>>,
}

/// Hands each write over to the thread.
#[derive(Debug)]
struct Sink {
    frames: SyncSender<Vec<u8>>,
    bytes_left: u64,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len() as u64;
        self.bytes_left = self
            .bytes_left
            .checked_sub(length)
            .ok_or_else(|| io::Error::other("the record has reached its greatest length"))?;
        match self.frames.try_send(bytes.to_vec()) {
            Ok(()) => Ok(bytes.len()),
            Err(TrySendError::Full(_)) => Err(io::Error::other("the disk does not keep up")),
            Err(TrySendError::Disconnected(_)) => Err(io::Error::other("the disk has failed")),
        }
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
        let (frames, waiting) = sync_channel(FRAMES_MAX);
        let thread = thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || keep(file, &waiting))
            .map_err(at(&path))?;
        let sink = Sink {
            frames,
            bytes_left: settings.bytes_max,
        };
        let writer = Some(Writer::new(sink, config, SOFTWARE)?);
        Ok((Self { writer }, thread))
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
        if let Some(writer) = &mut self.writer {
            writer.output(output);
        }
    }

    pub(crate) fn decided(&mut self, deadline: Option<Deadline>) {
        if let Some(writer) = &mut self.writer {
            writer.decided(deadline);
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

fn keep(mut file: File, frames: &Receiver<Vec<u8>>) {
    for frame in frames {
        if let Err(why) = file.write_all(&frame) {
            warn!(%why, "cannot write the record");
            return;
        }
    }
}
