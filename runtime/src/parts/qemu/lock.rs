//! The lock of an image on the shared area: which host may change it.
//!
//! It is a file that holds its owner. It is made by linking, which either succeeds for one host or fails,
//! on NFS as well; a lock of the file system's own would vanish with the connection to the server, and
//! with it the knowledge of who has been changing the image.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Longest file that is read as a lock, in bytes.
const BYTES_MAX: u64 = 4096;

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// The host's name, unique in its group.
    pub host: String,
}

/// Why a lock could not be taken or given back.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another host has it.
    #[error("the image is locked by {}", .0.host)]
    Held(Owner),
    /// The file is there and makes no sense. Somebody must look at it.
    #[error("{} is no lock of an image: {why}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The shared area does not do what it should.
    #[error("cannot lock the image by {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The lock of one image, as seen from one host.
#[derive(Clone, Debug)]
pub struct ImageLock {
    path: PathBuf,
    me: Owner,
}

impl ImageLock {
    /// The lock in the folder of an image, for `me`.
    #[must_use]
    pub fn new(folder: &Path, me: Owner) -> Self {
        Self {
            path: folder.join("lock"),
            me,
        }
    }

    /// Takes the lock. It is well if this host has it already, as after a crash of its own.
    ///
    /// # Errors
    ///
    /// When another host has it, or the shared area fails.
    pub fn acquire(&self) -> Result<(), LockError> {
        match self.owner()? {
            Some(owner) if owner == self.me => return Ok(()),
            Some(owner) => return Err(LockError::Held(owner)),
            None => {}
        }
        let own = self.beside("new");
        let text = serde_json::to_string(&self.me).map_err(|e| self.io(e.into()))?;
        fs::write(&own, text).map_err(|e| self.io(e))?;
        let linked = fs::hard_link(&own, &self.path);
        let removed = fs::remove_file(&own);
        // The answer to a link may be lost on the way from the file server, so the file decides.
        match self.owner()? {
            Some(owner) if owner == self.me => Ok(()),
            Some(owner) => Err(LockError::Held(owner)),
            None => Err(self.io(linked
                .and(removed)
                .err()
                .unwrap_or_else(|| ErrorKind::NotFound.into()))),
        }
    }

    /// Takes the lock away from `owner`, who is known to be dead or cut off, and takes it. A host that was
    /// not dead finds out before it changes the image (see [`Self::is_mine`]).
    ///
    /// # Errors
    ///
    /// When somebody else has it meanwhile, or the shared area fails.
    pub fn take_over(&self, owner: &Owner) -> Result<(), LockError> {
        let old = self.beside("old");
        match fs::rename(&self.path, &old) {
            Err(error) if error.kind() == ErrorKind::NotFound => return self.acquire(),
            result => result.map_err(|e| self.io(e))?,
        }
        let found = read(&old)?;
        if found.as_ref().is_some_and(|found| found != owner) {
            // Another host was faster, and what was moved is its lock: back with it.
            let _ = fs::hard_link(&old, &self.path);
        }
        fs::remove_file(&old).map_err(|e| self.io(e))?;
        self.acquire()
    }

    /// Whether this host has the lock.
    ///
    /// # Errors
    ///
    /// When the shared area fails.
    pub fn is_mine(&self) -> Result<bool, LockError> {
        Ok(self.owner()?.as_ref() == Some(&self.me))
    }

    /// Gives the lock back, if this host has it.
    ///
    /// # Errors
    ///
    /// When the shared area fails.
    pub fn release(&self) -> Result<(), LockError> {
        if !self.is_mine()? {
            return Ok(());
        }
        fs::remove_file(&self.path).map_err(|e| self.io(e))
    }

    /// Who has the lock.
    ///
    /// # Errors
    ///
    /// When the shared area fails.
    pub fn owner(&self) -> Result<Option<Owner>, LockError> {
        read(&self.path)
    }

    /// A file name that only this host uses.
    fn beside(&self, kind: &str) -> PathBuf {
        self.path.with_extension(format!("{kind}.{}", self.me.host))
    }

    fn io(&self, source: io::Error) -> LockError {
        LockError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

fn read(path: &Path) -> Result<Option<Owner>, LockError> {
    let broken = |why: String| LockError::Broken {
        path: path.to_owned(),
        why,
    };
    let io = |source| LockError::Io {
        path: path.to_owned(),
        source,
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(data) if data.len() > BYTES_MAX => return Err(broken("it is too long".to_owned())),
        result => result.map(|_| ()).map_err(io)?,
    }
    let text = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        result => result.map_err(io)?,
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|e| broken(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(host: &str) -> Owner {
        Owner {
            host: host.to_owned(),
        }
    }

    fn two() -> (tempfile::TempDir, ImageLock, ImageLock) {
        let folder = tempfile::tempdir().unwrap();
        let a = ImageLock::new(folder.path(), owner("a"));
        let b = ImageLock::new(folder.path(), owner("b"));
        (folder, a, b)
    }

    #[test]
    fn one_host_has_it_at_a_time() {
        let (folder, a, b) = two();
        a.acquire().unwrap();
        a.acquire().unwrap();
        assert!(matches!(b.acquire(), Err(LockError::Held(o)) if o == owner("a")));
        b.release().unwrap();
        assert!(a.is_mine().unwrap());
        a.release().unwrap();
        b.acquire().unwrap();
        assert!(!a.is_mine().unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn it_is_taken_from_a_dead_owner_only() {
        let (folder, a, b) = two();
        a.acquire().unwrap();
        let c = ImageLock::new(folder.path(), owner("c"));
        b.take_over(&owner("a")).unwrap();
        assert!(!a.is_mine().unwrap());
        // Another one that wants to take it from the same dead owner is too late.
        assert!(matches!(c.take_over(&owner("a")), Err(LockError::Held(o)) if o == owner("b")));
        assert!(b.is_mine().unwrap());
        b.release().unwrap();
        c.take_over(&owner("b")).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_many_at_once_one_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let got = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|i| {
                    let lock = ImageLock::new(folder.path(), owner(&format!("host{i}")));
                    scope.spawn(move || lock.acquire().is_ok())
                })
                .collect();
            threads
                .into_iter()
                .map(|t| t.join().unwrap())
                .filter(|got| *got)
                .count()
        });
        assert_eq!(got, 1);
    }

    #[test]
    fn what_is_no_lock_is_left_alone() {
        let (folder, a, _) = two();
        for text in [
            "",
            "{",
            "{\"host\":1}",
            "{\"host\":\"a\",\"x\":1}",
            &" ".repeat(5000),
        ] {
            std::fs::write(folder.path().join("lock"), text).unwrap();
            assert!(
                matches!(a.acquire(), Err(LockError::Broken { .. })),
                "{text:?}"
            );
            assert!(a.release().is_err());
        }
    }
}
