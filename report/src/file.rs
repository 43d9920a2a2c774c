//! Files that appear whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;
use thiserror::Error;

/// Why a file cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The path names no file.
    #[error("{}: this names no file", path.display())]
    NoName {
        /// The path.
        path: PathBuf,
    },
    /// Something else than a file is there: a folder, or a device that must not be replaced by a file.
    #[error("{}: there is something here that is not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refuses.
    #[error("{}: cannot write: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
}

/// Writes `bytes` to `path`, replacing a file that is there; whoever reads sees the old content or the new.
///
/// The bytes go to a temporary file in the same folder, which then takes the name. A symbolic link stays, and
/// the file it points to is replaced. The folder must exist.
///
/// # Errors
///
/// A path without a file name, a folder or device in the file's place, or whatever the operating system
/// refuses; every error names the path, and a file that was there is left as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    if path.file_name().is_none() {
        return Err(FileError::NoName {
            path: path.to_owned(),
        });
    }
    let target = match path.metadata() {
        Ok(metadata) if !metadata.is_file() => {
            return Err(FileError::NotAFile {
                path: path.to_owned(),
            });
        }
        Ok(_) => path.canonicalize().map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(failed(error)),
    };
    // A bare file name has the empty path as its parent, which the system does not take for a folder.
    let folder = target
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(".tetrarch-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary file is private by default; a result is as readable as the user's mask lets it be.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn writes_and_replaces_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_in_the_place_of_the_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_atomic(folder.path(), b"x").unwrap_err();
        assert!(matches!(error, FileError::NotAFile { .. }));
        assert!(
            error
                .to_string()
                .starts_with(&folder.path().display().to_string())
        );
    }

    #[test]
    fn a_missing_folder_and_a_file_in_its_place_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none/a.csv");
        assert!(
            matches!(write_atomic(&missing, b"x"), Err(FileError::Io { path, .. }) if path == missing)
        );
        fs::write(folder.path().join("file"), b"").unwrap();
        assert!(write_atomic(&folder.path().join("file/a.csv"), b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_path_without_a_name_is_an_error() {
        for path in ["", "/", ".."] {
            assert!(
                matches!(
                    write_atomic(Path::new(path), b"x"),
                    Err(FileError::NoName { .. })
                ),
                "{path}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn special_files_are_not_replaced_and_links_stay_links() {
        let folder = tempfile::tempdir().unwrap();
        // A socket stands for a device: a real one would be lost if this test failed as root.
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(matches!(
            write_atomic(&socket, b"x"),
            Err(FileError::NotAFile { .. })
        ));
        assert!(!socket.metadata().unwrap().is_file());
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }
}
