//! The number of a life of the management programs: greater than that of every life before it.
//!
//! A guarded group rests on it: a server must not take the votes that it was given in an earlier life, which it
//! has forgotten, for answers to what it asks now. The last number is kept in the file `life` of the state. The next
//! one is greater than that, and no less than the seconds since 1970: so it is also greater when the file was
//! lost, broken or brought back from a copy, unless the date was set back as well, or was wrong before. That case
//! nobody can tell from a first start, and it is said to the log.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tetrarch_core::Life;
use thiserror::Error;
use tracing::warn;

use crate::{clock, disk};

/// The most bytes of the file that are read.
const BYTES_MAX: u64 = 64;

/// The beginning of the year 2100. A later date is that of a broken clock, and would leave no numbers for the lives
/// after it.
const DATE_MAX: u32 = 4_102_444_800;

/// Why there is no number for a life.
#[derive(Debug, Error)]
pub enum LifeError {
    /// The number cannot be kept, and the date would not make the next one greater.
    #[error(
        "{}: {source}; the date is behind the number of the last life, so this one must be kept", path.display()
    )]
    Keep {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// No greater number is left.
    #[error("{}: no greater number of a life is left; remove the file if the date is right", path.display())]
    Spent {
        /// The file.
        path: PathBuf,
    },
}

/// Begins a life: its number is in the folder `state`, and on the disk, before this returns.
///
/// A disk that takes no file is no reason not to start as long as the date makes the next number greater, too.
///
/// # Errors
///
/// When the number cannot be kept and the date is behind that of the last life, or when all numbers are used up.
pub fn begin(state: &Path) -> Result<Life, LifeError> {
    let begun = begin_at(state, clock::date_s())?;
    if !begun.is_kept {
        // The date of the next life must be a later one.
        thread::sleep(Duration::from_secs(1));
    }
    Ok(begun.life)
}

struct Begun {
    life: Life,
    /// Whether the number is on the disk.
    is_kept: bool,
}

fn begin_at(state: &Path, date_s: u32) -> Result<Begun, LifeError> {
    let path = state.join("life");
    let last = last(&path);
    let date = date_s.min(DATE_MAX);
    let spent = || LifeError::Spent { path: path.clone() };
    let next = match last {
        Some(last) => last.checked_add(1).ok_or_else(spent)?.max(date),
        None => date.max(1),
    };
    let kept = keep(&path, next);
    let is_kept = kept.is_ok();
    match kept {
        Ok(()) => {}
        Err(why) if next == date => {
            warn!(path = %path.display(), %why, "the number of this life is not kept; the next one rests on the date");
        }
        Err(source) => return Err(LifeError::Keep { path, source }),
    }
    Ok(Begun {
        life: Life::new(next),
        is_kept,
    })
}

/// The number of the last life, if the file tells it.
fn last(path: &Path) -> Option<u32> {
    match read(path) {
        Ok(text) => {
            let number = number(&text);
            if number.is_none() {
                warn!(path = %path.display(), "expected the number of the last life; the next one rests on the date");
            }
            number
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            warn!(path = %path.display(), "there is no number of a last life; this one rests on the date");
            None
        }
        Err(why) => {
            warn!(path = %path.display(), %why, "the number of the last life cannot be read; the next one rests on the date");
            None
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(BYTES_MAX)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// The number in a whole file: there twice and with its end, so that half a number is none.
fn number(text: &str) -> Option<u32> {
    let number = text.split(' ').next()?.parse().ok()?;
    (text == line(number)).then_some(number)
}

fn line(number: u32) -> String {
    format!("{number} {number}\n")
}

/// Puts the number in the place of the last one, at once.
fn keep(path: &Path, number: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    disk::replace(path, line(number).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: u32 = 1_800_000_000;

    fn begun(state: &Path, date_s: u32) -> u32 {
        begin_at(state, date_s).unwrap().life.number()
    }

    #[test]
    fn every_life_has_a_greater_number_whatever_the_date() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let numbers = [TODAY, TODAY, TODAY - 5000, 0, TODAY + 100, u32::MAX, TODAY]
            .map(|date| begun(&state, date));
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        assert_eq!(numbers[0], TODAY);
        assert_eq!(numbers[4], TODAY + 100);
        assert_eq!(numbers[5], DATE_MAX);
    }

    #[test]
    fn a_file_that_is_lost_or_broken_leaves_the_date() {
        let folder = tempfile::tempdir().unwrap();
        let (state, file) = (folder.path(), folder.path().join("life"));
        let first = begun(state, TODAY);
        let whole = fs::read_to_string(&file).unwrap();
        let mut broken = vec![String::new(), "\0".repeat(20), whole.replacen('8', "7", 1)];
        broken.extend((0..whole.len()).map(|length| whole[..length].to_owned()));
        broken.push(format!("{whole}{whole}"));
        broken.push(format!("0{whole}"));
        for text in broken {
            fs::write(&file, &text).unwrap();
            let next = begun(state, TODAY + 1);
            assert_eq!(next, TODAY + 1, "{text:?}");
        }
        fs::remove_file(&file).unwrap();
        assert!(begun(state, TODAY + 2) > first);
        // Without a date, as on a machine without a clock, there is a number all the same.
        fs::remove_file(&file).unwrap();
        assert_eq!(begun(state, 0), 1);
        // One that was killed between writing and renaming has used its number, and does not hinder the next.
        fs::write(state.join("life.new"), "half").unwrap();
        assert_eq!(begun(state, 0), 2);
        assert!(!state.join("life.new").exists());
    }

    #[test]
    fn a_disk_that_takes_no_number_stops_only_a_life_that_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        assert_eq!(begun(state, TODAY), TODAY);
        // Nothing can be written there, not even by root.
        fs::create_dir(state.join("life.new")).unwrap();
        assert_eq!(begun(state, TODAY + 10), TODAY + 10);
        let refused = begin_at(state, TODAY - 1).err().unwrap().to_string();
        assert!(refused.contains("the date is behind"), "{refused}");
    }

    #[test]
    fn the_last_number_has_no_next() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("life"), line(u32::MAX)).unwrap();
        let refused = begin_at(folder.path(), TODAY);
        assert!(matches!(refused, Err(LifeError::Spent { .. })));
    }
}
