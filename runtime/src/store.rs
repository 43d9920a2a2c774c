//! Management data in the shared area, their local copy, and the flag file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tetrarch_core::data::{
    BYTES_MAX, DataError, GroupData, GroupError, HostName, ManagementData, file_name,
};
use thiserror::Error;

use crate::disk;

/// Why management data cannot be had.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file or folder fails.
    #[error("{}: {source}", path.display())]
    Path {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is no management data.
    #[error("{}: {source}", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: DataError,
    },
    /// A file is about another server than its name says.
    #[error("{}: expected the management data of {expected}, found those of {found}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// The server of the ring.
        expected: HostName,
        /// The server in the file.
        found: HostName,
    },
    /// The files make no group.
    #[error("{}: {source}", folder.display())]
    Group {
        /// Their folder.
        folder: PathBuf,
        /// What is wrong.
        source: GroupError,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Path { path, source }
}

/// Reads the management data of `ring` in `folder`.
///
/// # Errors
///
/// Names the file that is missing or wrong.
pub fn read(folder: &Path, ring: &[HostName]) -> Result<GroupData, StoreError> {
    let mut members = Vec::new();
    for host in ring {
        let path = folder.join(file_name(host));
        let mut text = String::new();
        let file = File::open(&path).map_err(at(&path))?;
        // One byte more than there may be, so that what is too long is noticed as such.
        let mut file = file.take(BYTES_MAX as u64 + 1);
        file.read_to_string(&mut text).map_err(at(&path))?;
        let data = ManagementData::parse(&text).map_err(|source| StoreError::Data {
            path: path.clone(),
            source,
        })?;
        if !data.host().same_host(host) {
            return Err(StoreError::Other {
                path,
                expected: host.clone(),
                found: data.host().clone(),
            });
        }
        members.push(data);
    }
    GroupData::new(members).map_err(|source| StoreError::Group {
        folder: folder.to_owned(),
        source,
    })
}

/// Copies the management data of `ring` from `shared` to `copy`. The copy is made beside and checked
/// first; then it takes the place of the old one at once, so a copy that was interrupted is no copy.
///
/// # Errors
///
/// Names the file that is missing or wrong, or cannot be written.
pub fn copy(shared: &Path, copy: &Path, ring: &[HostName]) -> Result<(), StoreError> {
    let group = read(shared, ring)?;
    let beside = copy.with_extension("new");
    match fs::remove_dir_all(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(at(&beside)(error));
        }
        _ => {}
    }
    fs::create_dir_all(&beside).map_err(at(&beside))?;
    for (name, text) in group.files() {
        let path = beside.join(name);
        write_synced(&path, &text).map_err(at(&path))?;
    }
    exchange(&beside, copy).map_err(at(copy))?;
    // What is left is the old copy; the next one would remove it too.
    let _ = fs::remove_dir_all(&beside);
    Ok(())
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn exchange(new: &Path, place: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE) {
        Err(Errno::NOENT) => fs::rename(new, place)?,
        other => other?,
    }
    disk::sync_folder(place)
}

/// Creates or removes the flag file.
///
/// # Errors
///
/// When the disk refuses.
pub fn set_flag(flag: &Path, present: bool) -> Result<(), StoreError> {
    let set = || {
        if present {
            if let Some(folder) = flag.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut options = OpenOptions::new();
            return options.create(true).append(true).open(flag)?.sync_all();
        }
        match fs::remove_file(flag) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    };
    set().map_err(at(flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> Vec<HostName> {
        ["server1", "server2"]
            .map(|host| host.parse().unwrap())
            .to_vec()
    }

    fn write_data(folder: &Path, mac: u8) {
        for n in [1, 2] {
            let text = format!(
                "10.0.0.20{n}\nserver{n}\n10.0.0.{n}\n52:54:00:00:{mac:02x}:0{n}\nnginx\nserver{n}b\n/vm/{n}.xml\n"
            );
            fs::write(folder.join(format!("server{n}.dat")), text).unwrap();
        }
    }

    #[test]
    fn a_copy_replaces_the_last_one_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (shared, local) = (folder.path().join("shared"), folder.path().join("data"));
        fs::create_dir(&shared).unwrap();
        assert!(copy(&shared, &local, &ring()).is_err());
        assert!(!local.exists());
        for mac in [1, 2] {
            write_data(&shared, mac);
            copy(&shared, &local, &ring()).unwrap();
            let expected = read(&shared, &ring()).unwrap();
            assert_eq!(read(&local, &ring()).unwrap(), expected);
        }
        let good = read(&local, &ring()).unwrap();
        fs::write(shared.join("server2.dat"), "half a fi").unwrap();
        assert!(matches!(
            copy(&shared, &local, &ring()),
            Err(StoreError::Data { .. })
        ));
        assert_eq!(read(&local, &ring()).unwrap(), good);
    }

    #[test]
    fn data_of_another_server_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        write_data(folder.path(), 1);
        let text = fs::read(folder.path().join("server1.dat")).unwrap();
        fs::write(folder.path().join("server2.dat"), text).unwrap();
        assert!(matches!(
            read(folder.path(), &ring()),
            Err(StoreError::Other { .. })
        ));
    }

    #[test]
    fn the_flag_is_set_and_removed_as_often_as_one_likes() {
        let folder = tempfile::tempdir().unwrap();
        let flag = folder.path().join("state").join("managed");
        for present in [true, true, false, false, true] {
            set_flag(&flag, present).unwrap();
            assert_eq!(flag.exists(), present);
        }
    }
}
