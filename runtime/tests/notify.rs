//! Notifications over crashes: a process that keeps a journal and tells a hook of it is killed again and
//! again, at any point, and the hook hears of everything in order.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use tetrarch_core::data::HostName;
use tetrarch_core::{Event, ServerId, Time};
use tetrarch_runtime::disk::Disk;
use tetrarch_runtime::driver::Noted;
use tetrarch_runtime::journal::{Journal, Room, read_after};
use tetrarch_runtime::notify::{self, Deliveries, Hook, Teller};
use tokio::sync::broadcast;

const FOLDER: &str = "TETRARCH_TEST_FOLDER";
const EVENTS: &str = "TETRARCH_TEST_EVENTS";

/// Notes what it is told, and takes nothing each fifth time.
const HOOK: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
read -r line
echo x >>attempts
if [ $(($(wc -l <attempts) % 5)) -eq 0 ]; then exit 1; fi
case "$line" in
    *"\"number\":$TETRARCH_NUMBER,"*'"kind":"served"'*'"server":"web"'*) ;;
    *) echo "$line" >>unexpected ;;
esac
echo "$TETRARCH_NUMBER" >>taken
"#;

fn begin_child(folder: &Path, events: u32) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_life", "--ignored"])
        .env(FOLDER, folder)
        .env(EVENTS, events.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn taken(folder: &Path) -> Vec<u64> {
    let text = fs::read_to_string(folder.join("taken")).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn a_hook_hears_of_everything_in_order_however_often_its_teller_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o755);
    let mut program = options.open(path.join("hook")).unwrap();
    program.write_all(HOOK.as_bytes()).unwrap();
    drop(program);
    for life in 1..=12 {
        let mut child = begin_child(path, 30);
        let enough = taken(path).len() + 1 + life % 4;
        while taken(path).len() < enough {
            assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
            thread::sleep(Duration::from_millis(1));
        }
        // Not at the same point of the delivery each time.
        thread::sleep(Duration::from_micros(700 * life as u64));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(begin_child(path, 0).wait().unwrap().success());
    let unexpected = fs::read_to_string(path.join("unexpected")).unwrap_or_default();
    assert_eq!(unexpected, "");
    let mut told = taken(path);
    let times = told.len();
    // A kill between the end of the hook and the remembering tells it again, and that is all.
    told.dedup();
    assert!(times - told.len() <= 12, "{times} times for {}", told.len());
    let expected: Vec<u64> = (1..=told.len() as u64).collect();
    assert_eq!(told, expected);
    let rest = read_after(&path.join("journal"), told.len() as u64).unwrap();
    assert_eq!(rest.entries, [], "{} were told", told.len());
    assert!(told.len() >= 24);
}

/// One life of the process that is killed: events come, and the hook is told. Without events it ends when
/// everything has been told.
#[tokio::test]
#[ignore = "runs in a process of its own, started by the test above"]
async fn a_life() {
    let folder = env::var_os(FOLDER).expect("a folder, as the test above gives");
    let events: u32 = env::var(EVENTS).unwrap().parse().unwrap();
    let folder = Path::new(&folder);
    let room = Room {
        file_bytes_max: 1500,
        files_max: 1000,
    };
    let journal = Journal::begin(&folder.join("journal"), room, true).unwrap();
    let ring: Vec<HostName> = ["mail", "web"].map(|name| name.parse().unwrap()).into();
    let [me, function] = [0, 1].map(|place| ServerId::new(place).unwrap());
    let (tell, heard) = broadcast::channel(256);
    let following = tokio::spawn(journal.clone().follow(heard, me, ring));
    for ms in 0..events {
        let at = Time::from_nanos(u64::from(ms) * 1_000_000);
        let event = Event::Served { function };
        tell.send(Noted { at, event }).unwrap();
    }
    let hook = Hook {
        program: folder.join("hook"),
        limit: Duration::from_secs(60),
        retry_min: Duration::from_millis(2),
        retry_max: Duration::from_millis(20),
    };
    let teller = Teller {
        site: "office".to_owned(),
        host: "mail".to_owned(),
    };
    let deliveries = Deliveries::default();
    let last = journal.last();
    let all_told = async {
        while events > 0 || deliveries.last.load(Ordering::Relaxed) < *last.borrow() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        ended = notify::deliver(journal, hook, teller, Disk::new(4), &deliveries) => ended.unwrap(),
        () = all_told => {}
    }
    following.abort();
}
