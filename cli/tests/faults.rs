//! Faults of a server's own machine, with whole agents of a guarded group: an agent that is killed or stands still,
//! disks that are full, a shared area that hangs, no D-Bus, another date. A function is served again or its address
//! goes, never has an address two holders, and the log says what was wrong.
//!
//! It needs root's rights and the programs `ip`, `mount` and `cc`, and says so where it lacks them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod netns;

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use netns::{PROGRAM, Setup, Site, USUAL, available, ip, signal};

/// A virtual server is a file while it runs, and its address is on its host's interface while it serves. What it
/// is called for is written down before it is done, and takes a while.
const PARTS: &str = r#"#!/bin/sh
state=$(dirname "$TETRARCH_DATA")
folder=$(dirname "$0")
me=$(basename "$(dirname "$state")")
echo "$*" >>"$folder/calls-$me"
vip=$(head -n 1 "$TETRARCH_DATA/$2.dat" 2>/dev/null)
off() { ip address del "$vip/32" dev eth0 2>/dev/null; true; }
case "$1" in
    examine-network) [ ! -e "$folder/down-$2" ] ;;
    examine-services) if [ -e "$folder/failing-$2" ]; then echo 1; fi ;;
    resume) sleep 0.3; [ ! -e "$folder/no-state" ] && : >"$state/runs-$2" ;;
    cold-start) sleep 0.3; [ ! -e "$folder/no-program" ] && : >"$state/runs-$2" ;;
    assign) sleep 0.3; ip address replace "$vip/32" dev eth0 ;;
    release) sleep 0.3; off ;;
    suspend | undo-start) off; rm -f "$state/runs-$2" ;;
    serving)
        for file in "$state"/runs-*; do
            host=${file##*/runs-}
            vip=$(head -n 1 "$TETRARCH_DATA/$host.dat" 2>/dev/null) || continue
            if ip -4 address show dev eth0 | grep -q " $vip/"; then echo "$host"; fi
        done ;;
    restart-server) rm -f "$folder/failing-$me"; kill "$PPID" ;;
    fence) exit 1 ;;
esac
"#;

const PACE: &str = r#"[executer]
look_every = "100ms"
copy_max = "1s"
[timing]
inter_monitoring = "500ms"
reexamination_wait = "200ms"
judgement_max = "2s"
hand_off = "20ms"
poll_pause = "100ms"
sync_grace = "1s"
join_wait = "500ms"
lease_term = "6s"
"#;

const WITH_GUESTS: Setup = Setup {
    parts: PARTS,
    pace: PACE,
    ..USUAL
};

/// Looks for an address with two holders for as long as this value is there.
struct Holders {
    is_over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<Option<String>>>,
}

impl Holders {
    fn watch(site: &Site) -> Self {
        let hosts = [site.host(1), site.host(2)];
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let shown = |host: &str| ip(&format!("-n {host} -4 addr show dev eth0"));
        let thread = thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                // What the first has before and after the second was asked it had at that moment.
                let [before, other, after] =
                    [&hosts[0], &hosts[1], &hosts[0]].map(|host| shown(host));
                for address in ["10.78.0.101/", "10.78.0.102/"] {
                    if [&before, &other, &after]
                        .iter()
                        .all(|text| text.contains(address))
                    {
                        return Some(address.to_owned());
                    }
                }
            }
            None
        });
        Self {
            is_over,
            thread: Some(thread),
        }
    }

    fn end(mut self, site: &Site) {
        self.is_over.store(true, Ordering::Relaxed);
        let found = self.thread.take().unwrap().join().unwrap();
        assert_eq!(found, None, "two holders: {}", site.logs());
        for n in [1, 2] {
            assert!(!site.log(n).contains("panicked"), "{}", site.log(n));
        }
    }
}

impl Drop for Holders {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// A file system over a folder, for as long as this value is there.
struct Mounted(PathBuf);

impl Mounted {
    /// A disk of `kilobytes`.
    fn disk(folder: &Path, kilobytes: usize) -> Self {
        fs::create_dir_all(folder).unwrap();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={kilobytes}k"),
                "tetrarch-test",
            ])
            .arg(folder)
            .status();
        assert!(mounted.unwrap().success());
        Self(folder.to_owned())
    }

    /// Leaves no room on it.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[0; 1024]).is_ok() {}
        while file.write_all(&[0]).is_ok() {}
        path
    }

    /// A file server that takes questions and answers none, until the file that comes with it is closed; then it is
    /// gone.
    fn file_server_that_hangs(folder: &Path) -> (Self, File) {
        let questions = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .unwrap();
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0",
            questions.as_raw_fd()
        );
        let options = CString::new(options).unwrap();
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount(
            "tetrarch-test",
            folder,
            "fuse",
            flags,
            Some(options.as_c_str()),
        )
        .unwrap();
        (Self(folder.to_owned()), questions)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let flags = rustix::mount::UnmountFlags::DETACH | rustix::mount::UnmountFlags::FORCE;
        let _ = rustix::mount::unmount(&self.0, flags);
    }
}

/// A site with virtual servers in which both serve, watched for two holders.
fn in_service() -> (Site, Holders) {
    let mut site = Site::with(WITH_GUESTS);
    site.start(1);
    site.start(2);
    site.until("both addresses", serves_both);
    let holders = Holders::watch(&site);
    (site, holders)
}

fn serves_both(site: &Site) -> bool {
    site.has_own(1) && site.has_own(2)
}

fn has(site: &Site, n: usize, address: &str) -> bool {
    site.addresses(n).contains(&format!("{address}/"))
}

/// Kills the newest agent of server `n`, as a crash would.
fn kill(site: &mut Site, n: usize) {
    let run = site.settings(n).to_string_lossy().into_owned();
    for agent in &mut site.agents {
        let line = fs::read(format!("/proc/{}/cmdline", agent.id())).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(&run) {
            agent.kill().unwrap();
            agent.wait().unwrap();
        }
    }
}

fn tetrarch(site: &Site, n: usize, words: &str) -> std::process::Output {
    let mut command = Command::new(PROGRAM);
    command
        .args(words.split(' '))
        .arg("--site")
        .arg(site.settings(n));
    command.output().unwrap()
}

/// How often server 1 was called for this.
fn calls(site: &Site, what: &str) -> usize {
    let calls = fs::read_to_string(site.path("calls-server1")).unwrap_or_default();
    calls.lines().filter(|line| *line == what).count()
}

#[test]
fn an_agent_that_is_killed_at_any_step_of_a_recovery_takes_it_up_again() {
    if !available() {
        return;
    }
    let (mut site, holders) = in_service();
    let down = site.path("down-server2");
    for step in [
        "power-on server2",
        "resume server2",
        "assign server2",
        "release server2",
    ] {
        let before = calls(&site, step);
        kill(&mut site, 2);
        fs::write(&down, "").unwrap();
        let is_return = step == "release server2";
        if !is_return {
            site.until(step, |site| calls(site, step) > before);
            kill(&mut site, 1);
            site.start(1);
        }
        site.until("the virtual server", |site| has(site, 1, "10.78.0.102"));
        fs::remove_file(&down).unwrap();
        site.start(2);
        if is_return {
            site.until(step, |site| calls(site, step) > before);
            kill(&mut site, 1);
            site.start(1);
        }
        site.until("its return", |site| {
            site.has_own(2) && !has(site, 1, "10.78.0.102")
        });
        site.until("the other's own address", |site| site.has_own(1));
    }
    holders.end(&site);
}

#[test]
fn a_virtual_server_without_a_state_is_started_cold_and_one_without_a_program_is_told_of() {
    if !available() {
        return;
    }
    let (mut site, holders) = in_service();
    let [down, no_state, no_program] =
        ["down-server2", "no-state", "no-program"].map(|name| site.path(name));
    for missing in [&no_program, &no_state] {
        fs::write(&no_state, "").unwrap();
        fs::write(missing, "").unwrap();
        kill(&mut site, 2);
        fs::write(&down, "").unwrap();
        if missing == &no_program {
            site.until("what is told", |site| {
                let log = site.log(1);
                log.contains("VirtualServerFailed")
                    && log.contains("cold-start server2: exit status: 1")
            });
            assert!(!has(&site, 1, "10.78.0.102"), "{}", site.logs());
        } else {
            let before = calls(&site, "cold-start server2");
            site.until("the cold start", |site| {
                calls(site, "cold-start server2") > before
            });
            site.until("the virtual server", |site| has(site, 1, "10.78.0.102"));
        }
        fs::remove_file(&down).unwrap();
        let _ = fs::remove_file(&no_program);
        site.start(2);
        site.until("its return", |site| {
            serves_both(site) && !has(site, 1, "10.78.0.102")
        });
    }
    holders.end(&site);
}

#[test]
fn after_a_pause_that_was_longer_than_its_lease_a_server_first_lets_go() {
    if !available() {
        return;
    }
    let mut site = Site::new();
    site.start(1);
    site.start(2);
    site.until("both addresses", |site| {
        site.has_lifetime(1) && site.has_lifetime(2)
    });
    let holders = Holders::watch(&site);
    let still: Vec<u32> = site
        .guards(1)
        .into_iter()
        .chain([site.agents[0].id()])
        .collect();
    still.iter().for_each(|pid| signal(*pid, "STOP"));
    site.until("the end of its lifetime", |site| !site.has_own(1));
    // The kernel takes it off a little early; the lease itself has to end too.
    sleep(Duration::from_secs(5));
    let before = site.log(1).len();
    still.iter().for_each(|pid| signal(*pid, "CONT"));
    site.until("its return", |site| site.has_own(1));
    let log = site.log(1).split_off(before);
    let first = log.lines().find(|line| line.contains("noted"));
    assert!(
        first.is_some_and(|line| line.contains("LeaseLost")),
        "{log}"
    );
    holders.end(&site);
}

#[test]
fn a_full_state_folder_costs_records_and_no_service() {
    if !available() {
        return;
    }
    let mut site = Site::with(WITH_GUESTS);
    let disk = Mounted::disk(&site.path("site/server1/state"), 512);
    fs::write(site.path("site/server1/state/managed"), "").unwrap();
    site.start(1);
    site.start(2);
    site.until("both addresses", serves_both);
    let holders = Holders::watch(&site);
    disk.fill();
    kill(&mut site, 1);
    site.start(1);
    site.until("the next life", |site| site.log(1).contains("fresh=false"));
    site.until("what is not written", |site| {
        let log = site.log(1);
        let said = [
            "the management data cannot be copied",
            "cannot write the record",
        ];
        said.iter().all(|text| log.contains(text)) && log.contains("No space left on device")
    });
    site.until("both addresses again", serves_both);
    // It can be told to stop and start all the same.
    assert!(tetrarch(&site, 1, "manage stop").status.success());
    site.until("the end of its programs", |site| !site.has_own(1));
    holders.end(&site);
}

#[test]
fn what_cannot_be_written_is_not_held() {
    if !available() {
        return;
    }
    let mut site = Site::new();
    let disk = Mounted::disk(&site.run(1), 64);
    site.start(1);
    site.start(2);
    site.until("both addresses", |site| {
        site.has_lifetime(1) && site.has_lifetime(2)
    });
    let holders = Holders::watch(&site);
    let filler = disk.fill();
    site.until("the end of an address that nobody could end", |site| {
        !site.has_own(1)
    });
    assert!(
        site.log(1).contains("holds cannot be written"),
        "{}",
        site.log(1)
    );
    fs::remove_file(filler).unwrap();
    site.until("its return", |site| site.has_own(1));
    site.until("the other one", |site| site.has_own(2));
    holders.end(&site);
}

#[test]
fn a_shared_area_that_hangs_or_goes_away_holds_nothing_up() {
    if !available() {
        return;
    }
    let (mut site, holders) = in_service();
    let (mounted, questions) = Mounted::file_server_that_hangs(&site.path("site/shared"));
    // An agent that starts now has the last copy of the management data, and the other's vote.
    kill(&mut site, 1);
    site.start(1);
    site.until("a start from the last copy", |site| {
        site.log(1).contains("fresh=false")
    });
    site.until("both addresses", serves_both);
    let status = tetrarch(&site, 1, "status");
    let shown = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(shown.contains("server2"), "{shown}");

    // It is gone: its client is told so at once.
    drop(questions);
    kill(&mut site, 2);
    site.start(2);
    site.until("a start without it", |site| {
        site.log(2).contains("fresh=false")
    });
    site.until("both addresses", serves_both);
    assert!(site.log(2).contains("the management data cannot be copied"));

    drop(mounted);
    kill(&mut site, 2);
    site.start(2);
    site.until("a fresh copy", |site| {
        site.log(2).matches("fresh=true").count() == 2
    });
    site.until("both addresses", serves_both);
    holders.end(&site);
}

#[test]
fn without_d_bus_the_next_means_is_tried() {
    if !available() {
        return;
    }
    let by_program = r#""examine", "power", "virtual-servers""#;
    let mut site = Site::with(Setup {
        by_program,
        ..WITH_GUESTS
    });
    site.start(1);
    let no_bus = [("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")];
    site.start_with(2, &no_bus);
    site.until("both addresses", serves_both);
    let holders = Holders::watch(&site);
    fs::write(site.path("failing-server2"), "").unwrap();
    site.until("what was refused", |site| {
        let log = site.log(2);
        log.contains("refused or failed") && log.contains("no connection to the system bus")
    });
    // The server is restarted then, and with it its agent.
    site.until("the restart", |site| !site.path("failing-server2").exists());
    site.agents[1].wait().unwrap();
    site.start_with(2, &no_bus);
    site.until("its return", |site| {
        let recovered = site.log(1).contains("Recovered");
        recovered && serves_both(site) && !has(site, 1, "10.78.0.102")
    });
    holders.end(&site);
}

/// Puts the calendar off by as many seconds as a file says, for a program that asks the C library.
const CALENDAR: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long off(void) {
    char text[32] = {0};
    int file = open(getenv("TEST_CALENDAR"), O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    if (read(file, text, sizeof text - 1) < 0) text[0] = 0;
    close(file);
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += off();
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    int failed = syscall(SYS_gettimeofday, now, zone);
    if (!failed) now->tv_sec += off();
    return failed;
}

time_t time(time_t *now) {
    struct timespec it;
    clock_gettime(CLOCK_REALTIME, &it);
    if (now) *now = it.tv_sec;
    return it.tv_sec;
}
"#;

/// The calendar's time of the last entry in the journal of server 1, in hours after this program's calendar.
fn hours_off(site: &Site) -> f64 {
    let folder = site.path("site/server1/state/journal");
    let file = fs::read_dir(folder)
        .unwrap()
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    let file = file.max().unwrap();
    let text = fs::read_to_string(file).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    (last["unix_ms"].as_f64().unwrap() / 1000.0 - now.unwrap().as_secs_f64()) / 3600.0
}

#[test]
fn a_step_of_the_date_by_an_hour_moves_nothing() {
    if !available() {
        return;
    }
    let mut site = Site::new();
    let (source, library, by) = (
        site.path("calendar.c"),
        site.path("calendar.so"),
        site.path("calendar"),
    );
    fs::write(&source, CALENDAR).unwrap();
    fs::write(&by, "0").unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    assert!(built.unwrap().success());
    let environment = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("TEST_CALENDAR", by.to_str().unwrap()),
    ];
    site.start_with(1, &environment);
    site.start_with(2, &environment);
    site.until("both addresses", |site| {
        site.has_lifetime(1) && site.has_lifetime(2)
    });
    let holders = Holders::watch(&site);
    for (hours, order) in [(1_i32, "order freeze"), (-1, "order thaw")] {
        fs::write(&by, (hours * 3600).to_string()).unwrap();
        // More than a lease: what was renewed by the calendar would have ended, or never end.
        sleep(Duration::from_secs(6));
        site.until("both addresses", serves_both);
        assert!(tetrarch(&site, 1, order).status.success());
        site.until("an event at the new date", |site| {
            (hours_off(site) - f64::from(hours)).abs() < 0.5
        });
        // Connections are made anew at the new date, too.
        kill(&mut site, 2);
        site.start_with(2, &environment);
        site.until("the other one's return", serves_both);
    }
    // An agent that stands still is noticed all the same.
    signal(site.agents[0].id(), "STOP");
    site.until("the end of its address", |site| !site.has_own(1));
    signal(site.agents[0].id(), "CONT");
    site.until("its return", |site| site.has_own(1));
    holders.end(&site);
}
