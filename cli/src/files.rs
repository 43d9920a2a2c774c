//! Folders and files by name.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// Makes a folder with all those above it, unless it is there.
pub(crate) fn make_folder(folder: &Path) -> Result<(), CliError> {
    fs::create_dir_all(folder).map_err(CliError::path(folder, "make this folder"))
}

/// The text of a file of at most `limit_bytes`; `expected` says what it should be.
pub(crate) fn read_text(
    path: &Path,
    limit_bytes: usize,
    expected: &str,
) -> Result<String, CliError> {
    let (file, cannot) = (path.display(), || CliError::path(path, "read this file"));
    let mut bytes = Vec::new();
    // The limit is put on the reading: devices and pipes have no size to look at, and may never end.
    let limit = u64::try_from(limit_bytes).unwrap_or(u64::MAX);
    let mut reader = fs::File::open(path)
        .map_err(cannot())?
        .take(limit.saturating_add(1));
    reader.read_to_end(&mut bytes).map_err(cannot())?;
    if bytes.len() > limit_bytes {
        return Err(CliError::Usage(format!(
            "{file}: is too large; expected {expected} of at most {limit_bytes} bytes"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        CliError::Usage(format!(
            "{file}:{line}: found bytes that are not UTF-8; expected {expected}"
        ))
    })
}

/// All files with this ending under `folder`, at any depth, in the order of their paths.
pub(crate) fn files_under(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, CliError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let refused = || CliError::path(&folder, "read this folder");
        for entry in fs::read_dir(&folder).map_err(refused())? {
            let path = entry.map_err(refused())?.path();
            // A symbolic link to a folder is followed for files alone, or a circle would never end.
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// All scenario files under `folder`: those that end in `.toml`, but not those in folders called `timing`, which
/// hold parameters that scenarios name.
pub(crate) fn scenario_files(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let is_timing = |path: &PathBuf| {
        let inner = path.strip_prefix(folder).unwrap_or(path);
        inner.components().any(|part| part.as_os_str() == "timing")
    };
    let mut files = files_under(folder, "toml")?;
    files.retain(|path| !is_timing(path));
    Ok(files)
}
