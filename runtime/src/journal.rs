//! The journal of one server: every event on disk, in order and numbered, in bounded room.
//!
//! A folder holds files `events-N.jsonl`, a line of JSON for each [`Entry`]; N is the number of its first.
//! Lines are forced to the disk before anybody is told of them, and one that was torn by a crash is cut
//! off when the journal is opened again. The oldest file goes when there are too many. What a hook has
//! not been told by then is counted by kind in `dropped.json`, so that it hears of the loss.

mod read;
#[cfg(test)]
mod tests;
mod thread;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::disk;
use crate::happened::{Happened, Kind};
pub use read::{Batch, read_after};
pub use thread::{Counts, Journal};

/// The usual length of one file in bytes, and the usual number of files: some twenty thousand events.
const FILE_BYTES_MAX: u64 = 256 << 10;
const FILES_MAX: usize = 16;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1; none is left out.
    pub number: u64,
    /// When it was noted, in milliseconds since 1970 by the server's calendar, which may be set back.
    pub unix_ms: u64,
    /// When, in seconds since the agent's start, by a clock that is never set.
    pub at_s: f64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The node noted an event.
    Event(Happened),
    /// So many events came faster than they could be kept.
    Missed(u64),
}

/// What was dropped before a hook was told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The number of the first entry that was dropped.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// How many of each kind.
    pub kinds: BTreeMap<Kind, u64>,
}

/// How much room a journal takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The length in bytes at which a file is closed.
    pub file_bytes_max: u64,
    /// The most files.
    pub files_max: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            file_bytes_max: FILE_BYTES_MAX,
            files_max: FILES_MAX,
        }
    }
}

/// Why a journal cannot be used.
#[derive(Debug, Error)]
#[error("{}: {source}", path.display())]
pub struct JournalError {
    /// The folder or file.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError { path, source }
}

/// The files of a journal, and the number of the first entry in each.
fn files(folder: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name
            .and_then(|name| name.strip_prefix("events-")?.strip_suffix(".jsonl"))
            .and_then(|number| number.parse().ok());
        if let Some(number) = number {
            files.push((number, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn replace(path: &Path, text: &str) -> Result<(), JournalError> {
    disk::replace(path, text.as_bytes()).map_err(at(path))
}

fn sync_folder(path: &Path) -> Result<(), JournalError> {
    disk::sync_folder(path).map_err(at(path))
}

fn dropped_file(folder: &Path) -> PathBuf {
    folder.join("dropped.json")
}

fn delivered_file(folder: &Path) -> PathBuf {
    folder.join("delivered")
}

/// The number of the last entry that the hook has taken; none when no hook was ever configured.
///
/// # Errors
///
/// When the file is there and cannot be read, or holds no number.
pub fn delivered(folder: &Path) -> Result<Option<u64>, JournalError> {
    let path = delivered_file(folder);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let number = text.trim().parse().map_err(io::Error::other);
            Ok(Some(number.map_err(at(&path))?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(&path)(error)),
    }
}

/// Remembers that the hook has taken everything up to `number`, over crashes too.
///
/// # Errors
///
/// When the disk does not take it.
pub fn set_delivered(folder: &Path, number: u64) -> Result<(), JournalError> {
    replace(&delivered_file(folder), &format!("{number}\n"))
}

/// What was dropped before the hook was told of it, since that was last said.
///
/// # Errors
///
/// When the file is there and cannot be read.
pub fn dropped(folder: &Path) -> Result<Option<Dropped>, JournalError> {
    let path = dropped_file(folder);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let read = serde_json::from_str(&text).map_err(io::Error::from);
            Ok(Some(read.map_err(at(&path))?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(&path)(error)),
    }
}

/// The end of a journal, at which it grows.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    room: Room,
    file: File,
    path: PathBuf,
    bytes: u64,
    next: u64,
}

impl Writer {
    /// Opens the journal in `folder`, which is made if it is missing. A line that a crash has torn is
    /// cut off.
    ///
    /// # Errors
    ///
    /// Names the folder or file that cannot be used.
    pub fn open(folder: &Path, room: Room) -> Result<Self, JournalError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let files = files(folder)?;
        let (first, path) = files
            .last()
            .cloned()
            .unwrap_or_else(|| (1, folder.join(file_name(1))));
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        let file = options.open(&path).map_err(at(&path))?;
        let text = fs::read(&path).map_err(at(&path))?;
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        file.set_len(whole as u64).map_err(at(&path))?;
        let entries = read::entries(&text[..whole]);
        let next = entries.last().map_or(first, |last| last.number + 1);
        sync_folder(&path)?;
        Ok(Self {
            folder: folder.to_owned(),
            room,
            file,
            path,
            bytes: whole as u64,
            next,
        })
    }

    /// The number of the last entry; 0 before the first.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.next - 1
    }

    /// Adds an entry and forces it to the disk. Gives its number.
    ///
    /// # Errors
    ///
    /// When the disk does not take it; the next one may try again.
    pub fn append(&mut self, unix_ms: u64, at_s: f64, what: What) -> Result<u64, JournalError> {
        if self.bytes >= self.room.file_bytes_max {
            self.begin_file()?;
        }
        let number = self.next;
        let entry = Entry {
            number,
            unix_ms,
            at_s,
            what,
        };
        let mut line = serde_json::to_vec(&entry)
            .map_err(io::Error::from)
            .map_err(at(&self.path))?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        if let Err(error) = written.and_then(|()| self.file.sync_data()) {
            // What is there of the line must not become the beginning of the next one.
            self.file.set_len(self.bytes).map_err(at(&self.path))?;
            return Err(at(&self.path)(error));
        }
        self.bytes += line.len() as u64;
        self.next += 1;
        Ok(number)
    }

    fn begin_file(&mut self) -> Result<(), JournalError> {
        let path = self.folder.join(file_name(self.next));
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        self.file = options.open(&path).map_err(at(&path))?;
        sync_folder(&path)?;
        (self.path, self.bytes) = (path, 0);
        let files = files(&self.folder)?;
        let surplus = files.len().saturating_sub(self.room.files_max.max(2));
        for (_, path) in &files[..surplus] {
            self.drop_file(path)?;
        }
        Ok(())
    }

    /// Removes a file, once what the hook does not know of it is counted. A crash between the two
    /// counts nothing twice, as what is counted already is told by its number.
    fn drop_file(&self, path: &Path) -> Result<(), JournalError> {
        if let Some(delivered) = delivered(&self.folder)? {
            let counted = dropped(&self.folder)?.filter(|dropped| dropped.last > delivered);
            let known = counted.as_ref().map_or(delivered, |dropped| dropped.last);
            let text = fs::read(path).map_err(at(path))?;
            let lost = read::entries(&text);
            let mut sum = counted.unwrap_or_default();
            for entry in lost.iter().filter(|entry| entry.number > known) {
                if sum.first == 0 {
                    sum.first = entry.number;
                }
                sum.last = entry.number;
                if let What::Event(happened) = &entry.what {
                    *sum.kinds.entry(happened.kind).or_default() += 1;
                }
            }
            if sum.last > known {
                let text = serde_json::to_string(&sum).map_err(io::Error::from);
                replace(&dropped_file(&self.folder), &text.map_err(at(path))?)?;
            }
        }
        fs::remove_file(path).map_err(at(path))?;
        sync_folder(path)
    }
}

fn file_name(first: u64) -> String {
    format!("events-{first:020}.jsonl")
}
