//! The full screen of `status --watch` on a terminal that is taken away.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const PATIENCE: Duration = Duration::from_secs(60);

/// A ring of one server that is well, as an agent tells it.
const RING: &str = r#"{"answer":"ring","site":"office","asked_from":"mail","frozen":false,"servers":[{"server":"mail","state":"managing","unasked":null,"in_ring":true,"maintenance":false,"away":false,"p1":null,"p2":null,"recovered_by":null,"function":{"by":"itself"},"last_event":null,"heard_age_s":null}],"disagreeing":[]}"#;

/// Answers every question at `socket` with [`RING`].
fn answer(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = String::new();
            let _ = BufReader::new(&stream).read_line(&mut asked);
            // Who asked may have gone.
            let _ = stream.write_all(format!("{RING}\n").as_bytes());
        }
    });
}

/// Both ends of a new terminal: the emulator's, and the one for programs.
fn terminal() -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&master, size).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    // The test itself is not to be ended with this terminal.
    options.custom_flags(OFlags::NOCTTY.bits() as i32);
    (master.into(), options.open(path).unwrap())
}

fn end_of(child: &mut Child) -> Option<bool> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.success());
        }
        sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

#[test]
fn the_screen_ends_with_its_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    answer(&run.join("control.sock"));
    let site = folder.path().join("site.toml");
    let text = format!(
        "name = \"office\"\nserver = \"mail\"\nring = [\"mail\", \"web\"]\nguests_max = 3\n\
         program = \"/usr/lib/tetrarch/parts\"\n[folders]\nrun = {run:?}\n"
    );
    fs::write(&site, text).unwrap();
    let (mut master, slave) = terminal();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tetrarch"))
        .args(["status", "--watch", "--site"])
        .arg(&site)
        .env("TERM", "xterm")
        .stdin(slave.try_clone().unwrap())
        .stdout(slave.try_clone().unwrap())
        .stderr(slave)
        .spawn()
        .unwrap();
    let mut shown = Vec::new();
    while !String::from_utf8_lossy(&shown).contains("mail") {
        let mut some = [0; 4096];
        let read = master.read(&mut some).unwrap();
        shown.extend_from_slice(&some[..read]);
    }
    assert_eq!(child.try_wait().unwrap(), None, "it has ended too early");
    drop(master);
    assert_eq!(end_of(&mut child), Some(true));
}
