//! Running the built binary.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The root of the repository, from which the paths of scenarios are counted.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The binary, about to run in the repository with none of the user's colour settings.
pub(crate) fn tetrarch(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tetrarch"));
    command.args(args).current_dir(root());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

/// Runs to the end.
pub(crate) fn run(args: &[&str]) -> Output {
    tetrarch(args).output().unwrap()
}

/// Runs, asserts the exit code, and returns standard output and standard error.
pub(crate) fn texts(args: &[&str], code: i32) -> (String, String) {
    let output = run(args);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    (out, err)
}

/// Runs, asserts exit code 2, an empty standard output and one line of error, and returns the line.
pub(crate) fn refusal(args: &[&str]) -> String {
    let (out, err) = texts(args, 2);
    assert_eq!(out, "", "{args:?}");
    assert_eq!(err.matches('\n').count(), 1, "{args:?}: {err}");
    assert!(err.starts_with("error: "), "{args:?}: {err}");
    err.trim_end().to_owned()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The path as an argument.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}
