//! What the tests with the real thing share: they need root, tools or daemons that a machine may lack.

use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Whether a test can run here. If not it says so on the real standard error, past the test harness, and
/// the test returns; with `TETRARCH_REQUIRE_REAL=1`, as in the CI, skipping is a failure.
pub(crate) fn available(root: bool, programs: &[&str]) -> bool {
    let lacking = if root && !nix::unistd::geteuid().is_root() {
        Some("root's rights".to_owned())
    } else {
        programs
            .iter()
            .find(|program| find(program).is_none())
            .map(|program| format!("the program {program}"))
    };
    let Some(lacking) = lacking else { return true };
    assert!(
        std::env::var_os("TETRARCH_REQUIRE_REAL").is_none_or(|value| value != "1"),
        "TETRARCH_REQUIRE_REAL=1, but {lacking} is missing"
    );
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {lacking} is missing");
    false
}

/// The path of a program.
pub(crate) fn find(program: &str) -> Option<std::path::PathBuf> {
    if program.starts_with('/') {
        return Path::new(program).exists().then(|| program.into());
    }
    let folders = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    folders
        .split(':')
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.exists())
}

/// Runs a command that must succeed.
#[allow(dead_code, reason = "not every test target runs one")]
pub(crate) fn run(line: &str) {
    let mut words = line.split_whitespace();
    let program = find(words.next().unwrap()).unwrap();
    let done = Command::new(program).args(words).output().unwrap();
    assert!(
        done.status.success(),
        "{line}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Runs `work` to its end on this thread.
#[allow(dead_code, reason = "not every test target waits for something")]
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}
