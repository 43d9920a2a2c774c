//! Reading a journal while it grows.

use std::fs;
use std::io;
use std::path::Path;

use super::{Dropped, Entry, JournalError, at, dropped, files};

/// Entries of a journal in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// What was dropped between the entry that was asked after and the first of these.
    pub dropped: Option<Dropped>,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// The whole lines of `text` that are entries.
pub(super) fn entries(text: &[u8]) -> Vec<Entry> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let whole = lines.filter(|line| line.ends_with(b"\n"));
    whole
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

/// The entries after the one with the number `after`, as far as the file goes that the next one is in;
/// nothing when there are none yet.
///
/// # Errors
///
/// When the folder or a file in it cannot be read.
pub fn read_after(folder: &Path, after: u64) -> Result<Batch, JournalError> {
    // A file that is dropped meanwhile is looked for once more, and then its successor is found.
    for _ in 0..3 {
        match try_read(folder, after) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
    }
    try_read(folder, after)
}

fn try_read(folder: &Path, after: u64) -> Result<Batch, JournalError> {
    let files = files(folder)?;
    let next = after.saturating_add(1);
    let holds = files.iter().rposition(|(first, _)| *first <= next);
    let mut batch = Batch::default();
    // The file that the next entry belongs to may be at its end, with the entry in its successor.
    for (_, path) in &files[holds.unwrap_or(0)..] {
        let text = fs::read(path).map_err(at(path))?;
        let mut found = entries(&text);
        found.retain(|entry| entry.number > after);
        if !found.is_empty() {
            batch.entries = found;
            break;
        }
    }
    if batch
        .entries
        .first()
        .is_some_and(|first| first.number > next)
    {
        batch.dropped = dropped(folder)?.filter(|dropped| dropped.last > after);
    }
    Ok(batch)
}
