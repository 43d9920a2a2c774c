//! The hook `packaging/hooks/sync` with a real rsync, between two folders of this machine.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

mod real;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use real::available;
use tempfile::TempDir;

/// The virtual server's data, the real server's, and what the host keeps, each a folder.
struct Bench(TempDir);

impl Bench {
    fn new() -> Option<Self> {
        available(false, &["rsync", "flock"]).then(|| {
            let bench = Self(tempfile::tempdir().unwrap());
            for folder in ["virtual/new", "real/new", "state"] {
                fs::create_dir_all(bench.0.path().join(folder)).unwrap();
            }
            bench
        })
    }

    /// Writes a file that was changed `age_s` ago.
    fn write(&self, name: &str, text: &str, age_s: u64) {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        #[allow(
            clippy::disallowed_methods,
            reason = "a file's age decides nothing in the agent"
        )]
        let changed = SystemTime::now() - Duration::from_secs(age_s);
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(changed).unwrap();
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.path().join(name)).ok()
    }

    fn run(&self, phase: &str, take: &str) -> Output {
        let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/hooks/sync");
        let place = |name: &str| format!("{}/{name}/", self.0.path().display());
        Command::new(hook)
            .env("TETRARCH_PHASE", phase)
            .env("TETRARCH_FUNCTION", "mail")
            .env("TETRARCH_VIRTUAL_ADDRESS", "10.0.0.21")
            .env("TETRARCH_REAL_ADDRESS", "10.0.0.11")
            .env("TETRARCH_STATE", self.0.path().join("state"))
            .env("TETRARCH_SYNC_FROM", place("virtual"))
            .env("TETRARCH_SYNC_TO", place("real"))
            .env("TETRARCH_SYNC_TAKE", take)
            .output()
            .unwrap()
    }

    fn done(&self, phase: &str, take: &str) {
        let output = self.run(phase, take);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{phase}: {said}");
    }
}

#[test]
fn what_is_new_goes_home_and_nothing_there_is_lost() {
    let Some(bench) = Bench::new() else { return };
    bench.write("virtual/new/1", "one", 10);
    bench.write("virtual/new/both", "older", 20);
    bench.write("real/new/both", "newer", 10);
    bench.write("real/new/own", "own", 10);
    bench.done("serving", "no");
    assert_eq!(bench.read("real/new/1").as_deref(), Some("one"));
    bench.write("virtual/new/2", "two", 1);
    bench.write("virtual/new/1", "one, changed", 1);
    bench.done("last", "no");
    assert_eq!(bench.read("real/new/2").as_deref(), Some("two"));
    assert_eq!(bench.read("real/new/1").as_deref(), Some("one, changed"));
    assert_eq!(bench.read("real/new/both").as_deref(), Some("newer"));
    assert_eq!(bench.read("real/new/own").as_deref(), Some("own"));
    assert_eq!(bench.read("virtual/new/1").as_deref(), Some("one, changed"));
    assert!(!bench.0.path().join("state/sync/mail").exists());
}

#[test]
fn what_is_taken_does_not_come_back_with_the_next_hand_back() {
    let Some(bench) = Bench::new() else { return };
    bench.write("virtual/new/1", "one", 10);
    bench.done("serving", "yes");
    assert!(bench.read("virtual/new/1").is_some(), "it still serves it");
    bench.write("virtual/new/2", "two", 1);
    bench.done("last", "yes");
    for name in ["1", "2"] {
        assert_eq!(bench.read(&format!("virtual/new/{name}")), None);
        fs::remove_file(bench.0.path().join("real/new").join(name)).unwrap();
    }
    bench.done("serving", "yes");
    bench.done("last", "yes");
    assert_eq!(bench.read("real/new/1"), None);
}

#[test]
fn what_the_real_server_does_not_take_stays() {
    let Some(bench) = Bench::new() else { return };
    bench.write("virtual/new/1", "one", 10);
    // A file in the place of the folder takes nothing.
    fs::remove_dir_all(bench.0.path().join("real")).unwrap();
    bench.write("real", "no folder", 10);
    let output = bench.run("last", "yes");
    assert!(!output.status.success());
    assert!(!output.stderr.is_empty());
    assert_eq!(bench.read("virtual/new/1").as_deref(), Some("one"));
    assert_eq!(bench.run("first", "no").status.code(), Some(2));
}
