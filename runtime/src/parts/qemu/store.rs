//! The image of one virtual server on the shared area.
//!
//! ```text
//! server1b/
//!   current -> 7        the generation that counts
//!   7/disk              its disk
//!   7/state             the memory and devices that belong to this very disk; missing after a crash
//!   work.server3/       what the host server3 is running from: a copy of the disk
//! ```
//!
//! A state fits only the disk that it was saved with. So the two are changed together, by one rename of
//! `current`, and what runs is always a copy: a host that dies leaves the last generation as it was, and
//! two hosts can never write to one disk.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const DISK: &str = "disk";
const STATE: &str = "state";

/// Why an image could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no suspended state: the virtual server can only be started from its disk.
    #[error("{} has no saved state", .0.display())]
    NoState(PathBuf),
    /// `current` is missing, or does not name a generation.
    #[error("{} has no current generation: {why}", folder.display())]
    NoGeneration {
        /// The image's folder.
        folder: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The shared area does not do what it should.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The image of one virtual server, as seen from one host.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    work: PathBuf,
}

/// Adds what was tried to an error of the system.
fn tried<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StoreError + 'a {
    move |source| StoreError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

impl Store {
    /// The image in `folder`, for the host called `host`.
    #[must_use]
    pub fn new(folder: &Path, host: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            work: folder.join(format!("work.{host}")),
        }
    }

    /// Makes a new image from the disk in the file `disk`, which is copied.
    ///
    /// # Errors
    ///
    /// When there is an image already, or it cannot be written.
    pub fn create(&self, disk: &Path) -> Result<(), StoreError> {
        if self.folder.join("current").symlink_metadata().is_ok() {
            return Err(tried("create", &self.folder)(
                ErrorKind::AlreadyExists.into(),
            ));
        }
        self.empty_work()?;
        fs::copy(disk, self.disk()).map_err(tried("copy", disk))?;
        self.publish(1)
    }

    /// The folder of the image.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The disk that this host runs from.
    #[must_use]
    pub fn disk(&self) -> PathBuf {
        self.work.join(DISK)
    }

    /// Where this host writes a new state.
    #[must_use]
    pub fn new_state(&self) -> PathBuf {
        self.work.join(STATE)
    }

    /// The state of the current generation.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn state(&self) -> Result<PathBuf, StoreError> {
        let path = self.generation_folder(self.generation()?).join(STATE);
        match fs::metadata(&path) {
            Ok(_) => Ok(path),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(StoreError::NoState(self.folder.clone()))
            }
            Err(error) => Err(tried("look at", &path)(error)),
        }
    }

    /// Copies the disk of the current generation to where this host runs from. File systems that can share
    /// the blocks of two files do.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written.
    pub fn prepare(&self) -> Result<(), StoreError> {
        let disk = self.generation_folder(self.generation()?).join(DISK);
        self.empty_work()?;
        fs::copy(&disk, self.disk()).map_err(tried("copy", &disk))?;
        Ok(())
    }

    /// Makes the disk that this host ran from, and the state if one was saved, the current generation.
    ///
    /// # Errors
    ///
    /// When it cannot be written; the old generation still counts then.
    pub fn commit(&self) -> Result<(), StoreError> {
        let old = self.generation()?;
        self.publish(old + 1)?;
        // It is of no use any more, and a failure to remove it is no failure of the commit.
        let _ = fs::remove_dir_all(self.generation_folder(old));
        Ok(())
    }

    /// Throws away what this host ran from.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn discard(&self) -> Result<(), StoreError> {
        match fs::remove_dir_all(&self.work) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(tried("remove", &self.work)(error))
            }
            _ => Ok(()),
        }
    }

    fn empty_work(&self) -> Result<(), StoreError> {
        self.discard()?;
        fs::create_dir_all(&self.work).map_err(tried("make", &self.work))
    }

    /// Turns the work folder into generation `number`, and makes it the current one. Whatever the moment
    /// at which this host dies, `current` names a complete generation that has reached the disk.
    fn publish(&self, number: u64) -> Result<(), StoreError> {
        for name in [DISK, STATE] {
            let path = self.work.join(name);
            match File::open(&path).and_then(|file| file.sync_all()) {
                Err(error) if error.kind() == ErrorKind::NotFound && name == STATE => {}
                result => result.map_err(tried("write", &path))?,
            }
        }
        sync_folder(&self.work)?;
        let folder = self.generation_folder(number);
        // What a host left that died before it had made it current.
        let _ = fs::remove_dir_all(&folder);
        fs::rename(&self.work, &folder).map_err(tried("rename", &self.work))?;
        let current = self.folder.join("current");
        let new = self.work.with_extension("current");
        let _ = fs::remove_file(&new);
        std::os::unix::fs::symlink(number.to_string(), &new).map_err(tried("link", &new))?;
        fs::rename(&new, &current).map_err(tried("rename", &new))?;
        sync_folder(&self.folder)
    }

    fn generation(&self) -> Result<u64, StoreError> {
        let none = |why: String| StoreError::NoGeneration {
            folder: self.folder.clone(),
            why,
        };
        let target = fs::read_link(self.folder.join("current")).map_err(|e| none(e.to_string()))?;
        let name = target.to_string_lossy();
        let number = name
            .parse()
            .ok()
            .filter(|number: &u64| number.to_string() == name);
        number.ok_or_else(|| none(format!("it points to {name:?}")))
    }

    fn generation_folder(&self, number: u64) -> PathBuf {
        self.folder.join(number.to_string())
    }
}

fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(tried("write", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("template");
        fs::write(&disk, "new").unwrap();
        let store = Store::new(&folder.path().join("image"), "a");
        store.create(&disk).unwrap();
        assert!(store.create(&disk).is_err());
        (folder, store)
    }

    #[test]
    fn disk_and_state_change_together() {
        let (_folder, store) = image();
        assert!(matches!(store.state(), Err(StoreError::NoState(_))));
        store.prepare().unwrap();
        fs::write(store.disk(), "changed").unwrap();
        fs::write(store.new_state(), "memory").unwrap();
        store.commit().unwrap();
        assert_eq!(
            fs::read_to_string(store.state().unwrap()).unwrap(),
            "memory"
        );
        store.prepare().unwrap();
        assert_eq!(fs::read_to_string(store.disk()).unwrap(), "changed");
        // A state is good for its own disk only.
        store.commit().unwrap();
        assert!(matches!(store.state(), Err(StoreError::NoState(_))));
    }

    #[test]
    fn a_host_that_dies_changes_nothing() {
        let (_folder, store) = image();
        store.prepare().unwrap();
        fs::write(store.disk(), "half").unwrap();
        let other = Store::new(store.folder(), "b");
        other.prepare().unwrap();
        assert_eq!(fs::read_to_string(other.disk()).unwrap(), "new");
        // Nor when it dies just before its generation becomes the current one.
        fs::create_dir(store.folder().join("2")).unwrap();
        fs::write(store.folder().join("2/state"), "torn").unwrap();
        other.commit().unwrap();
        assert!(other.state().is_err());
        other.prepare().unwrap();
        assert_eq!(fs::read_to_string(other.disk()).unwrap(), "new");
    }

    #[test]
    fn an_image_without_a_generation_is_refused() {
        let (_folder, store) = image();
        for target in ["../../etc", "07", "+7", ""] {
            let current = store.folder().join("current");
            fs::remove_file(&current).unwrap_or_default();
            let _ = std::os::unix::fs::symlink(target, &current);
            assert!(
                matches!(store.prepare(), Err(StoreError::NoGeneration { .. })),
                "{target}"
            );
        }
        assert!(
            Store::new(Path::new("/nonexistent"), "a")
                .prepare()
                .is_err()
        );
    }
}
